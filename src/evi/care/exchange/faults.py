"""What is wrong with a file that came in: told by its place, never by what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evi.workspace import EviError


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `place` is where (`entry 3, Patient.gender`), `what` a sentence."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


class BadFileError(EviError):
    """A file that is refused whole. `faults` holds each thing that is wrong, if it could be read at all."""

    exit_code = 3

    def __init__(self, what: str, *, do: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(what, where="the file", do=do)
        self.faults = tuple(faults)
