"""NHS England's autism waiting time statistics as series: one a place, for children, adults or all.

Counts are of people or referrals that were open at some time in the month, rounded to 5; small ones are
written `*`. In some months one number of a total and its two parts is hidden; it stays unknown here, since
working it out from the other two would undo what the publisher did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from evi.queues.measuring.series import Series, series_table
from evi.queues.published.reading import Notes, numbers, one_each, read_csv
from evi.workspace import EviError

Ages = Literal["children", "adults", "all"]

COLUMNS = (
    "REPORTING_PERIOD_START", "REPORTING_PERIOD_END", "PRIMARY_LEVEL", "PRIMARY_LEVEL_DESCRIPTION",
    "SECONDARY_LEVEL", "METRIC", "METRIC_DESCRIPTION", "METRIC_VALUE",
)  # fmt: skip
SOURCE = "NHS England, Autism Waiting Time Statistics"

_OPEN = 'number of patients with an open "suspected autism" referral in the month'
_LONG = f"{_OPEN} that has been open for at least 13 weeks"
MEASURES = {
    _OPEN: "waiting",
    _LONG: "waiting_13_weeks_and_over",
    'number of open "suspected autism" referrals in the month': "open_referrals",
    'number of new "suspected autism" referrals in the month': "referrals",
    'number of closed "suspected autism" referrals in the month': "closed",
    'number of patients with more than one open "suspected autism" referral in the month': "with_several",
    f"{_LONG}, receiving a first appointment in 13 weeks or less": "first_seen_within_13_weeks",
    f"{_LONG}, receiving a first appointment after more than 13 weeks": "first_seen_later",
    f"{_LONG}, that have not had a care contact appointment recorded": "not_seen_yet",
    _OPEN.replace("in the month", "receiving an autism diagnosis in the month"): "diagnosed",
}
"""The publisher's measures that are read, by their words without the ages, and the column of each."""

_AGES: dict[str, Ages] = {"0 to 17": "children", "18 and over": "adults"}
_AGED = re.compile(r"\s*(?:for those )?aged (0 to 17|18 and over)")


def read_nhs_autism(files: Sequence[Path], ages: Ages = "children") -> tuple[Series, ...]:
    """One monthly series a place.

    `waiting` is people with an open referral at any time in the month, so it includes those who left during
    it; `referrals` is new referrals. How many started is not published: `starts` and `removals` are null,
    and referrals that were closed for either reason are in a column `closed` of their own.

    Raises:
        EviError: a file is no such table, or none of its rows can be used.
    """
    notes = Notes()
    tables = [read_csv(path, COLUMNS).select(COLUMNS) for path in files]
    if not tables:
        raise EviError("no file is given.", where=SOURCE, do="Name at least one CSV.", exit_code=2)
    rows = pl.concat(tables).filter(pl.col("SECONDARY_LEVEL") == "NONE")
    rows = _dated(rows, notes)
    rows = one_each(rows, ["REPORTING_PERIOD_START", "PRIMARY_LEVEL", "METRIC"], notes)
    rows = _measured(rows)
    if rows.is_empty():
        raise EviError(
            "no row holds a measure that is read here.",
            where=", ".join(path.name for path in files),
            do="Check that it is the monthly data file of the autism statistics.",
        )
    exposed = _exposed(rows)
    places = rows.group_by("PRIMARY_LEVEL", maintain_order=True).agg(
        pl.col("PRIMARY_LEVEL_DESCRIPTION").first()
    )
    return tuple(
        _series(
            rows.filter(pl.col("PRIMARY_LEVEL") == code),
            name if code in name else f"{name} ({code})",
            ages,
            notes,
            exposed,
        )
        for code, name in places.sort("PRIMARY_LEVEL").iter_rows()
    )


def _dated(rows: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Rows whose period is one calendar month, with its first day as `start`."""
    first, last = (
        pl.coalesce(
            pl.col(name).str.to_date("%d/%m/%Y", strict=False),
            pl.col(name).str.to_date("%Y-%m-%d", strict=False),
        )
        for name in ("REPORTING_PERIOD_START", "REPORTING_PERIOD_END")
    )
    month = (first.dt.day() == 1) & (last == first.dt.month_end())
    kept = rows.with_columns(start=first).filter(month)
    notes.add("rows that are not of one calendar month, left out", rows.height - kept.height)
    return kept


def _measured(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the measures that are read, with the column and the ages that each is about."""
    words = rows["METRIC_DESCRIPTION"].fill_null("").str.replace_all(r"\s+", " ").str.strip_chars().to_list()
    aged = [_AGED.search(text) for text in words]
    bare = [_AGED.sub("", text).lower().replace("month, that has", "month that has") for text in words]
    return rows.with_columns(
        column=pl.Series([MEASURES.get(text) for text in bare], dtype=pl.String),
        ages=pl.Series([_AGES[found.group(1)] if found else "all" for found in aged], dtype=pl.String),
    ).filter(pl.col("column").is_not_null())


def _exposed(rows: pl.DataFrame) -> int:
    """Totals with two parts of which exactly one number is hidden."""
    hidden = (pl.col("METRIC_VALUE").str.strip_chars() == "*").sum().alias("hidden")
    triples = rows.group_by("PRIMARY_LEVEL", "start", "column").agg(hidden, pl.len())
    return triples.filter((pl.col("hidden") == 1) & (pl.col("len") == 3)).height


def _series(rows: pl.DataFrame, place: str, ages: Ages, shared: Notes, exposed: int) -> Series:
    notes = Notes(dict(shared.counts))
    chosen = rows.filter(pl.col("ages") == ages)
    chosen = chosen.with_columns(value=numbers(chosen["METRIC_VALUE"], notes))
    months: dict[date, dict[str, object]] = {}
    for start, column, value in chosen.select("start", "column", "value").iter_rows():
        months.setdefault(start, {"start": start})[column] = value
    for month in months.values():
        total, over = month.get("waiting"), month.get("waiting_13_weeks_and_over")
        if isinstance(total, float) and isinstance(over, float):
            month["waiting_under_13_weeks"] = max(0.0, total - over)
    notes.add("totals with one hidden part that the rest would give away, left unknown", exposed)
    bands = ["waiting_under_13_weeks", "waiting_13_weeks_and_over"]
    others = [name for name in MEASURES.values() if name not in ("waiting", "referrals", *bands)]
    return Series(
        place,
        "autism",
        "month",
        series_table(list(months.values()), [*bands, *others]),
        {(0, 13): bands[0], (13, None): bands[1]},
        {},
        SOURCE,
        (
            f"ages: {ages}",
            "every count is rounded to 5, so a difference of two, as the number under 13 weeks, is within 5",
            "waiting is everyone with an open referral at any time in the month, not at its end",
            "13 weeks to the day count as over 13 weeks here, as within 13 weeks elsewhere",
            *notes.lines(),
        ),
    )
