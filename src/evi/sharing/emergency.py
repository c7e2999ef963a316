"""Emergency views: the rules that hold for one, as data (`emergency.yaml`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evi.workspace.declared import check_against, read_yaml

FILE = Path(__file__).parent / "emergency.yaml"
SCHEMA = Path(__file__).parent / "emergency.schema.json"
PURPOSE = "emergency"


@dataclass(frozen=True)
class EmergencyRules:
    """How long a view lasts, by when it must be reviewed, and of how many words a reason has at least."""

    minutes: int
    review_working_days: int
    reason_words: int

    def enough(self, reason: str) -> bool:
        """Whether a reason has enough words to be one.

        >>> rules = EmergencyRules(60, 2, 4)
        >>> rules.enough("urgent"), rules.enough("Child unconscious, ambulance is here")
        (False, True)
        """
        return (
            len([word for word in reason.split() if any(letter.isalpha() for letter in word)])
            >= self.reason_words
        )


@cache
def emergency_rules() -> EmergencyRules:
    """The shipped rules.

    Raises:
        EviError: the file breaks its schema.
    """
    table = read_yaml(FILE)
    check_against(table, SCHEMA, str(FILE))
    return EmergencyRules(**table)
