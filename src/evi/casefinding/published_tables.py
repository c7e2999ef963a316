"""Read tables that others have published, and say what in them does not add up.

A table has a row of those flagged, a row of those not, and a row of all. A printed percentage stands for
every value that rounds to it, so what it implies is a range, and figures disagree only if their ranges don't
meet. Such a table is never corrected: what it implies is said, and it gives no counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evi.casefinding.performance import Counts, judge_counts
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

FOLDER = Path(__file__).parent / "published"
SCHEMA = Path(__file__).parent / "published.schema.json"
ROWS = ("flagged", "not_flagged", "all")
NAMES = {"flagged": "those flagged", "not_flagged": "those not flagged", "all": "all children"}


@dataclass(frozen=True)
class Range:
    """Every value that a printed figure may stand for."""

    low: float
    high: float

    def __mul__(self, other: Range) -> Range:
        return Range(self.low * other.low, self.high * other.high)

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def meets(self, other: Range) -> bool:
        """Whether some value lies in both; counts are whole, so half a child is forgiven."""
        return self.low <= other.high + 0.5 and other.low <= self.high + 0.5

    def __str__(self) -> str:
        return f"{self.low:,.1f} to {self.high:,.1f}" if self.high > self.low else f"{self.low:,.0f}"


@dataclass(frozen=True)
class Published:
    """A published table as it was printed.

    Attributes:
        rows: by row (`flagged`, `not_flagged`, `all`), what is printed of it: `children`, `cases` and
            `others` as counts, `share` (of all) and `rate` (cases of the row) as text.
        measures: printed sensitivity, specificity, ppv and npv.
    """

    id: str
    title: str
    source: str
    flagged_as: str
    case: str
    rows: Mapping[str, Mapping[str, Any]]
    measures: Mapping[str, str]


def printed(text: str) -> Range:
    """The shares that a printed percentage may stand for.

    >>> printed("4.1%")
    Range(low=0.0405, high=0.0415)
    """
    digits = text.removesuffix("%")
    half = 0.5 * 10.0 ** -(len(digits.partition(".")[2]))
    value = float(digits)
    return Range(round(max(value - half, 0) / 100, 12), round(min(value + half, 100) / 100, 12))


def read_published(path: Path | str) -> Published:
    """Read a table from a file, or one that eVI ships by its id.

    Raises:
        EviError: there is no such file, or it can't be read as a published table.
    """
    file = Path(path)
    if not file.suffix:
        file = FOLDER / f"{path}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.yaml")))
            raise EviError(
                "there is no published table of that name.", do=f"Name a file, or {known}.", exit_code=2
            )
    table = read_yaml(file)
    check_against(table, SCHEMA, str(file))
    return Published(
        table["id"], table["title"], table["source"], table["flagged_as"], table["case"],
        {row: table[row] for row in ROWS}, table.get("measures", {}),
    )  # fmt: skip


def disagreements(table: Published) -> tuple[str, ...]:
    """What in a table does not add up, a sentence each; empty if every figure can be true at once."""
    return (*_rates(table), *_sums(table), *_cases(table), *_measures(table))


def counts_of(table: Published) -> Counts:
    """The four counts of a table.

    Raises:
        EviError: it does not add up, or it prints too little to tell.
    """
    faults = disagreements(table)
    if faults:
        raise EviError(
            f"its figures do not add up. {' '.join(faults)}",
            where=table.source,
            do="Use its ranges, and say so; do not take one of its figures for the truth.",
        )
    cells = [_whole(_count(table, row, name)) for row in ROWS[:2] for name in ("cases", "others")]
    if None in cells:
        raise EviError(
            "it does not print enough to give four counts.", where=table.source, do="Print the counts."
        )
    tp, fp, fn, tn = (cell or 0 for cell in cells)
    return Counts(tp, fp, fn, tn)


def implied_cases(table: Published) -> Range | None:
    """The cases that the two rows imply together; None if a row says too little."""
    parts = [_count(table, row, "cases") for row in ROWS[:2]]
    return None if parts[0] is None or parts[1] is None else parts[0] + parts[1]


def share_that_fits(table: Published) -> float | None:
    """The share flagged at which the printed rates would give the printed cases; None if it can't be told."""
    whole = table.rows["all"]
    rates = [table.rows[row].get("rate") for row in ROWS[:2]]
    if not all(rates) or not {"children", "cases"} <= set(whole):
        return None
    here, rest = (_middle(printed(str(rate))) for rate in rates)
    found = (whole["cases"] / whole["children"] - rest) / (here - rest) if here != rest else math.nan
    return found if 0 <= found <= 1 else None


def _rates(table: Published) -> list[str]:
    """Rows whose printed rate is not that of their counts."""
    found = []
    for row in ROWS:
        told = table.rows[row]
        children, cases = _count(table, row, "children"), told.get("cases")
        if "rate" in told and cases is not None and children is not None and children.low > 0:
            implied = children * printed(told["rate"])
            if not implied.meets(Range(cases, cases)):
                found.append(
                    f"{told['rate']} of {NAMES[row]} are {implied} cases, and {cases:,} are printed."
                )
        if {"children", "cases", "others"} <= set(told) and told["cases"] + told["others"] != told[
            "children"
        ]:
            found.append(
                f"{told['cases']:,} and {told['others']:,} of {NAMES[row]} make "
                f"{told['cases'] + told['others']:,}, and {told['children']:,} are printed."
            )
    return found


def _sums(table: Published) -> list[str]:
    """Columns whose two rows do not make the row of all."""
    found = []
    for name in ("children", "others"):
        if not all(name in table.rows[row] for row in ROWS):
            continue
        here, rest, total = (int(table.rows[row][name]) for row in ROWS)
        if here + rest != total:
            found.append(f"{here:,} and {rest:,} {name} make {here + rest:,}, and {total:,} are printed.")
    return found


def _cases(table: Published) -> list[str]:
    total, implied = table.rows["all"].get("cases"), implied_cases(table)
    if total is None or implied is None or implied.meets(Range(total, total)):
        return []
    fits = share_that_fits(table)
    solved = f" They would fit if {fits:.1%} were flagged." if fits is not None else ""
    return [f"The two rows imply {implied} cases, and {total:,} are printed.{solved}"]


def _measures(table: Published) -> list[str]:
    cells = [_whole(_count(table, row, name)) for row in ROWS[:2] for name in ("cases", "others")]
    if None in cells:
        return []
    tp, fp, fn, tn = (cell or 0 for cell in cells)
    real = judge_counts(Counts(tp, fp, fn, tn))
    found = []
    for name, text in table.measures.items():
        value, given = getattr(real, name).value, printed(text)
        if not given.low - 1e-9 <= value <= given.high + 1e-9:
            found.append(f"The counts give a {name} of {value:.1%}, and {text} is printed.")
    return found


def _count(table: Published, row: str, name: str) -> Range | None:
    """A count of a row: as printed, or as its other figures imply it."""
    told = table.rows[row]
    if name in told:
        return Range(told[name], told[name])
    if name == "children":
        return _children(table, row)
    children = _count(table, row, "children")
    other = "others" if name == "cases" else "cases"
    if children is None:
        return None
    if other in told:
        return Range(children.low - told[other], children.high - told[other])
    if "rate" not in told:
        return None
    rate = printed(told["rate"])
    return children * (rate if name == "cases" else Range(1 - rate.high, 1 - rate.low))


def _children(table: Published, row: str) -> Range | None:
    told, total = table.rows[row], table.rows["all"].get("children")
    if {"cases", "others"} <= set(told):
        return Range(told["cases"] + told["others"], told["cases"] + told["others"])
    if total is None or row == "all":
        return None
    whole = Range(total, total)
    if "share" in told:
        return whole * printed(told["share"])
    twin = table.rows["not_flagged" if row == "flagged" else "flagged"]
    if "children" in twin:
        return Range(total - twin["children"], total - twin["children"])
    if "share" in twin:
        given = printed(twin["share"])
        return whole * Range(1 - given.high, 1 - given.low)
    return None


def _whole(found: Range | None) -> int | None:
    """The one whole number of a range, or None where there is none, or more than one."""
    if found is None or math.floor(found.high + 1e-9) != math.ceil(found.low - 1e-9):
        return None
    return math.ceil(found.low - 1e-9)


def _middle(found: Range) -> float:
    return (found.low + found.high) / 2
