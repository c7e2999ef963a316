"""For whom a sorted list says what: the share of each group of people in each group of the list.

Looked at as linkage is (`evi.linkage.fairness`): by sex, ethnicity, deprivation (fifths of small areas, 1 the
most deprived) and language, each share with Wilson's interval, and its difference from everybody else on the
list with Newcombe's (1998) by method 10. A difference is no proof of unfairness: a community whose schools
send no records has more that is *not known*, and that is what the audit is for. Small numbers are hidden, and
a share is worked out only where neither those counted nor the rest are few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from evi.index.disclosure import HIDDEN_TOO, RULE, SMALLEST_SHOWN, Shown, shown
from evi.linkage.fairness import NOT_TOLD, Rate, deciles_sql, difference
from evi.queues.sorting.worklist import GROUPS, WorkList
from evi.records import open_records
from evi.workspace import District, quote

DIMENSIONS = ("sex", "ethnicity", "deprivation", "language")
SIDES = (*GROUPS, "something not known")
"""What is looked at: the groups of the list, which add up, and how often something was not known."""


@dataclass(frozen=True)
class Share:
    """One group of people in one group of the list; None where those counted, or the rest, are too few.

    Attributes:
        dimension, people: such as ethnicity and WBRI. side: one of `SIDES`.
        children, of: numbers that may be shown, rounded.
        share, low, high: the share and its 95% interval, in whole percent.
        difference, difference_low, difference_high: from everybody else on the list.
    """

    dimension: str
    people: str
    side: str
    children: str
    of: str
    share: float | None = None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None

    @property
    def differs(self) -> bool:
        """Whether chance alone hardly explains the difference: its 95% interval leaves out 0."""
        if self.difference_low is None or self.difference_high is None:
            return False
        return self.difference_low > 0 or self.difference_high < 0


@dataclass(frozen=True)
class Audit:
    """Shares by group of people; `rule` says how small numbers are hidden."""

    shares: tuple[Share, ...]
    rule: str = RULE

    @property
    def differing(self) -> tuple[Share, ...]:
        """The shares that differ beyond chance, one by one; of twenty, one would by luck."""
        return tuple(share for share in self.shares if share.differs)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"rule": self.rule, "shares": [asdict(one) | {"differs": one.differs} for one in self.shares]}


def audit(district: District, worklist: WorkList) -> Audit:
    """Audit a sorted list by what the spine says of its children.

    Raises:
        EviError: nothing is loaded yet.
    """
    ids = [child.subject_id for child in worklist.children]
    with open_records(district) as con:
        traits = _traits(con, district, ids, worklist)
    sides = pl.DataFrame(
        {
            "subject_id": ids,
            "group": [child.group for child in worklist.children],
            "blind": [bool(child.of("not known")) for child in worklist.children],
        },
        schema={"subject_id": pl.Int64, "group": pl.String, "blind": pl.Boolean},
    )
    return audit_table(
        sides.join(traits, on="subject_id", how="left").with_columns(pl.col(DIMENSIONS).fill_null(NOT_TOLD))
    )


def _traits(
    con: duckdb.DuckDBPyConnection, district: District, ids: list[int], worklist: WorkList
) -> pl.DataFrame:
    """subject_id and the child's group in each of `DIMENSIONS` on the day of the list."""
    con.register("listed", pa.table({"subject_id": pa.array(ids, pa.int64())}))
    day = quote(worklist.day.isoformat())
    table = con.sql(
        f"""WITH lived AS (
              SELECT subject_id, max_by(lsoa, (start, lsoa)) AS lsoa FROM residence
              WHERE (start IS NULL OR start <= {day}::DATE) AND ("end" IS NULL OR "end" > {day}::DATE)
              GROUP BY subject_id),
            deciles AS ({deciles_sql(con, district.geography / "areas.csv")})
        SELECT subject_id, coalesce(sex, '{NOT_TOLD}') AS sex, coalesce(ethnicity, '{NOT_TOLD}') AS ethnicity,
               coalesce('fifth ' || ((imd_decile + 1) // 2)::VARCHAR, '{NOT_TOLD}') AS deprivation,
               coalesce(language, '{NOT_TOLD}') AS language
        FROM listed LEFT JOIN subjects USING (subject_id) LEFT JOIN lived USING (subject_id)
        LEFT JOIN deciles USING (lsoa) ORDER BY subject_id"""
    ).to_arrow_table()
    return pl.DataFrame(table)


def audit_table(rows: pl.DataFrame) -> Audit:
    """Audit a table of children: group (of `GROUPS`), blind (something not known) and the `DIMENSIONS`."""
    made: list[Share] = []
    for dimension in DIMENSIONS:
        people = sorted(rows[dimension].unique().to_list())
        counts = {
            (who, side): rows.filter(pl.col(dimension) == who, _is(side)).height
            for who in people
            for side in SIDES
        }
        sizes = {who: rows.filter(pl.col(dimension) == who).height for who in people}
        made += _shares(dimension, people, counts, sizes)
    return Audit(tuple(made))


def _is(side: str) -> pl.Expr:
    return pl.col("blind") if side == SIDES[-1] else pl.col("group") == side


def _shares(
    dimension: str, people: list[str], counts: Mapping[tuple[str, str], int], sizes: Mapping[str, int]
) -> list[Share]:
    may = hide(people, counts)
    may |= {(who, SIDES[-1]): _of_two(counts[who, SIDES[-1]], sizes[who]) for who in people}
    whole = _whole(people, sizes)
    made = []
    for who in people:
        for side in SIDES:
            part, of = may[who, side], whole[who]
            share = Share(dimension, who, side, str(part), str(of))
            if not part.hidden and not of.hidden:
                mine = counts[who, side], sizes[who]
                rest = sum(counts[each, side] for each in people) - mine[0], sum(sizes.values()) - mine[1]
                share = _with_figures(share, mine, rest)
            made.append(share)
    return made


def _with_figures(share: Share, mine: tuple[int, int], rest: tuple[int, int]) -> Share:
    """The share and its difference from the rest, in whole percent; none where those counted, or those not,
    are few."""
    if not _enough(*mine):
        return share
    rate = Rate(float(mine[0]), float(mine[1]), float(mine[1]))
    share = replace(share, **_percents(("share", "low", "high"), (rate.value, *rate.interval())))
    if not _enough(*rest):
        return share
    other = Rate(float(rest[0]), float(rest[1]), float(rest[1]))
    names = ("difference", "difference_low", "difference_high")
    return replace(share, **_percents(names, difference(rate, other)))


def _enough(part: int, whole: int) -> bool:
    return min(part, whole - part) >= SMALLEST_SHOWN


def _percents(names: Sequence[str], figures: Sequence[float]) -> dict[str, Any]:
    """Figures in whole percent, intervals widened to it, so that rounding makes nothing look surer."""
    value, low, high = figures
    made = (round(value, 2), math.floor(low * 100) / 100, math.ceil(high * 100) / 100)
    return dict(zip(names, made, strict=True))


def _of_two(count: int, size: int) -> Shown:
    """A part of a whole in two parts: hidden if either is small."""
    part, other = shown(count), shown(size - count)
    return HIDDEN_TOO if other.hidden and not part.hidden and size != count else part


def _whole(people: list[str], sizes: Mapping[str, int]) -> dict[str, Shown]:
    """How many there are of each; if one is hidden, the next smallest is too."""
    found = {who: shown(sizes[who]) for who in people}
    _hide_alone(people, found, sizes)
    return found


def hide(people: list[str], counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], Shown]:
    """Numbers of a table of people by group of the list, as they may be shown.

    Small ones are hidden, and then others until no row and no column has one hidden number alone, which its
    total would give away. A number that is 0 because the group of the list is empty gives nobody away, but is
    hidden with the small ones.
    """
    found: dict[tuple[str, str], Shown] = {
        (who, side): shown(counts[who, side]) for who in people for side in GROUPS
    }
    lines = [[(who, side) for side in GROUPS] for who in people]
    lines += [[(who, side) for who in people] for side in GROUPS]
    while any([_hide_alone(line, found, counts) for line in lines]):
        pass
    return found


def _hide_alone(line: list[Any], found: dict[Any, Shown], counts: Mapping[Any, int]) -> bool:
    """Hide the next smallest number of a line that has one hidden number alone; whether it did."""
    hidden = [key for key in line if found[key].hidden]
    others = [key for key in line if not found[key].hidden]
    if len(hidden) != 1 or not others:
        return False
    found[min(others, key=lambda key: counts[key])] = HIDDEN_TOO
    return True
