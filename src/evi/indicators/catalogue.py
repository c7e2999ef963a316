"""The list of indicators in a page, written from the registry: `python -m evi.indicators.catalogue PAGE`."""

from __future__ import annotations

import sys
from pathlib import Path

from evi.indicators.registry import DOMAINS, Indicator, Registry, load_registry
from evi.workspace import replace_file

BEGIN, END = "<!-- indicators: begin -->", "<!-- indicators: end -->"
"""Marks around the generated part of a page."""


def catalogue(registry: Registry) -> str:
    """A Markdown table for each domain: what each indicator says, needs and rests on."""
    parts = [f"{len(registry)} indicators, of which {len(registry.rates)} are rates of schools and areas."]
    for domain, title in DOMAINS.items():
        listed = [indicator for indicator in registry if indicator.domain == domain]
        if listed:
            parts.append(f"### {title}\n\n" + "\n".join([*_HEAD, *(_row(indicator) for indicator in listed)]))
    return "\n\n".join(parts)


_HEAD = (
    "| indicator | says | ages | stops | needs | who would know | evidence |",
    "|---|---|---|---|---|---|---|",
)


def _row(indicator: Indicator) -> str:
    low, high = indicator.age_months
    cells = (
        f"`{indicator.id}` ({indicator.scope})",
        indicator.title,
        f"{_age(low)} to {_age(high)}",
        indicator.decay,
        _needs(indicator),
        indicator.who_would_know,
        f"{indicator.evidence.figure}. Source: {indicator.evidence.source}",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _age(months: int) -> str:
    years, rest = divmod(months, 12)
    return f"{months} months" if rest or months == 0 else f"{years} years"


def _needs(indicator: Indicator) -> str:
    needs = indicator.needs
    text = (" and " if needs.every else " or ").join(needs.feeds) or "what it counts"
    if needs.requires:
        text += ", with a result on record"
    if needs.watched_at_months:
        text += " at " + " and ".join(f"{months}" for months in needs.watched_at_months) + " months"
    return text


def refreshed(page: str, registry: Registry) -> str:
    """The page with its generated part as the registry now is."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{catalogue(registry)}\n{END}{after}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        text = refreshed(Path(name).read_text(encoding="utf-8"), load_registry())
        with replace_file(Path(name)) as scratch:
            scratch.write_text(text, encoding="utf-8")
