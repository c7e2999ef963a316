"""The report of a district: what is known, what isn't, and how to check it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from evi.index import Catalogue
from evi.workspace import SILENT, District, Progress

__all__ = ["build_report"]


def build_report(
    district: District,
    day: date,
    progress: Progress = SILENT,
    *,
    children: bool | None = None,
    catalogue: Catalogue | None = None,
) -> Path:
    """Write `outputs/report.html` for the index of `day`; the same district gives the same bytes.

    Args:
        children: whether three single children stand in it (by default only where everyone is made up: a
            report is passed on, and a child's reasons shouldn't be).
        catalogue: indicators and bands other than the district's registry.

    Raises:
        EviError: there is no index of that day.

    Returns:
        Where the report is.
    """
    from evi.reports import build  # noqa: PLC0415 - drawing takes a second to load, and no other command needs it

    return build.build_report(district, day, progress, children=children, catalogue=catalogue)
