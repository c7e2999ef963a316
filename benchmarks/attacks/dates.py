"""Why no month of birth stands beside codes of dates: with it, days can be read without a key or a list."""

from __future__ import annotations

import polars as pl

from benchmarks.attacks.people import columns_of
from evi.encoding import Coder, Keys, encode_identities, normalise


def days_read(people: pl.DataFrame, *, with_month: bool) -> float:
    """The share of people whose exact day of birth follows from their codes and what stands in clear.

    Where the code of one date with day and month changed over is the code of another date, the month of the
    other is the day of the first; and every date with that code of month and day has that day.

    Args:
        with_month: whether month of birth stands in clear in the same table, or year alone.
    """
    made = encode_identities(columns_of(people), Coder(Keys.throw_away()))
    months = [born.month if born and with_month else None for born in made["birth_month"].to_pylist()]
    dates, swapped, pairs = (made[name].to_pylist() for name in ("dob", "dob_x", "md"))
    month_of = {date: month for date, month in zip(dates, months, strict=True) if date is not None and month}
    day_of = {pair: month_of[x] for pair, x in zip(pairs, swapped, strict=True) if x in month_of}
    born = [normalise.parse_date(value) for value in people["date_of_birth"].to_list()]
    known = [(date, pair) for date, pair in zip(born, pairs, strict=True) if date is not None]
    return sum(day_of.get(pair) == date.day for date, pair in known) / max(len(known), 1)
