"""Small numbers: what may be printed of a count before the full disclosure room exists.

The rule is plain and stated wherever it is used: a count under 10 is not printed, every other count is
rounded to the nearest 5, a percentage is worked out from the rounded counts, and in a list with a printed
total one hidden count never stands alone (the next smallest is hidden with it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")

SMALLEST_SHOWN = 10
"""Counts below this are hidden."""
ROUND_TO = 5
"""Other counts are rounded to the nearest multiple of this."""
RULE = (
    f"A number under {SMALLEST_SHOWN} is not shown, so that nobody can be picked out. "
    f"Other numbers are rounded to the nearest {ROUND_TO}, so they may not add up exactly."
)


@dataclass(frozen=True)
class Shown:
    """A count as it may be printed: `number` is None when it is hidden, and `hidden_as` says so."""

    number: int | None
    hidden_as: str = f"fewer than {SMALLEST_SHOWN}"

    def __str__(self) -> str:
        return self.hidden_as if self.number is None else f"{self.number:,}"

    @property
    def hidden(self) -> bool:
        """Whether the count is hidden."""
        return self.number is None


HIDDEN = Shown(None)
HIDDEN_TOO = Shown(None, "not shown")
"""A count that is hidden because it would give another one away."""


def shown(count: float) -> Shown:
    """One count as it may be printed.

    >>> str(shown(7)), str(shown(1_234))
    ('fewer than 10', '1,235')
    """
    if count < SMALLEST_SHOWN:
        return HIDDEN
    return Shown(int((count + ROUND_TO / 2) // ROUND_TO) * ROUND_TO)


def share(part: Shown, whole: Shown) -> float | None:
    """The share that two printed counts give, or None where either is hidden."""
    if part.number is None or not whole.number:
        return None
    return min(part.number / whole.number, 1.0)


def shown_parts(counts: Mapping[Key, int]) -> dict[Key, Shown]:
    """Counts that add up to a printed total, as they may be printed.

    >>> {k: str(v) for k, v in shown_parts({"a": 4, "b": 52, "c": 31}).items()}
    {'a': 'fewer than 10', 'b': '50', 'c': 'not shown'}
    """
    parts = {key: shown(count) for key, count in counts.items()}
    hidden = [key for key, value in parts.items() if value.hidden]
    others = [key for key, value in parts.items() if not value.hidden]
    if len(hidden) == 1 and others:
        parts[min(others, key=lambda key: counts[key])] = HIDDEN_TOO
    return parts
