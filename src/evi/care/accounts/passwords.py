"""Passwords that are easily guessed here: words of this place, and those known from break-ins elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from evi.care.accounts.models import Organisation
from evi.care.home import home
from evi.sharing.vocabulary import vocabulary

KNOWN = "known-passwords.txt"
"""A file that a district may put into the care folder: SHA-1 digests in capitals, one a line, sorted; what
stands after a colon is not read. Lists of passwords from break-ins come in this form."""

OWN_WORDS = ("evi", "password", "passport", "school", "children", "child", "nhs", "welcome", "letmein")
"""Words of this application and its field; the product's name, roles and organisations are added."""

MOST_GUESSABLE = 0.5
"""The share of a password's letters that such words may make up."""

_DIGEST = 40


class _TooCommon(CommonPasswordValidator):
    """Says what the framework says of a common password, in each language; it has a list of its own."""

    def __init__(self) -> None:
        """No list of passwords is loaded."""

    def refuse(self, code: str) -> None:
        """Say so."""
        raise ValidationError(self.get_error_message(), code=code)


class OwnWordsValidator(_TooCommon):
    """Refuses a password that is mostly words of this place: the product, a role, an organisation."""

    def validate(self, password: str, user: Any = None) -> None:
        """Nothing, or `ValidationError`."""
        letters = re.sub(r"[^a-z]", "", password.lower())
        left = letters
        for word in sorted(self._words(), key=len, reverse=True):
            left = left.replace(word, "")
        if letters and len(left) < MOST_GUESSABLE * len(letters):
            self.refuse("own_words")

    def _words(self) -> set[str]:
        names = [
            *vocabulary().roles,
            settings.EVI_PRODUCT,
            *Organisation.objects.values_list("name", flat=True),
        ]
        found = {re.sub(r"[^a-z]", "", part) for name in names for part in re.split(r"[\s-]+", name.lower())}
        return {*(word for word in found if len(word) > 3), *OWN_WORDS}


class KnownPasswordValidator(_TooCommon):
    """Refuses a password that the district's own list of known ones holds, if it has put one there."""

    def validate(self, password: str, user: Any = None) -> None:
        """Nothing, or `ValidationError`."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        if _holds(home() / KNOWN, digest):
            self.refuse("known")


def _holds(path: Path, digest: str) -> bool:
    """Whether a sorted file has a line that begins so; reads about 40 lines of however many."""
    if not path.is_file():
        return False
    wanted = digest.encode()
    with path.open("rb") as lines:
        low, high = 0, path.stat().st_size
        while low < high:  # the first line that is not before the wanted one begins in [low, high]
            middle = (low + high) // 2
            lines.seek(middle)
            if middle:
                lines.readline()
            line = lines.readline()
            if not line or line[:_DIGEST].upper() >= wanted:
                high = middle
            else:
                low = middle + 1
        lines.seek(low)
        if low:
            lines.readline()
        return lines.readline()[:_DIGEST].upper() == wanted
