"""Who lived where and when, from dated addresses that arrive late, disagree and go stale.

A home begins when a feed first gives it and the person was not known to have left it. A feed that still gives
an old home after others have given a newer one is out of date, not news; a feed that goes back from the newer
home to the older one is news. A new home that one feed gives once, and that fresher reports of the old home
from other feeds contradict, is taken for a slip.

Two more things are read from the people themselves. A mother and her child under sixteen move together unless
the child's own feeds say otherwise, so the reports of one count, weakly, for the other. And a home to which
unrelated newcomers with another surname have come, and which nobody of the family before was seen at since,
has changed
hands: those before have left it, for a place not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import duckdb
import pyarrow as pa

from evi.linkage.queries import table_of

CONTRADICTED_AFTER = timedelta(days=30)
CONTRADICTED_DAYS = 400  # a child's own feeds lag, some by a year; after that their word stands against hers
TOGETHER_YEARS = 16
NEWCOMERS = 2  # of one family: a lodger or a partner does not end a stay
KIN = "kin:"


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
    """Residence intervals of every subject.

    Args:
        con: holds `addresses` (subject_id, feed, home, start, seen, lsoa, sn), `mothers` (subject_id,
        other_id)
            and `births` (subject_id, birth_month).

    Returns:
        subject_id, household_id (the home's code), lsoa, start, "end" (null while it lasts); sorted.
    """
    _reports(con)
    con.execute(
        """CREATE OR REPLACE TABLE settled AS
        SELECT subject_id, any_value(home) AS home, min(start) AS start
        FROM reports GROUP BY subject_id HAVING count(DISTINCT home) = 1"""
    )
    con.register("moved_stays", _moved(con))
    con.execute(
        """CREATE OR REPLACE TABLE stays AS
        SELECT subject_id, home, start, CAST(NULL AS DATE) AS "end" FROM settled
        UNION ALL SELECT subject_id, home, start, "end" FROM moved_stays"""
    )
    con.unregister("moved_stays")
    _end_at_turnover(con)
    con.execute(
        """CREATE OR REPLACE TABLE lsoa_of AS
        SELECT home, mode(lsoa ORDER BY lsoa) AS lsoa FROM addresses
        WHERE home IS NOT NULL AND lsoa IS NOT NULL GROUP BY home"""
    )
    return table_of(
        con,
        """SELECT subject_id, home AS household_id, lsoa, start, "end"
        FROM stays LEFT JOIN lsoa_of USING (home)
        WHERE "end" IS NULL OR "end" > start ORDER BY subject_id, start, household_id""",
    )


def _reports(con: duckdb.DuckDBPyConnection) -> None:
    """Table `reports`: each feed's word on each person, and that of mother and child for one another."""
    con.execute(
        """CREATE OR REPLACE TABLE own AS
        SELECT subject_id, feed, home, least(min(start), min(seen)) AS start, max(seen) AS seen
        FROM addresses WHERE home IS NOT NULL GROUP BY subject_id, feed, home"""
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE kin AS
        WITH pairs AS (
            SELECT m.subject_id, m.other_id AS kin_id, b.birth_month AS born,
                   greatest(b.birth_month, o.first) AS since
            FROM mothers m JOIN births b ON b.subject_id = m.subject_id
            LEFT JOIN (SELECT subject_id, min(start) AS first FROM own GROUP BY subject_id) o
                   ON o.subject_id = m.subject_id
            UNION ALL
            SELECT m.other_id, m.subject_id, b.birth_month, b.birth_month
            FROM mothers m JOIN births b ON b.subject_id = m.subject_id),
        given AS (
            SELECT p.subject_id, '{KIN}' || o.feed AS feed, o.home,
                   greatest(min(o.start), min(p.since)) AS start, max(o.seen) AS seen
            FROM pairs p JOIN own o ON o.subject_id = p.kin_id
            WHERE p.born IS NOT NULL AND o.seen >= p.born
              AND o.start < p.born + INTERVAL {TOGETHER_YEARS} YEAR
            GROUP BY ALL)
        SELECT g.* FROM given g
        WHERE EXISTS (FROM own o WHERE o.subject_id = g.subject_id AND o.home = g.home)
           OR NOT EXISTS (
            FROM own o WHERE o.subject_id = g.subject_id AND o.home <> g.home
              AND o.seen > g.start + INTERVAL {CONTRADICTED_DAYS} DAY)"""
    )
    con.execute("CREATE OR REPLACE TABLE reports AS FROM own UNION ALL FROM kin")


def _end_at_turnover(con: duckdb.DuckDBPyConnection) -> None:
    """End the stays of those who were not seen at a home since unrelated people came to it."""
    con.execute(
        f"""CREATE OR REPLACE TABLE kept_stays AS
        WITH family AS (
            SELECT s.subject_id, coalesce(m.other_id, s.subject_id) AS family
            FROM (SELECT DISTINCT subject_id FROM stays) s LEFT JOIN mothers m USING (subject_id)),
        named AS (SELECT DISTINCT subject_id, sn FROM addresses WHERE sn IS NOT NULL),
        last_seen AS (
            SELECT r.subject_id, r.home, f.family, max(r.seen) AS seen
            FROM reports r JOIN family f USING (subject_id) GROUP BY ALL),
        family_seen AS (SELECT home, family, max(seen) AS seen FROM last_seen GROUP BY ALL),
        surname_seen AS (
            SELECT home, sn, max(seen) AS seen FROM last_seen JOIN named USING (subject_id) GROUP BY ALL),
        confirmed AS (
            SELECT s.subject_id, s.home, s.start, any_value(f.family) AS family,
                   greatest(any_value(a.seen), max(b.seen), s.start) AS seen
            FROM stays s JOIN family f USING (subject_id)
            LEFT JOIN family_seen a ON a.home = s.home AND a.family = f.family
            LEFT JOIN named n ON n.subject_id = s.subject_id
            LEFT JOIN surname_seen b ON b.home = s.home AND b.sn = n.sn
            GROUP BY s.subject_id, s.home, s.start),
        arrived AS (
            SELECT s.home, f.family, min(s.start) AS start, count(DISTINCT s.subject_id) AS people
            FROM stays s JOIN family f USING (subject_id) GROUP BY ALL HAVING people >= {NEWCOMERS}),
        changed AS (
            SELECT c.subject_id, c.home, c.start, min(a.start) AS changed
            FROM confirmed c JOIN arrived a ON a.home = c.home AND a.family <> c.family AND a.start > c.seen
            GROUP BY ALL)
        SELECT s.subject_id, s.home, s.start, CASE WHEN changed IS NULL THEN "end"
               ELSE least(changed, coalesce("end", changed)) END AS "end"
        FROM stays s LEFT JOIN changed USING (subject_id, home, start)"""
    )
    con.execute("DROP TABLE stays; ALTER TABLE kept_stays RENAME TO stays")


def _moved(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The stays of everybody with more than one home."""
    rows = con.execute(
        """SELECT subject_id, feed, home, start, seen FROM reports
        WHERE subject_id NOT IN (SELECT subject_id FROM settled)
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
            "home": pa.array([stay.home for stay in stays], pa.int64()),
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
    if not reports:
        return []
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
