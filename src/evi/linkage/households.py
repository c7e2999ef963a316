"""Who lived where and when, from dated addresses that arrive late, disagree and go stale.

A home begins when a feed first gives it and the person was not known to have left it. A feed that still gives
an old home after others have given a newer one is out of date, not news; a feed that goes back from the newer
home to the older one is news. A new home that one feed gives once, and that fresher reports of the old home from
other feeds contradict, is taken for a slip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import duckdb
import pyarrow as pa

CONTRADICTED_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Report:
    """One feed's word on one person's home: given from `start`, last seen on `seen`."""

    feed: str
    home: int
    start: date
    seen: date


@dataclass(frozen=True, slots=True)
class Stay:
    """A person's stay at a home; `end` is the day on which the next began, None while it lasts."""

    home: int
    start: date
    end: date | None


def build_households(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Residence intervals from table `addresses` (subject_id, feed, home, start, seen, lsoa).

    Returns:
        subject_id, household_id (the home's code), lsoa, start, "end" (null while it lasts); sorted.
    """
    con.execute(
        """CREATE OR REPLACE TABLE homes_of AS
        SELECT subject_id, feed, home, least(min(start), min(seen)) AS start, max(seen) AS seen
        FROM addresses WHERE home IS NOT NULL GROUP BY subject_id, feed, home"""
    )
    con.execute(
        """CREATE OR REPLACE TABLE settled AS
        SELECT subject_id, any_value(home) AS household_id, min(start) AS start
        FROM homes_of GROUP BY subject_id HAVING count(DISTINCT home) = 1"""
    )
    moved = _moved(con)
    con.register("moved_stays", moved)
    con.execute(
        """CREATE OR REPLACE TABLE lsoa_of AS
        SELECT home AS household_id, mode(lsoa ORDER BY lsoa) AS lsoa FROM addresses
        WHERE home IS NOT NULL AND lsoa IS NOT NULL GROUP BY home"""
    )
    table = con.sql(
        """SELECT subject_id, household_id, lsoa, start, "end"
        FROM (SELECT subject_id, household_id, start, CAST(NULL AS DATE) AS "end" FROM settled
              UNION ALL SELECT subject_id, household_id, start, "end" FROM moved_stays)
        LEFT JOIN lsoa_of USING (household_id) ORDER BY subject_id, start, household_id"""
    ).to_arrow_table()
    con.unregister("moved_stays")
    return table


def _moved(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The stays of everybody with more than one home."""
    rows = con.execute(
        """SELECT subject_id, feed, home, start, seen FROM addresses
        WHERE home IS NOT NULL AND subject_id NOT IN (SELECT subject_id FROM settled)
        ORDER BY subject_id, start, seen, feed, home"""
    ).fetchall()
    people: list[int] = []
    stays: list[Stay] = []
    for subject, reports in _by_subject(rows):
        for stay in settle(reports):
            people.append(subject)
            stays.append(stay)
    return pa.table(
        {
            "subject_id": pa.array(people, pa.int64()),
            "household_id": pa.array([stay.home for stay in stays], pa.int64()),
            "start": pa.array([stay.start for stay in stays], pa.date32()),
            "end": pa.array([stay.end for stay in stays], pa.date32()),
        }
    )


def _by_subject(rows: Sequence[Any]) -> Iterator[tuple[int, list[Report]]]:
    for subject, group in groupby(rows, key=lambda row: row[0]):
        yield int(subject), [Report(feed, home, start, seen) for _, feed, home, start, seen in group]


def settle(reports: Sequence[Report]) -> list[Stay]:
    """One person's stays from the reports of all feeds, in any order.

    >>> day = date.fromisoformat
    >>> settle([Report("gp", 1, day("2020-01-01"), day("2020-01-01")),
    ...         Report("school", 2, day("2021-09-01"), day("2022-01-20")),
    ...         Report("ae", 1, day("2021-12-01"), day("2021-12-01"))])
    [Stay(home=1, start=datetime.date(2020, 1, 1), end=datetime.date(2021, 9, 1)), \
Stay(home=2, start=datetime.date(2021, 9, 1), end=None)]
    """
    ordered = sorted(reports, key=lambda report: (report.start, report.seen, report.feed, report.home))
    slips = _slips(ordered)
    order: list[int] = []  # homes in the order of stays, the last being the present one
    starts: list[date] = []
    said: dict[str, int] = {}
    for report in ordered:
        if report in slips:
            continue
        known = report.home in order
        was = said.get(report.feed)
        said[report.feed] = report.home
        if not order:
            order.append(report.home)
            starts.append(report.start)
        elif report.home == order[-1]:
            continue
        elif not known or was == order[-1]:
            order.append(report.home)
            starts.append(report.start)
    ends: list[date | None] = [*starts[1:], None]
    return [
        Stay(home, start, end) for home, start, end in zip(order, starts, ends, strict=True) if start != end
    ]


def _slips(ordered: Sequence[Report]) -> set[Report]:
    """Homes given by one feed on one day, and contradicted later by two reports of a home known before."""
    feeds: dict[int, set[str]] = {}
    days: dict[int, set[date]] = {}
    for report in ordered:
        feeds.setdefault(report.home, set()).add(report.feed)
        days.setdefault(report.home, set()).update((report.start, report.seen))
    slips: set[Report] = set()
    earlier: set[int] = set()
    for report in ordered:
        if earlier and len(feeds[report.home]) == 1 and len(days[report.home]) == 1:
            after = report.seen + CONTRADICTED_AFTER
            contradicting = {
                other.feed
                for other in ordered
                if other.home in earlier and other.feed != report.feed and other.seen > after
            }
            same_feed = any(
                other.home in earlier and other.feed == report.feed and other.seen > after
                for other in ordered
            )
            if same_feed or len(contradicting) >= 2:
                slips.add(report)
                continue
        earlier.add(report.home)
    return slips
