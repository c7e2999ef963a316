"""Measures: they add up, a month looked back at is what was seen at its end, and the formulas' oracles."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.measuring import formulas
from evi.queues.measuring.clocks import Clock, load_clocks
from evi.queues.measuring.journeys import follow
from evi.queues.measuring.measures import BANDS, in_band, snapshot
from evi.queues.measuring.over_time import by_period, periods
from evi.queues.measuring.printable import printable_bands, printable_series, printable_snapshot
from evi.queues.measuring.series import MEASURES
from evi.workspace import EviError

from .test_queues_journeys import CONTACT, REFERRAL, event, table

FIRST = date(2024, 3, 18)
DAY = FIRST + timedelta(weeks=12, days=-1)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Clock, list[dict[str, Any]]]:
    clock = load_clocks()[
        draw(st.sampled_from(["autism", "equipment", "initial_health", "review_health", "ehc_plan"]))
    ]
    rows = st.builds(
        event,
        st.integers(1, 6),
        st.integers(0, 83).map(lambda days: FIRST + timedelta(days=days)),
        st.sampled_from([*clock.codes, clock.starts[0].code]),
        st.sampled_from([None, "NOT_ACCEPTED", "moved_away"]),
        end_time=st.none() | st.integers(0, 83).map(lambda days: FIRST + timedelta(days=days)),
    )
    return clock, draw(st.lists(rows, min_size=1, max_size=40))


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_flows_and_lists_add_up_and_looking_back_shows_what_was_seen_then(
    world: tuple[Clock, list[dict[str, Any]]],
) -> None:
    clock, rows = world
    made = follow(table(rows), clock, DAY)
    weeks = by_period(made, "week", FIRST).table
    assert weeks["start"].to_list() == periods(FIRST, DAY, "week")
    before = 0.0
    for week in weeks.iter_rows(named=True):
        assert week["waiting"] == before + week["referrals"] - week["starts"] - week["removals"]
        before = week["waiting"]
        end = week["start"] + timedelta(days=6)
        then = snapshot(follow(table(rows), clock, end), since=week["start"])
        assert (week["referrals"], week["starts"], week["missed"]) == (
            then.referrals,
            then.starts,
            then.missed,
        )
        assert week["removals"] == sum(then.removals.values())
        for reason, count in then.removals.items():
            assert week[f"removed_{reason}"] == count
        assert week["waiting"] == then.waiting.children
        for name, waits in (("wait_so_far", then.waiting), ("wait_seen", then.seen)):
            assert week[f"{name}_mean"] == pytest.approx(waits.mean)
            assert week[f"{name}_median"] == pytest.approx(waits.median)
            assert week[f"{name}_p90"] == pytest.approx(waits.percentile_90)
            assert week[f"{name}_longest"] == pytest.approx(waits.longest)
            assert week[f"{name}_share_within"] == pytest.approx(waits.share_within)
        if clock.counts == "days":
            assert sum(week[f"waiting_{_band(band)}"] for band in BANDS) == week["waiting"]
            assert sum(week[f"seen_{_band(band)}"] for band in BANDS) == week["starts"]


def _band(band: tuple[int, int | None]) -> str:
    return f"over_{band[0]}_weeks" if band[1] is None else f"{band[0]}_to_{band[1]}_weeks"


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_nothing_that_is_printed_tells_of_few_children(world: tuple[Clock, list[dict[str, Any]]]) -> None:
    clock, rows = world
    made = follow(table(rows), clock, DAY)
    document = printable_snapshot(snapshot(made, FIRST))
    counts = [
        *(
            document[name]
            for name in ("waiting", "referrals", "starts", "removals", "appointments", "missed")
        ),
        *document["removals_by_reason"].values(),  # type: ignore[attr-defined]
        *document["waiting_by_weeks"].values(),  # type: ignore[attr-defined]
    ]
    for row in printable_series(by_period(made, "week", FIRST)):
        counts += [value for name, value in row.items() if name in MEASURES or name.startswith("removed_")]
        if row["waiting"] is None:
            assert {row[f"wait_so_far_{name}"] for name in ("mean", "median", "p90", "longest")} == {None}
    assert all(count is None or (count >= 10 and count % 5 == 0) for count in counts)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=len(BANDS), max_size=len(BANDS)), st.sampled_from([13, 18, None])
)
def test_bands_are_put_together_until_all_can_be_shown_and_none_is_lost(
    counts: list[int], limit: int | None
) -> None:
    fine = dict(zip(BANDS, counts, strict=True))
    made = printable_bands(fine, limit)
    edges = [low for low, _ in made]
    assert edges[0] == 0 and [high for _, high in made] == [*edges[1:], None]
    assert set(edges) <= {low for low, _ in BANDS}
    if min(counts) >= 10:
        assert len(made) == len(BANDS)
    for (low, high), shown in made.items():
        inside = sum(n for (start, _), n in fine.items() if low <= start < (high or 10_000))
        assert shown is None or abs(shown - inside) <= 2.5
    if None in made.values() and limit is not None:
        assert edges == [0, limit]  # nothing coarser says whether children wait beyond the limit


def test_a_share_is_hidden_where_it_would_tell_of_few() -> None:
    rows = [event(child, FIRST, REFERRAL) for child in range(30)]
    rows += [event(child, FIRST + timedelta(days=7 if child < 24 else 80), CONTACT) for child in range(30)]
    found = snapshot(follow(table(rows), load_clocks()["autism"], date(2024, 12, 31)))
    assert found.seen.share_within == 1
    seen = printable_snapshot(found)["wait of those seen"]
    assert seen == {"mean": 3.1, "median": 1.0, "90th percentile": 11.4, "share within the limit": None}


@settings(deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=50))
def test_every_wait_is_in_exactly_one_band(days: list[int]) -> None:
    weeks = np.array(days) / 7
    assert (sum(in_band(weeks, band).astype(int) for band in BANDS) == 1).all()


def test_thirteen_weeks_to_the_day_is_within_thirteen_weeks() -> None:
    rows = [event(child, date(2024, 1, 1), REFERRAL) for child in (1, 2)]
    rows += [event(child, date(2024, 4, 1) + timedelta(days=child - 1), CONTACT) for child in (1, 2)]
    made = snapshot(follow(table(rows), load_clocks()["autism"], date(2024, 5, 1)))
    assert (made.seen.children, made.seen.within_limit, made.seen.share_within) == (2, 1, 0.5)
    assert in_band([13.0, 13.01], (4, 13)).tolist() == [True, False]


def test_the_three_figures_are_kept_apart() -> None:
    rows = [event(1, date(2024, 1, 1), REFERRAL), event(2, date(2024, 1, 1), REFERRAL)]
    rows += [event(1, date(2024, 1, 15), CONTACT), event(3, date(2024, 12, 10), REFERRAL)]
    made = snapshot(follow(table(rows), load_clocks()["autism"], date(2024, 12, 31)))
    assert (made.seen.mean, made.waiting.children) == (2.0, 2)
    assert made.waiting.mean == pytest.approx((365 + 21) / 2 / 7)
    assert made.waiting.longest == pytest.approx(365 / 7)


def test_a_list_of_nobody_has_no_figures_and_no_zero_shares() -> None:
    made = snapshot(follow(table([]), load_clocks()["autism"], DAY))
    assert (made.waiting.children, made.waiting.mean, made.waiting.share_within) == (0, None, None)
    months = by_period(follow(table([]), load_clocks()["autism"], DAY), "month", FIRST)
    assert months.table["waiting"].to_list() == [0.0, 0.0]
    assert months.table["wait_so_far_mean"].to_list() == [None, None]


def test_mistakes_are_explained() -> None:
    made = follow(table([]), load_clocks()["autism"], DAY)
    with pytest.raises(EviError, match="no whole month lies between"):
        by_period(made, "month", DAY)
    with pytest.raises(EviError, match="is after"):
        snapshot(made, since=DAY + timedelta(days=1))


def test_months_and_weeks_that_are_not_whole_are_left_out() -> None:
    assert periods(date(2024, 1, 31), date(2024, 4, 29), "month") == [date(2024, 2, 1), date(2024, 3, 1)]
    assert periods(date(2024, 12, 1), date(2024, 12, 31), "month") == [date(2024, 12, 1)]
    assert periods(date(2024, 1, 2), date(2024, 1, 20), "week") == [date(2024, 1, 8)]


def test_the_formulas_give_the_values_of_nhsrwaitinglist() -> None:
    assert formulas.load(30, 27) == pytest.approx(1.11111, abs=5e-6)
    assert formulas.target_queue_size(30, 52) == 390
    assert formulas.relief_capacity(30, 1200, 390, 26) == pytest.approx(61.153846, abs=5e-7)
    assert formulas.target_capacity(30, 52, 3, 1.1, 1.2) == pytest.approx(30.076442, abs=5e-7)
    assert formulas.pressure(63, 52) == pytest.approx(2.423077, abs=5e-7)


def test_pressure_takes_weeks_and_is_not_seven_times_too_large() -> None:
    # Three of four children wait on 16 January, for 12, 6 and 0 days, against a target of 4 weeks.
    days = [12, 6, 0]
    assert formulas.pressure(np.mean(days) / 7, 4) == pytest.approx(3 / 7)
    assert formulas.pressure(float(np.mean(days)), 4) == pytest.approx(7 * 3 / 7)  # what wl_stats prints


def test_size_of_a_list_says_all_five_and_whether_relief_comes_first() -> None:
    found = formulas.size_list(30, 27, 1200, 52, mean_wait_weeks=63)
    assert (found.target_queue, found.queue_too_big) == (390, True)
    assert found.relief_capacity == pytest.approx(61.153846, abs=5e-7)
    assert found.pressure == pytest.approx(2.423077, abs=5e-7)
    assert not formulas.size_list(30, 27, 780, 52).queue_too_big


@pytest.mark.parametrize(
    ("numbers", "says"),
    [((30, 0, 1, 52), "capacity a week"), ((-1, 5, 1, 52), "demand"), ((30, 27, -1, 52), "queue can't be"),
     ((30, 27, 1, 0), "target weeks"), ((float("nan"), 27, 1, 52), "demand")],
)  # fmt: skip
def test_nonsense_numbers_are_refused(numbers: tuple[float, float, float, float], says: str) -> None:
    with pytest.raises(EviError, match=says):
        formulas.size_list(*numbers)


def test_a_series_refuses_what_is_not_one() -> None:
    made = by_period(follow(table([event(1, FIRST, REFERRAL)]), load_clocks()["autism"], DAY), "week", FIRST)
    assert made.gaps() == []
    cut = made.table.filter(pl.col("start") != FIRST + timedelta(weeks=2))
    again = type(made)("here", "autism", "week", cut)
    assert again.gaps() == [FIRST + timedelta(weeks=2)]
    with pytest.raises(EviError, match="twice"):
        type(made)("here", "autism", "week", pl.concat([cut, cut]))
    with pytest.raises(EviError, match="no column waiting"):
        type(made)("here", "autism", "week", cut.drop("waiting"))
    with pytest.raises(EviError, match="missed is below 0"):
        type(made)("here", "autism", "week", cut.with_columns(missed=pl.lit(-1.0)))
