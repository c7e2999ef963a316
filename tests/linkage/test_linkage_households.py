"""Stays from reports that are late, stale or wrong: each case is one way in which feeds disagree."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.linkage.households import Report, Stay, build_households, settle

A, B, C = 101, 202, 303


def day(text: str) -> date:
    return date.fromisoformat(text)


def report(feed: str, home: int, start: str, seen: str | None = None) -> Report:
    return Report(feed, home, day(start), day(seen or start))


def test_one_home() -> None:
    assert settle([report("gp", A, "2015-03-01"), report("school", A, "2019-09-01")]) == [
        Stay(A, day("2015-03-01"), None)
    ]


def test_a_new_home_ends_the_old_one_on_the_day_it_is_first_heard_of() -> None:
    reports = [
        report("gp", A, "2015-03-01"),
        report("school", B, "2019-09-01"),
        report("gp", B, "2020-02-01"),
    ]
    assert settle(reports) == [
        Stay(A, day("2015-03-01"), day("2019-09-01")),
        Stay(B, day("2019-09-01"), None),
    ]


def test_a_feed_that_never_heard_of_the_move_does_not_bring_anybody_back() -> None:
    reports = [report("gp", A, "2015-03-01"), report("school", B, "2019-09-01", "2022-01-20")]
    reports.append(report("ae", A, "2021-05-05"))
    assert [stay.home for stay in settle(reports)] == [A, B]


def test_a_feed_that_catches_up_with_a_home_already_left_is_out_of_date() -> None:
    reports = [
        report("gp", A, "2010-01-01"),
        report("housing", A, "2010-01-01"),
        report("gp", B, "2012-01-01"),
    ]
    reports += [report("gp", C, "2014-01-01"), report("housing", B, "2015-01-01")]
    assert [stay.home for stay in settle(reports)] == [A, B, C]


def test_a_slip_that_fresher_reports_contradict_is_no_move() -> None:
    reports = [report("gp", A, "2010-01-01", "2015-01-01"), report("school", A, "2012-01-01", "2016-01-01")]
    assert [stay.home for stay in settle([*reports, report("ae", B, "2013-06-01")])] == [A]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("gsah"), st.sampled_from([A, B, C]), st.integers(0, 3000), st.integers(0, 900)
        )
    )
)
def test_stays_never_overlap_and_only_the_last_is_open(drawn: list[tuple[str, int, int, int]]) -> None:
    origin = date(2010, 1, 1)
    reports = [
        Report(feed, home, origin + timedelta(start), origin + timedelta(start + length))
        for feed, home, start, length in drawn
    ]
    stays = settle(reports)
    assert bool(stays) == bool(reports)
    for before, after in pairwise(stays):
        assert before.end is not None and before.start < before.end <= after.start
    assert all(stay.end is None for stay in stays[-1:])


def households(
    addresses: list[tuple[int, str, int, str, str, int]], mothers: tuple[tuple[int, int], ...] = ()
) -> list[tuple]:
    con = duckdb.connect()
    con.execute(
        """CREATE TABLE addresses (subject_id BIGINT, feed VARCHAR, home BIGINT, start DATE, seen DATE,
        lsoa VARCHAR, sn BIGINT)"""
    )
    for subject, feed, home, start, seen, surname in addresses:
        con.execute(
            "INSERT INTO addresses VALUES (?, ?, ?, ?, ?, 'E1', ?)",
            [subject, feed, home, start, seen, surname],
        )
    con.execute("CREATE TABLE mothers (subject_id BIGINT, other_id BIGINT)")
    con.execute("CREATE TABLE births (subject_id BIGINT, birth_month DATE)")
    for child, mother in mothers:
        con.execute("INSERT INTO mothers VALUES (?, ?)", [child, mother])
        con.execute("INSERT INTO births VALUES (?, '2012-05-01')", [child])
    table: pa.Table = build_households(con)
    return [
        (r["subject_id"], r["household_id"], str(r["start"]), r["end"] and str(r["end"]))
        for r in table.to_pylist()
    ]


def test_a_young_child_moves_with_the_mother() -> None:
    rows = households(
        [(1, "gp", A, "2012-05-03", "2012-05-03", 9), (2, "gp", A, "2008-01-01", "2012-05-03", 9),
         (2, "gp", B, "2015-07-01", "2015-07-01", 9)],
        mothers=((1, 2),),
    )  # fmt: skip
    assert (1, B, "2015-07-01", None) in rows


def test_a_child_whom_a_school_sees_at_the_old_home_did_not_move_with_the_mother() -> None:
    rows = households(
        [(1, "school", A, "2012-05-03", "2019-01-20", 9), (2, "gp", A, "2008-01-01", "2012-05-03", 9),
         (2, "gp", B, "2015-07-01", "2015-07-01", 9)],
        mothers=((1, 2),),
    )  # fmt: skip
    assert [row for row in rows if row[0] == 1] == [(1, A, "2012-05-03", None)]


def test_a_home_that_changed_hands_is_left_by_those_before() -> None:
    rows = households(
        [(1, "gp", A, "2008-01-01", "2010-01-01", 9), (3, "gp", A, "2015-01-01", "2015-01-01", 8),
         (4, "gp", A, "2015-02-01", "2015-02-01", 8)],
        mothers=((4, 3),),
    )  # fmt: skip
    assert (1, A, "2008-01-01", "2015-01-01") in rows


def test_a_partner_who_joins_ends_nobodys_stay() -> None:
    rows = households(
        [(1, "gp", A, "2008-01-01", "2010-01-01", 9), (3, "gp", A, "2015-01-01", "2015-01-01", 8)]
    )
    assert (1, A, "2008-01-01", None) in rows
