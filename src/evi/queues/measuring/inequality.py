"""Whether some groups of children wait longer than others, and how far chance alone could say so.

Children who still wait count (see `incidence`), since a group that waits longest has fewest among those
seen. Intervals are for 95%: cumulative incidence on the scale of log(-log); medians of waits so far by order
statistics; shares of a count by Wilson's score. Each group is compared with all other children at one wait:
the limit, or, where nearly all or nearly none start within it, the wait by which half of all had started.
The p-values of one table are adjusted together (Benjamini and Hochberg 1995), as some group of many always
looks different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from evi.index.disclosure import SMALLEST_SHOWN, Shown, shown, shown_parts
from evi.index.intervals import Interval, adjusted, median_interval, wilson
from evi.queues.measuring.clocks import Clock
from evi.queues.measuring.incidence import Incidence, incidence
from evi.queues.measuring.journeys import Journeys
from evi.workspace import EviError

DAYS_IN = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "working_days": 1.0}
OUTCOME = {"waiting": 0, "started": 1, "removed": 2}
DIGITS = {"within_limit": 2, "started_by": 2, "until_half": 1, "wait_so_far": 1, "missed": 2}
"""Figures that may be printed, and to how many digits."""
SMALLER = "smaller groups together"


@dataclass(frozen=True)
class GroupWaits:
    """One group of the children who were referred since a day. Waits are in the clock's unit.

    Attributes:
        group: its name.
        referred, started, removed, waiting: how many children, and what became of them.
        within_limit: share that started within the limit, of all who were referred.
        started_by: share that started within the wait at which groups are compared.
        gap: that share less the same of all other children, from -1 to 1.
        p_value: the chance of a gap at least so large if there is none, adjusted for all groups.
        until_half: wait until half of those referred had started (infinite: half have not yet).
        wait_so_far: median wait so far of those waiting.
        missed: share of offered appointments that were missed.
        counts: numerators and what is left, by figure: a small one hides the figure.
    """

    group: str
    referred: int
    started: int
    removed: int
    waiting: int
    within_limit: Interval
    started_by: Interval
    gap: Interval
    p_value: float
    until_half: Interval
    wait_so_far: Interval
    missed: Interval
    counts: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Inequality:
    """All groups of one grouping.

    Attributes:
        pathway, by, since, day, unit, limit: what is looked at.
        compared_at: the wait at which groups are compared, in `unit`.
        groups: the largest first; fifths of deprivation in their order.
        everyone: all children together.
    """

    pathway: str
    by: str
    since: date
    day: date
    unit: str
    limit: str
    compared_at: float
    groups: tuple[GroupWaits, ...]
    everyone: GroupWaits

    @property
    def printable(self) -> list[dict[str, object]]:
        """Rows that may be shown: counts by the rule of `disclosure`, no figure that rests on few children.

        No hidden count stands alone in its column. Shares are to the whole percent, waits to a tenth.
        """
        sizes = shown_parts({each.group: each.referred for each in self.groups})
        lists = shown_parts({each.group: each.waiting for each in self.groups})
        rows = [_printable(each, sizes[each.group], lists[each.group]) for each in self.groups]
        everyone = self.everyone
        return [*rows, _printable(everyone, shown(everyone.referred), shown(everyone.waiting))]


def unequal_waits(made: Journeys, groups: pl.DataFrame, by: str, since: date | None = None) -> Inequality:
    """Compare groups of the children who were referred since a day (by default in the three years before).

    A group of fewer than 10 children joins its `broader` group, and then, if that is still small, the others
    that are.

    Args:
        groups: `subject_id, referred, group, broader`, as `group_children` gives them.

    Raises:
        EviError: nobody was referred since then.
    """
    since = since or made.day - timedelta(days=3 * 365)
    rows = made.table.filter(pl.col("referred") >= since)
    if rows.is_empty():
        raise EviError(f"nobody was referred since {since}.", where=made.pathway, do="Choose an earlier day.")
    joined = rows.join(groups, on=["subject_id", "referred"], how="left", maintain_order="left")
    joined = joined.with_columns(
        pl.col("group").fill_null("not known"), pl.col("broader").fill_null(""),
        outcome=pl.col("state").replace_strict(OUTCOME, return_dtype=pl.Int64),
    )  # fmt: skip
    joined = _pooled(joined)
    horizon = limit_days(made.clock)
    compared_at = _compared_at(_curve(joined), horizon)
    sizes = joined.group_by("group").len()
    ordered = (["group"], [False]) if by == "deprivation" else (["len", "group"], [True, False])
    names = sizes.sort(ordered[0], descending=ordered[1])["group"].to_list()
    found = [
        _waits(name, joined.filter(pl.col("group") == name), made.clock, horizon, compared_at)
        for name in names
    ]
    curves = {name: _curve(joined.filter(pl.col("group") == name)) for name in names}
    compared = [
        _gap(curves[name], _curve(joined.filter(pl.col("group") != name)), compared_at) for name in names
    ]
    p_values = adjusted(np.array([p for _, p in compared])) if len(names) > 1 else [float("nan")]
    found = [
        replace(each, gap=gap, p_value=float(p))
        for each, (gap, _), p in zip(found, compared, p_values, strict=True)
    ]
    everyone = _waits("all children", joined, made.clock, horizon, compared_at)
    clock = made.clock
    return Inequality(
        made.pathway,
        by,
        since,
        made.day,
        clock.unit,
        clock.last.limit_words,
        compared_at / clock.days_in_unit,
        tuple(found),
        everyone,
    )


def limit_days(clock: Clock) -> float:
    """The longest limit of the clock, in the days that it counts."""
    return max(limit.within * DAYS_IN[limit.unit] for limit in clock.last.limits)


def _compared_at(everyone: Incidence, horizon: float) -> float:
    """The wait, in counted days, at which groups differ visibly if they differ at all."""
    half = everyone.until_half().value
    if 0.1 <= everyone.at(horizon).value <= 0.9 or not np.isfinite(half):
        return horizon
    return half


def _pooled(rows: pl.DataFrame) -> pl.DataFrame:
    size = pl.len().over("group")
    broader = pl.when((size < SMALLEST_SHOWN) & (pl.col("broader") != "")).then("broader").otherwise("group")
    rows = rows.with_columns(group=broader)
    small = (size < SMALLEST_SHOWN) & (pl.col("group") != "not known")
    return rows.with_columns(group=pl.when(small).then(pl.lit(SMALLER)).otherwise("group"))


def _curve(rows: pl.DataFrame) -> Incidence:
    return incidence(rows["wait_days"].to_numpy(), rows["outcome"].to_numpy())


def _waits(name: str, rows: pl.DataFrame, clock: Clock, horizon: float, compared_at: float) -> GroupWaits:
    unit = clock.days_in_unit
    curve = _curve(rows)
    became = {state: rows.filter(pl.col("state") == state) for state in OUTCOME}
    so_far = became["waiting"]["wait_days"].to_numpy().astype(float)
    missed, offered = int(rows["missed"].sum()), int(rows["offered"].sum())
    in_time, by_then = (
        became["started"].filter(pl.col("wait_days") <= days).height for days in (horizon, compared_at)
    )
    return GroupWaits(
        name,
        rows.height,
        became["started"].height,
        became["removed"].height,
        became["waiting"].height,
        curve.at(horizon),
        curve.at(compared_at),
        Interval(np.nan, np.nan, np.nan),
        np.nan,
        _scaled(curve.until_half(), unit),
        _scaled(median_interval(so_far), unit),
        Interval(*(float(each) for each in wilson(missed, offered))),
        {
            "within_limit": (in_time, rows.height - in_time),
            "started_by": (by_then, rows.height - by_then),
            "until_half": (became["started"].height,),
            "wait_so_far": (len(so_far),),
            "missed": (missed, offered - missed),
        },
    )


def _scaled(interval: Interval, unit: int) -> Interval:
    return Interval(interval.value / unit, interval.low / unit, interval.high / unit)


def _gap(here: Incidence, others: Incidence, horizon: float) -> tuple[Interval, float]:
    """The difference of two curves at one wait, its interval and its p-value (normal, independent)."""
    from scipy.special import ndtr  # noqa: PLC0415 - it takes a while to load

    places = [int(np.searchsorted(each.days, horizon, side="right")) - 1 for each in (here, others)]
    shares = [each.started[i] if i >= 0 else 0.0 for each, i in zip((here, others), places, strict=True)]
    spread = sum(each.variance[i] if i >= 0 else 0.0 for each, i in zip((here, others), places, strict=True))
    gap = float(shares[0] - shares[1])
    if spread <= 0 or np.isnan(here.at(horizon).value) or np.isnan(others.at(horizon).value):
        return Interval(gap, np.nan, np.nan), 1.0
    deviation = float(np.sqrt(spread))
    half = 1.959963984540054 * deviation
    return Interval(gap, max(gap - half, -1.0), min(gap + half, 1.0)), float(2 * ndtr(-abs(gap) / deviation))


def _printable(group: GroupWaits, count: Shown, waiting: Shown) -> dict[str, object]:
    row: dict[str, object] = {"group": group.group, "referred": count.number, "said": str(count)}
    row["waiting"] = None if count.hidden else waiting.number
    for name, digits in DIGITS.items():
        hidden = count.hidden or min(group.counts[name]) < SMALLEST_SHOWN
        row[name] = None if hidden else _bounds(getattr(group, name), digits)
    compared = row["started_by"] is not None and not np.isnan(group.p_value)
    row["gap"] = _bounds(group.gap, 2) if compared else None
    row["p_value"] = round(group.p_value, 3) if compared else None
    return row


def _bounds(interval: Interval, digits: int) -> dict[str, float | None] | None:
    """An interval as a mapping, or None where it has no value; an infinite or unknown bound is None."""
    if not np.isfinite(interval.value):
        return None
    return {
        name: round(value, digits) if np.isfinite(value) else None
        for name, value in (("value", interval.value), ("low", interval.low), ("high", interval.high))
    }
