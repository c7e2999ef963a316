"""The table of layouts in a page, written from them: `python -m evi.feeds.catalogue docs/feeds.md`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from evi.feeds.layout import Layout
from evi.feeds.loading import load_layouts
from evi.workspace import replace_file

BEGIN, END = "<!-- layouts: begin -->", "<!-- layouts: end -->"
"""Marks around the generated part of a page."""


def layout_table(layouts: Mapping[str, Layout]) -> str:
    """A Markdown table of what each layout is, what a file of it is called and which events it yields."""
    lines = ["| feed | layout | what | file name | key of a row | events |", "|---|---|---|---|---|---|"]
    for layout in sorted(layouts.values(), key=lambda each: (each.feed, each.name)):
        codes = list(dict.fromkeys(event.code for event in layout.events))
        shown = ", ".join(f"`{code}`" for code in codes[:6])
        more = f" and {len(codes) - 6} more" if len(codes) > 6 else ""
        key = ", ".join(layout.row_key)
        cells = (layout.feed, f"`{layout.name}`", layout.title, f"`{layout.example}`", key, shown + more)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def refreshed(page: str, layouts: Mapping[str, Layout]) -> str:
    """The page with its generated part as the layouts now are."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{layout_table(layouts)}\n{END}{after}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        text = refreshed(Path(name).read_text(encoding="utf-8"), load_layouts())
        with replace_file(Path(name)) as scratch:
            scratch.write_text(text, encoding="utf-8")
