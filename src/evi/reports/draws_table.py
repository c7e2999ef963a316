"""How far counts of needs would move if the links in doubt had fallen otherwise."""

from __future__ import annotations

from typing import Any

from evi.index.disclosure import shown
from evi.reports.blocks import Table, table
from evi.reports.material import Material
from evi.workspace import quote

FILE = "draws/index.parquet"


def draws_table(material: Material) -> Table | None:
    """Children with a need by area of life, as counted and on draws; None where there are none of the day."""
    counts = _counts(material)
    if not counts:
        return None
    rows = []
    for domain in material.catalogue.domain_ids:
        spine, low, high = counts.get(domain, (0, 0.0, 0.0))
        ends = shown(round(low)), shown(round(high))
        hidden = any(end.hidden for end in ends)
        rows.append(
            (
                material.catalogue.domain_title(domain),
                shown(spine),
                "not shown"
                if hidden
                else f"{ends[0]} to {ends[1]}"
                if str(ends[0]) != str(ends[1])
                else str(ends[0]),
            )
        )
    return table(
        "Children with a need, if records in doubt had been joined otherwise (9 in 10 likely ways)",
        ("Area of life", "Children, as counted", "If joined otherwise"),
        rows,
        (1, 2),
        folded=True,
    )  # fmt: skip


def _counts(material: Material) -> dict[str, tuple[int, float, float]]:
    """By domain: the count of the index, and the ends of the middle 90% of draws."""
    path = material.district.root / FILE
    if not path.is_file():
        return {}
    found: list[tuple[Any, ...]] = material.rows(
        f"""SELECT figure, kind, spine, low, high FROM read_parquet({quote(str(path))})
        WHERE scope = 'district' AND kind <> 'indicator' AND date = DATE '{material.day}'"""
    )
    children = [spine for figure, kind, spine, _, _ in found if kind == "all" and figure == "children"]
    if children != [material.n_children]:
        return {}  # they stand for another index
    return {figure: (spine, low, high) for figure, kind, spine, low, high in found if kind == "domain"}
