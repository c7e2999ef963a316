"""The waiting list of a district on paper: who waits, for whom it is longer, and what may come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from evi.index.disclosure import RULE, SMALLEST_SHOWN, shown, shown_parts
from evi.queues.forecasts.forecasting import Forecast
from evi.queues.measuring.inequality import Inequality
from evi.queues.measuring.measures import LONGEST, WAIT_OF_SEEN, WAIT_SO_FAR, Snapshot, Waits
from evi.queues.measuring.printable import printable_bands
from evi.queues.measuring.series import Series
from evi.queues.sorting.sorting_audit import Audit
from evi.queues.sorting.worklist import ABOUT_GROUPS, GROUPS, WorkList
from evi.reports.blocks import Block, Fact, Facts, Note, Section, Table, section, table
from evi.reports.queue_charts import Line, Numbers, assumed, fan, lines, list_by_age

FEW = "not shown"
PAST_PERIODS = 24
"""How much of the past is drawn before a forecast."""


def list_section(found: Snapshot, over_time: Series) -> Section:
    """The list on the day, its three waits, and how they came about."""
    bands, limit_weeks = printable_bands(found.bands, found.limit_weeks), found.limit_weeks
    return section(
        "list",
        "Who waits, and for how long?",
        f"Counted from {found.since:%-d %B %Y} to {found.day:%-d %B %Y}. The limit is {found.limit}.",
        _facts(found),
        list_by_age(
            "ages",
            "Children on the list, by how long they have waited so far",
            list(bands),
            list(bands.values()),
            limit_weeks,
        )
        if bands and limit_weeks is not None
        else None,
        _waits_table(found),
        _waits_chart(over_time, limit_weeks),
        Note(
            "The three waits can move apart. If the service sees those who waited longest, the wait of those "
            "seen goes up while the list gets better. If it sees the newest first, that wait goes down while "
            "others wait on."
        ),
        assumed((*over_time.notes, f"from {over_time.source}")),
        RULE,
    )


def _facts(found: Snapshot) -> Facts:
    share = found.waiting.share_within
    few = min(found.waiting.within_limit, found.waiting.limited - found.waiting.within_limit) < SMALLEST_SHOWN
    within = FEW if share is None or few else f"{share:.0%}"
    return Facts(
        (
            Fact(str(shown(found.waiting.children)), "children are on the list"),
            Fact(within, "of them have waited no longer than the limit"),
            Fact(str(shown(found.referrals)), "came in this time"),
            Fact(str(shown(found.starts)), "were seen"),
            Fact(str(shown(sum(found.removals.values()))), "left without being seen"),
            Fact(str(shown(found.missed)), "appointments were missed"),
        )
    )


def _waits_table(found: Snapshot) -> Table:
    def row(name: str, waits: Waits) -> tuple[str, ...]:
        if waits.children < SMALLEST_SHOWN:
            return (name, FEW, FEW, FEW, FEW)
        return (
            name,
            *(
                f"{value:.1f}"
                for value in (waits.mean, waits.median, waits.percentile_90)
                if value is not None
            ),
            _longest(waits),
        )

    return table(
        f"Waits in {found.unit}",
        (
            "Which wait",
            "Average",
            "Half waited less than",
            "Nine in ten waited less than",
            LONGEST.capitalize(),
        ),
        (row(WAIT_OF_SEEN.capitalize(), found.seen), row(WAIT_SO_FAR.capitalize(), found.waiting)),
        (1, 2, 3, 4),
    )


def _longest(waits: Waits) -> str:
    return FEW if waits.longest is None else f"{waits.longest:.0f}"


def _waits_chart(series: Series, limit: int | None) -> Block | None:
    rows = series.table
    drawn = [
        _line(name, rows, column, of)
        for name, column, of in (
            ("longest", "wait_so_far_longest", "waiting"),
            ("of those seen", "wait_seen_mean", "starts"),
            ("so far", "wait_so_far_mean", "waiting"),
        )
        if column in rows.columns
    ]
    drawn = [line for line in drawn if np.isfinite(line.values).any()]
    if not drawn:
        return None
    return lines(
        "waits",
        f"Three waits, {series.period} by {series.period}, in weeks",
        "The longest wait so far, the average wait of those seen, and the average wait so far of those who "
        "wait.",
        drawn,
        unit="weeks",
        limit=None if limit is None else (float(limit), f"{limit} weeks"),
    )


def _line(name: str, rows: pl.DataFrame, column: str, of: str) -> Line:
    """A column of waits by period; where it rests on few children it has a gap."""
    few = (rows[of].fill_null(0) < SMALLEST_SHOWN).to_numpy()
    values = rows[column].cast(pl.Float64).to_numpy().copy()
    values[few] = np.nan
    return Line(name, rows["start"].to_list(), values.tolist())


def unequal_section(found: Sequence[Inequality]) -> Section:
    """Whether some groups wait longer."""
    blocks: list[Block] = []
    for one in found:
        rows = [
            (
                str(row["group"]),
                str(row["said"]),
                _share(row["within_limit"]),
                _share(row["gap"]),
                _number(row["until_half"]),
                _number(row["wait_so_far"]),
            )
            for row in one.printable
        ]
        blocks.append(
            table(
                f"By {one.by}: children referred since {one.since:%-d %B %Y}",
                (
                    one.by.capitalize(),
                    "Children",
                    "Started within the limit",
                    "Less all others",
                    "Half had started by",
                    "Waiting: half so far less than",
                ),
                rows,
                (2, 3, 4, 5),
            )
        )
    return section(
        "unequal",
        "Do some children wait longer?",
        "Children who still wait are counted too, so a group that is never seen can't look quick. After each "
        "figure stands the range that chance alone could give, 95 times in 100.",
        *blocks,
        "A difference whose range holds zero may be chance. A difference whose range doesn't is worth asking "
        "about; it does not say why.",
    )


def _share(value: object) -> str:
    return _range(value, 100.0, "%")


def _number(value: object) -> str:
    return _range(value, 1.0, "")


def _range(value: object, scale: float, unit: str) -> str:
    if not isinstance(value, dict) or value.get("value") is None:
        return FEW
    figures = [value.get(end) for end in ("value", "low", "high")]
    middle, low, high = ("?" if one is None else f"{one * scale:.0f}{unit}" for one in figures)
    return f"{middle} ({low} to {high})"


def coming_section(made: Forecast, series: Series) -> Section:
    """What may come of the list and of the share within the limit, if nothing changes."""
    before = series.table.tail(PAST_PERIODS)
    past = Line("what was", before["start"].to_list(), [_rounded(n) for n in before["waiting"].to_list()])
    levels = (50, 80, 95)
    few = made.now < SMALLEST_SHOWN
    days: list[date] = list(made.starts_on)
    middle = made.middle()
    share = made.middle("waiting_within")
    return section(
        "coming",
        "What may come?",
        f"{len(days)} {made.period}s ahead, {made.scenario.title}.",
        Note("The list is too small for its past to be drawn.") if few else None,
        fan(
            "list-ahead",
            "Children on the list",
            None if few else past,
            Line("middle", days, middle.tolist()),
            {level: made.band(level / 100) for level in levels},
        ),
        fan(
            "share-ahead",
            f"Share of the list that has waited less than {made.limit_weeks:g} weeks, in 100",
            None,
            Line("middle", days, (share * 100).tolist()),
            {level: _in_100(made.band(level / 100, "waiting_within")) for level in levels},
            unit="in 100",
        ),
        assumed(made.assumptions),
        Note(
            "Waiting lists surprise people. On published lists that the method never saw, eight in ten of "
            "what came fell inside the 80 times in 100 band; docs/queues-forecast.md says how that was tried."
        ),
    )


def _rounded(count: float | None) -> float:
    """A count as it may be printed; a gap in the line where it may not."""
    number = None if count is None else shown(count).number
    return np.nan if number is None else float(number)


def _in_100(band: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    return np.asarray(band[0]) * 100, np.asarray(band[1]) * 100


def sorted_section(found: WorkList, audited: Audit) -> Section:
    """How the list sorts by what is known of each child, and whether groups differ in that."""
    counts = shown_parts({name: len(found.group(name)) for name in GROUPS})
    rows = [(name.capitalize(), str(counts[name]), ABOUT_GROUPS[name]) for name in GROUPS]
    differing = audited.differing
    said = [
        (
            f"{one.dimension}: {one.people}",
            one.side,
            "" if one.share is None else f"{one.share:.0%} ({one.low:.0%} to {one.high:.0%})",
        )
        for one in differing
    ]
    return section(
        "sorted",
        "What is ready, and what is missing?",
        "Each child on the list is sorted by what records say, for a person to decide from. Nobody comes off "
        "the list and nobody's place changes.",
        table("The list, sorted", ("Group", "Children", "What it means"), rows, (1,)),
        table("Groups that differ from the rest", ("Who", "List", "Share"), said, (2,))
        if said
        else "No group "
        "differs from the rest by more than chance could give, among those large enough to show.",
        audited.rule,
    )
