"""Days given on the command line, and the day that is meant where none is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from evi import records
from evi.workspace import District, EviError


def parse_date(text: str | None) -> date | None:
    """Read an ISO date given on the command line.

    Raises:
        EviError: it isn't a date.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EviError(
            f"“{text}” is not a date.", where="--date", do="Write it as 2026-08-31.", exit_code=2
        ) from error


def index_date(district: District, params: Mapping[str, Any]) -> date:
    """The day to look at: the one asked for, or the newest day that the records know."""
    asked = params.get("date")
    return date.fromisoformat(asked) if asked else records.reference_day(district)


def day_asked(district: District, text: str | None) -> date:
    """The day that a reader of the index is to look at."""
    return parse_date(text) or records.reference_day(district)
