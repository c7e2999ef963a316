"""Published tables named on the command line, as series that can be forecast from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evi.workspace import EviError

if TYPE_CHECKING:
    from evi.queues.measuring.series import Series


def published_series(kind: str, files: list[Path], place: str | None) -> Series:
    """One place's series from published tables."""
    every = {one.place: one for one in read_published(kind, files)}
    if place in every:
        return every[place]
    found = [name for name in every if place and place.lower() in name.lower()]
    if len(found) == 1:
        return every[found[0]]
    raise EviError(
        f"“{place}” is not one place of these tables." if place else "which place is meant?",
        where="--place",
        do=f"Name one of: {', '.join(every)}.",
        exit_code=2,
    )


def read_published(kind: str, files: list[Path]) -> tuple[Series, ...]:
    """Every series of published tables of a kind that can be forecast from."""
    from evi.queues.published.scottish_camhs import read_scottish_camhs  # noqa: PLC0415

    if kind != "camhs":
        raise EviError(
            f"eVI can't forecast from tables called “{kind}”.",
            where="--published",
            do="Say camhs.",
            exit_code=2,
        )
    if not files:
        raise EviError("no file was named.", where="FILES", do="Name the published tables.", exit_code=2)
    return read_scottish_camhs(files)
