"""What each event does to a clock: opens it, stops it, ends it, pauses it, or is a missed appointment."""

from __future__ import annotations

from datetime import date

import polars as pl

from evi.queues.measuring.clocks import Clock, Fact

FAR = date(9999, 12, 31)


def shaped(events: pl.DataFrame) -> pl.DataFrame:
    """Events with the columns that clocks read, in their types; a column that is not there is all null."""
    optional = {"text_value": pl.String, "end_time": pl.Date, "record_id": pl.Int64}
    absent = [pl.lit(None, kind).alias(name) for name, kind in optional.items() if name not in events.columns]
    return events.with_columns(absent).select(
        pl.col("subject_id").cast(pl.Int64),
        pl.col("time").cast(pl.Date),
        pl.col("code").cast(pl.String),
        pl.col("text_value").cast(pl.String),
        pl.col("end_time").cast(pl.Date),
        pl.col("record_id").cast(pl.Int64),
    )


def read_roles(events: pl.DataFrame, clock: Clock, day: date) -> tuple[pl.DataFrame, int]:
    """What each event does to the clock, and how many events are dated after the day.

    Returns:
        `subject_id, day, role, number` (of the milestone), `reason, also_starts` (its code opens a clock)
        and `event` (a number of the event, -1 for the end of a time that another event began), with one row
        an event and role. An event that is there twice, in every column, counts once; a referral does not,
        so that its copies can be told.
    """
    opens = pl.col("code").is_in([fact.code for fact in clock.starts])
    events = pl.concat([events.filter(opens), events.filter(~opens).unique()]).with_row_index("event")
    parts: list[pl.DataFrame] = []

    def add(role: str, chosen: pl.DataFrame, number: int = 0, reason: pl.Expr | None = None) -> None:
        parts.append(
            chosen.select(
                "subject_id",
                day=pl.col("time"),
                role=pl.lit(role),
                number=pl.lit(number, pl.Int32),
                reason=(pl.lit(None, pl.String) if reason is None else reason),
                also_starts=opens,
                event=pl.col("event").cast(pl.Int64),
            )
        )

    for fact in clock.starts:
        add("start", _matching(events, fact))
    add("other", _others(events, clock))
    for number, step in enumerate(clock.milestones):
        for fact in step.stops:
            add("stop", _matching(events, fact), number)
    for fact in clock.missed:
        add("missed", _matching(events, fact))
    for removal in clock.removes:
        chosen = _matching(events, removal.fact)
        chosen = _ends(chosen) if removal.at_end else chosen
        said = pl.col("text_value").str.strip_chars().str.to_lowercase().str.replace_all(r"[^a-z0-9]+", "_")
        why = pl.when(said.str.len_chars() > 0).then(said).otherwise(pl.lit("unknown"))
        add("removal", chosen, reason=pl.lit(removal.reason) if removal.reason else why)
    for pause in clock.pauses:
        add("pause", events.filter(pl.col("code") == pause.start))
        add("resume", events.filter(pl.col("code") == pause.until))
    roles = pl.concat(parts)
    late = roles.filter((pl.col("day") > day) & (pl.col("event") >= 0))
    return roles.filter(pl.col("day") <= day), late["event"].n_unique()


def _others(events: pl.DataFrame, clock: Clock) -> pl.DataFrame:
    """Referrals with the code of a start that are for another reason."""
    for fact in clock.starts:
        events = events.join(_matching(events, fact), on=events.columns, how="anti", nulls_equal=True)
    return events.filter(pl.col("code").is_in([fact.code for fact in clock.starts]))


def _matching(events: pl.DataFrame, fact: Fact) -> pl.DataFrame:
    chosen = pl.col("code") == fact.code
    text = pl.col("text_value").str.to_uppercase().fill_null("")
    if fact.text:
        chosen &= text.is_in([each.upper() for each in fact.text])
    if fact.text_not:
        chosen &= ~text.is_in([each.upper() for each in fact.text_not])
    return events.filter(chosen)


def _ends(spells: pl.DataFrame) -> pl.DataFrame:
    """The end of each time that spells which follow without a day's gap make up; none for one still open."""
    rows = spells.select("subject_id", "time", until=pl.col("end_time").fill_null(FAR)).sort(pl.all())
    reached = pl.col("until").cum_max().shift(1).over("subject_id")
    fresh = (reached.is_null() | (pl.col("time") > reached.dt.offset_by("1d"))).fill_null(True)
    joined = rows.with_columns(spell=fresh.cum_sum().over("subject_id"))
    ends = joined.group_by("subject_id", "spell").agg(time=pl.col("until").max())
    return ends.filter(pl.col("time") < FAR).select(
        "subject_id",
        "time",
        code=pl.lit(""),
        text_value=pl.lit(None, pl.String),
        event=pl.lit(-1),
    )
