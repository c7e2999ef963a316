"""Database fields that hold an identifier encrypted, and the blind index by which an equal one is found.

AES-256-GCM-SIV with a fresh nonce; each stored value begins with the number of its key, so that a new key is
used at once and old values stay readable until `evi care rotate` has rewritten them. The keys are in
`fields.keys` in the care folder, one a line, newest last; the first line is the key of the blind indexes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Container
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from django.db import models

from evi.care.home import home, once
from evi.workspace.errors import EviError
from evi.workspace.writing import replace_file

KEYS = "fields.keys"
RETIRED = "-"
"""What stands in the file for a key that was taken away: the numbers of the others stay as they are."""

_NONCE = 12
_KEY = 32
_MOST_KEYS = 255


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY)).decode()


def _path() -> Path:
    return _path_in(os.environ.get("EVI_CARE_HOME"))


@cache
def _path_in(_home: str | None) -> Path:
    return home() / KEYS


def keys() -> tuple[bytes, ...]:
    """The key of the blind indexes, then the keys of values, oldest first; one that was retired is empty.

    The file is read again when it changes, so that a new key is used at once by every process.

    Raises:
        EviError: the file is damaged; no key is shown.
    """
    global _read  # noqa: PLW0603 - what the file held when it was last read
    try:
        now = _path().stat()
    except FileNotFoundError:
        once(_path(), lambda: f"{_new_key()}\n{_new_key()}\n")
        now = _path().stat()
    state = (now.st_mtime_ns, now.st_size)
    if _read is None or _read[0] != state:
        _read = (state, _parsed(_path().read_text(encoding="utf-8")))
    return _read[1]


_read: tuple[tuple[int, int], tuple[bytes, ...]] | None = None


def _parsed(text: str) -> tuple[bytes, ...]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        found = tuple(b"" if line == RETIRED else base64.urlsafe_b64decode(line) for line in lines)
    except ValueError:
        found = ()
    if len(found) < 2 or not found[0] or not found[-1] or any(len(key) not in (0, _KEY) for key in found):
        raise EviError(
            "the file of keys is damaged.",
            where=KEYS,
            do="Put it back from the backup that belongs to this database.",
        )
    return found


def add_key() -> int:
    """Add a key that new values are written with from now on; gives its number."""
    number = len(keys())
    if number > _MOST_KEYS:
        raise EviError(f"there are {number} keys already, and no number for another.", where=KEYS)
    with _path().open("a", encoding="utf-8") as stream:
        stream.write(_new_key() + "\n")
    return number


def retire_keys(used: Container[int]) -> list[int]:
    """Take away older keys that are not `used`; gives their numbers. What they wrote can't be read again."""
    held = keys()
    gone = [
        number for number, key in enumerate(held) if key and number not in used and 0 < number < len(held) - 1
    ]
    if gone:
        lines = [RETIRED if n in gone or not key else _written(key) for n, key in enumerate(held)]
        with replace_file(_path()) as part:
            part.touch(mode=0o600)
            part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return gone


def _written(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


@cache
def _cipher(key: bytes) -> AESGCMSIV:
    return AESGCMSIV(key)


def encrypt(text: str, place: str) -> bytes:
    """`text` under the newest key, bound to `place` (table and column), so that values can't be swapped."""
    held = keys()
    nonce = secrets.token_bytes(_NONCE)
    sealed = _cipher(held[-1]).encrypt(nonce, text.encode(), place.encode())
    return bytes([len(held) - 1]) + nonce + sealed


def decrypt(stored: bytes, place: str) -> str:
    """What `encrypt` was given.

    Raises:
        EviError: the key is missing, or the value was changed or moved.
    """
    stored, held = bytes(stored), keys()
    number = stored[0] if stored else 0
    if not 0 < number < len(held) or not held[number]:
        raise EviError(
            "a stored value was written with a key that is not there.",
            where=KEYS,
            do="Put the key file back from the backup that belongs to this database.",
        )
    try:
        opened = _cipher(held[number]).decrypt(stored[1 : 1 + _NONCE], stored[1 + _NONCE :], place.encode())
        return opened.decode()
    except (InvalidTag, ValueError) as error:
        raise EviError(
            "a stored value can't be read: it was changed, or belongs to another place.", where=place
        ) from error


def blind(text: str, place: str) -> str:
    """A keyed digest (HMAC-SHA-256, 128 bits, base 32) by which equal values are found; '' for ''."""
    if not text:
        return ""
    made = hmac.new(keys()[0], f"{place}\0{text}".encode(), hashlib.sha256).digest()[:16]
    return base64.b32encode(made).decode().rstrip("=").lower()


class EncryptedTextField(models.BinaryField):  # type: ignore[type-arg]
    """Text that the database holds encrypted; to find it, keep a blind index beside it."""

    description = "Text, encrypted"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", True)
        kwargs.setdefault("default", "")
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    def _check_str_default_value(self) -> list[Any]:
        """A text default is right here: it is encrypted like any other value."""
        return []

    @property
    def _place(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def to_text(self, value: Any) -> str:
        """How a value is written before it is encrypted."""
        return str(value)

    def from_text(self, text: str) -> Any:
        """The value that `to_text` wrote."""
        return text

    def get_default(self) -> Any:
        """The value of a new row."""
        return self.default() if callable(self.default) else self.default

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Encrypt."""
        if value is None:
            return None
        return connection.Database.Binary(encrypt(self.to_text(value), self._place))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Decrypt."""
        return None if value is None else self.from_text(decrypt(value, self._place))

    def to_python(self, value: Any) -> Any:
        """Nothing to do: the value is as a person would write it."""
        return value

    def value_to_string(self, obj: Any) -> str:
        """For serialisers."""
        return self.to_text(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> Any:
        """Text in a form."""
        from django import forms  # noqa: PLC0415

        return forms.CharField(required=not self.blank, **kwargs)


class EncryptedDateField(EncryptedTextField):
    """A date, encrypted (ISO 8601)."""

    description = "Date, encrypted"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", None)
        kwargs["null"] = True
        super().__init__(*args, **kwargs)

    def from_text(self, text: str) -> date:
        """An ISO date."""
        return date.fromisoformat(text)


class EncryptedJSONField(EncryptedTextField):
    """Anything that JSON can hold, encrypted."""

    description = "JSON, encrypted"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", dict)
        super().__init__(*args, **kwargs)

    def to_text(self, value: Any) -> str:
        """JSON with its keys in order."""
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def from_text(self, text: str) -> Any:
        """The value."""
        return json.loads(text)
