"""Errors that a person can act on: what is wrong, where, and what to do."""

from __future__ import annotations


class EviError(Exception):
    """Something that the user can put right.

    Args:
        what: what is wrong, in one sentence. Never holds a value from a person's record.
        where: the file, feed, field or setting in which it was found.
        do: what the user can do about it.
        exit_code: what the `evi` command ends with (1 by default).
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", do: str = "", exit_code: int | None = None) -> None:
        self.what, self.where, self.do = what, where, do
        if exit_code is not None:
            self.exit_code = exit_code
        super().__init__(" ".join(part for part in (f"{where}: {what}" if where else what, do) if part))


class RefusedError(EviError):
    """An extract, key or agreement that is refused whole (exit code 3)."""

    exit_code = 3
