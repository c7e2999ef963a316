"""Writes `docs/asvs.md` from `docs/asvs.yaml`: `python -m tests.care.asvs_page`."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DATA, PAGE = ROOT / "docs/asvs.yaml", ROOT / "docs/asvs.md"
STATUSES = ("met", "partly", "operator", "not applicable")
TITLES = {"met": "met", "partly": "**partly**", "operator": "operator", "not applicable": "n/a"}


@cache
def listed() -> dict[str, Any]:
    """The data."""
    found: dict[str, Any] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return found


def chapter(requirement: dict[str, Any]) -> str:
    """`V3` of `V3.4.1`."""
    return str(requirement["id"].split(".")[0])


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests in a file, also in its classes."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def page() -> str:
    """The page."""
    data = listed()
    rows: list[dict[str, Any]] = data["requirements"]
    parts = [data["about"], *_counts(rows, data["chapters"])]
    for key, title in data["chapters"].items():
        parts += [
            f"\n## {key} {title}\n",
            "| | level | asks | | how, and where it is held |",
            "|---|---|---|---|---|",
        ]
        parts += [_row(each, data["evidence"]) for each in rows if chapter(each) == key]
    return "\n".join(parts) + "\n"


def _counts(rows: list[dict[str, Any]], chapters: dict[str, str]) -> list[str]:
    made = ["| | " + " | ".join(STATUSES) + " | all |", "|---" * (len(STATUSES) + 2) + "|"]
    for key, title in [*chapters.items(), ("", "**all**")]:
        found = Counter(each["status"] for each in rows if not key or chapter(each) == key)
        numbers = [str(found[status]) for status in STATUSES]
        made.append(
            f"| {key} {title} | ".replace("|  ", "| ") + " | ".join([*numbers, str(found.total())]) + " |"
        )
    return made


def _row(each: dict[str, Any], evidence: dict[str, list[str]]) -> str:
    names = [name for key in each.get("evidence", []) for name in evidence[key]]
    held = ", ".join(dict.fromkeys(_link(name) for name in names))
    how = "; ".join(part for part in (each.get("how", ""), held) if part)
    cells = (each["id"], str(each["level"]), each["asks"], TITLES[each["status"]], how)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _link(name: str) -> str:
    if name.startswith("docs/"):
        return f"[{Path(name).stem}]({Path(name).name})"
    return f"`{name.rpartition('::')[2]}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
