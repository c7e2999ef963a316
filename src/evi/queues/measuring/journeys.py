"""From events to waits: one row a referral, by the rules of a clock, with what was known on a day.

How a child's clock runs, day by day:

1. What happens to a clock that is already open comes first. The last milestone stops it (the child started);
   failing that, a removal ends it. A missed appointment is counted and the child keeps their place.
2. Then a start opens a clock if none is open. A second start on the same day is the same referral written
   twice; one on a later day makes no second clock: a child waits once, from the first referral on.
3. If a clock was opened that day and none was open before, the rest of the day's events belong to it, so a
   child may be seen on the day of referral. An event that is itself a start (a review that begins the next
   clock) never stops the clock that it opens.

What comes after a clock has stopped is follow-up. What comes before any referral is set aside and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from evi.queues.measuring.calendar import Counts, Days, add_months, add_working_days, working_days_between
from evi.queues.measuring.clocks import Clock, Limit, check_feeds, clock_of
from evi.queues.measuring.roles import read_roles, shaped
from evi.queues.measuring.running import Run, run_clocks
from evi.records import open_records
from evi.workspace import District, EviError, quote

Floats = npt.NDArray[np.float64]

TABLE = {
    "subject_id": pl.Int64,
    "referred": pl.Date,
    "started": pl.Date,
    "removed": pl.Date,
    "reason": pl.String,
    "offered": pl.Int32,
    "missed": pl.Int32,
    "paused_days": pl.Int32,
    "wait_days": pl.Int32,
    "state": pl.String,
    "due": pl.Date,
}
"""Columns of `Journeys.table`, in order."""

REJECTS = {
    "no_date": "events without a child or a date, left out",
    "after_the_day": "events dated after the day, left out until they have happened",
    "twice": "referrals of one child written again on the same day, counted once",
    "open_already": "referrals of a child whose clock was open already, who waits once, from the first",
    "before_referral": "appointments or removals before a child's first referral, left out; the wait goes on",
    "no_referral": "appointments or removals of children without any referral, left out",
}
"""Why an event makes no wait, and what is done with it."""


@dataclass(frozen=True)
class Journeys:
    """Every referral of one pathway that was known on a day, and what became of it.

    Attributes:
        table: one row a referral, ordered by `referred` and `subject_id`:
            `referred`, then `started` or `removed` (with its `reason`) if either has happened;
            `offered` and `missed` appointments, the kept first one included in those offered;
            `paused_days` and `wait_days`, in the days that the clock counts, up to the start, the removal or
            `day`; `state`: waiting, started or removed; `due`: the last day within the limit (null if the
            limit depends on an age that is not known).
        rejects: how many events were set aside, by the keys of `REJECTS`.
        follow_ups: events after a clock had stopped, or after a referral for another reason, which change
            no wait of this pathway.
        pathway: the clock's name.
        day: only what was known on this day counts.
        clock: the clock itself.
        milestones: for each referral and milestone: `subject_id, referred, milestone, due, met` (or null).
        missed_on: the date of each missed appointment while waiting: `subject_id, referred, missed_on`.
        pauses: `subject_id, referred, paused_from, paused_until` (the day the clock went on; null: still).
    """

    table: pl.DataFrame
    rejects: Mapping[str, int]
    follow_ups: int
    pathway: str
    day: date
    clock: Clock
    milestones: pl.DataFrame
    missed_on: pl.DataFrame
    pauses: pl.DataFrame

    def reject_lines(self) -> list[str]:
        """What was set aside, each with its count."""
        return [f"{REJECTS[key]}: {count:,}" for key, count in self.rejects.items() if count]


def journeys(district: District, pathway: str, day: date) -> Journeys:
    """Every referral of a pathway in the district's records, as they were known on `day`.

    Raises:
        EviError: there is no such clock, no feed gives what starts or stops it, nothing is loaded yet, or no
            event that starts it was known.
    """
    clock = clock_of(pathway, district)
    check_feeds(clock, district)
    codes = ", ".join(quote(code) for code in clock.codes)
    with open_records(district) as con:
        events = _known(con, codes, day)
        births = pl.DataFrame(con.sql("SELECT subject_id, birth_month FROM subjects").to_arrow_table())
    if not events["code"].is_in([fact.code for fact in clock.starts]).any():
        raise EviError(
            f"no event that starts this clock was known on {day}.",
            where=clock.title,
            do=f"It comes from {clock.comes_from}. Load that feed, or choose a later day.",
        )
    return follow(events, clock, day, births)


def _known(con: duckdb.DuckDBPyConnection, codes: str, day: date) -> pl.DataFrame:
    """Events in the one version that the hub held on the day."""
    query = f"""SELECT subject_id, CAST(time AS DATE) AS time, code, text_value, record_id,
                       CAST(end_time AS DATE) AS end_time
                FROM events_by_code
                WHERE code IN ({codes}) AND known_at <= DATE '{day}' AND NOT withdrawn
                  AND (known_until IS NULL OR known_until > DATE '{day}') ORDER BY ALL"""
    return pl.DataFrame(con.sql(query).to_arrow_table())


def follow(events: pl.DataFrame, clock: Clock, day: date, births: pl.DataFrame | None = None) -> Journeys:
    """The waits that a table of events holds; the order of its rows does not matter.

    Args:
        events: `subject_id`, `time` (date or datetime) and `code`, with `text_value`, `end_time` and
            `record_id` where there are any; one row an event, each in the version known on `day`.
        births: `subject_id, birth_month`, for limits that depend on age.
    """
    events = shaped(events)
    undated = events.filter(pl.col("time").is_null() | pl.col("subject_id").is_null()).height
    events = events.drop_nulls(["subject_id", "time"])
    roles, late = read_roles(events, clock, day)
    run = run_clocks(roles, last=len(clock.milestones) - 1)
    rejects = {"no_date": undated, "after_the_day": late, **run.rejects}
    return _journeys(run, clock, day, births, rejects)


def _journeys(
    run: Run, clock: Clock, day: date, births: pl.DataFrame | None, rejects: Mapping[str, int]
) -> Journeys:
    """Count the days: waits, pauses and limits, for all clocks at once."""
    rows = run.clocks
    referred = _days(rows["referred"])
    ended = _days(rows.select(pl.coalesce("started", "removed", pl.lit(day)))["started"])
    pauses = run.pauses
    owner = pauses["clock"].to_numpy()
    paused_until = _days(pauses.select(pl.coalesce("paused_until", pl.lit(day)))["paused_until"])
    stood = counted_days(clock, _days(pauses["paused_from"]), np.minimum(paused_until, ended[owner]))
    paused = np.bincount(owner, stood, minlength=rows.height).astype(np.int64)
    wait = np.maximum(counted_days(clock, referred, ended) - paused, 0)
    ages = _ages(rows, births)
    dues = [_due(step.limits, referred, paused, ages) for step in clock.milestones]
    left = pl.when(pl.col("removed").is_not_null()).then(pl.lit("removed")).otherwise(pl.lit("waiting"))
    state = pl.when(pl.col("started").is_not_null()).then(pl.lit("started")).otherwise(left)
    table = rows.with_columns(
        paused_days=pl.Series(paused), wait_days=pl.Series(wait), state=state, due=_dates(dues[-1])
    ).select(pl.col(name).cast(kind) for name, kind in TABLE.items())
    who = rows.select("clock", "subject_id", "referred")
    steps = [
        who.with_columns(milestone=pl.lit(step.id), number=pl.lit(number, pl.Int32), due=_dates(due))
        for number, (step, due) in enumerate(zip(clock.milestones, dues, strict=True))
    ]
    milestones = pl.concat(steps).join(run.met, on=["clock", "number"], how="left", maintain_order="left")
    return Journeys(
        table,
        rejects,
        run.follow_ups,
        clock.id,
        day,
        clock,
        milestones.select("subject_id", "referred", "milestone", "due", "met"),
        who.join(run.missed_on, on="clock").sort("missed_on", "clock").drop("clock"),
        who.join(pauses, on="clock").sort("paused_from", "clock").drop("clock"),
    )


def counted_days(clock: Clock, start: Days, end: Days) -> Counts:
    """Days from `start` to `end` as the clock counts them; 0 where `end` is not after `start`."""
    if clock.counts == "working_days":
        return working_days_between(start, end)
    return np.maximum((end - start).astype(np.int64), 0)


def _due(
    limits: tuple[Limit, ...],
    referred: Days,
    paused: Counts,
    ages: Floats,
) -> Days:
    """The last day within the limit; not-a-time where it depends on an age that is not known."""
    due = np.full(len(referred), np.datetime64("NaT", "D"))
    open_yet = np.ones(len(referred), bool)
    for limit in limits:
        if limit.under_months is None:
            holds = open_yet & (~np.isnan(ages) | (len(limits) == 1))
        else:
            holds = open_yet & (ages < limit.under_months)
        due[holds] = _last_day(limit, referred[holds], paused[holds])
        open_yet &= ~holds
    return due


def _last_day(limit: Limit, referred: Days, paused: Counts) -> Days:
    if limit.unit == "working_days":
        return add_working_days(referred, limit.within + paused)
    if limit.unit == "months":
        due: Days = add_months(referred, limit.within) + paused.astype("m8[D]")
    else:
        due = referred + (limit.within * (7 if limit.unit == "weeks" else 1) + paused).astype("m8[D]")
    return due


def _ages(rows: pl.DataFrame, births: pl.DataFrame | None) -> Floats:
    """Age in whole months at referral; NaN where the month of birth is not known."""
    if births is None:
        return np.full(rows.height, np.nan)
    known = births.select("subject_id", pl.col("birth_month").cast(pl.Date)).unique("subject_id", keep="any")
    joined = rows.join(known, on="subject_id", how="left", maintain_order="left")
    months = joined.select(
        (pl.col("referred").dt.year().cast(pl.Int32) - pl.col("birth_month").dt.year()) * 12
        + pl.col("referred").dt.month().cast(pl.Int32)
        - pl.col("birth_month").dt.month()
    ).to_series()
    return months.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _days(dates: pl.Series) -> Days:
    found: Days = dates.to_numpy().astype("M8[D]")
    return found


def _dates(days: Days) -> pl.Series:
    return pl.Series(days.astype("M8[ms]")).cast(pl.Date)
