"""Keeping where a child lives from a person who may not know it.

Not to show the address is not enough: a school's name, a housing entry or a sentence that somebody wrote can
tell it. So a page asks for `Address.kept_from(visit, child)` and lets every text go through `hide`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from evi.care.accounts.models import Organisation
from evi.care.children.models import Child
from evi.sharing.vocabulary import vocabulary

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

TELLING = ("contact", "identifiers", "circle", "messages", "packs", "chronology.housing")
"""Items to hold back together with `contact`: each of them tells where a child can be found."""
_NUMBER = re.compile(r"^\s*(flat\s+)?\d+\w?\s+", re.IGNORECASE)
_LEAST = 4
"""Shorter parts of an address (a number, `Rd`) stand in other texts too, and tell nothing alone."""


@dataclass(frozen=True)
class Address:
    """What has to be kept back; `kept` False where nothing has."""

    kept: bool = False
    parts: tuple[str, ...] = ()

    @classmethod
    def kept_from(cls, visit: Visit, child: Child) -> Address:
        """What is held back from the visitor. Nothing is read, so nothing is noted"""
        if visit.decision(child, "view", "contact").why != "withheld":
            return cls()
        lines = re.split(r"[,\n]", f"{child.address},{child.postcode},{child.phone},{child.moved_to}")
        streets = [_NUMBER.sub("", line) for line in lines]
        parts = {line.strip() for line in [*lines, *streets] if len(line.strip()) >= _LEAST}
        return cls(True, tuple(sorted(parts, key=lambda part: (-len(part), part))))

    def hide(self, text: str) -> str:
        """The text with every part of the address, however it is spaced, replaced by a note."""
        for part in self.parts:
            spaced = r"[\s,.-]*".join(re.escape(char) for char in re.sub(r"[\s,.-]", "", part))
            text = re.sub(rf"(?<!\w){spaced}(?!\w)", _("[kept back]"), text, flags=re.IGNORECASE)
        return text

    def place(self, organisation: Organisation) -> str:
        """The name of a service; only its kind where a name would tell the place."""
        return vocabulary().organisations[organisation.kind].title if self.kept else organisation.name
