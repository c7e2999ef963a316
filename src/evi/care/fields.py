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
import secrets
from datetime import date
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from django.db import models

from evi.care.home import home, once
from evi.workspace.errors import EviError

KEYS = "fields.keys"
_NONCE = 12


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@cache
def keys() -> tuple[bytes, ...]:
    """The key of the blind indexes, then the keys of values, oldest first."""
    text = once(home() / KEYS, lambda: f"{_new_key()}\n{_new_key()}\n")
    return tuple(base64.urlsafe_b64decode(line) for line in text.splitlines() if line.strip())


def add_key() -> int:
    """Add a key that new values are written with from the next start on; gives its number."""
    path = home() / KEYS
    keys()
    with path.open("a", encoding="utf-8") as stream:
        stream.write(_new_key() + "\n")
    keys.cache_clear()
    _cipher.cache_clear()
    return len(keys()) - 1


@cache
def _cipher(number: int) -> AESGCMSIV:
    try:
        return AESGCMSIV(keys()[number])
    except IndexError:
        raise EviError(
            "a stored value was written with a key that is not there.",
            where=KEYS,
            do="Put the key file back from the backup that belongs to this database.",
        ) from None


def encrypt(text: str, place: str) -> bytes:
    """`text` under the newest key, bound to `place` (table and column), so that values can't be swapped."""
    number = len(keys()) - 1
    nonce = secrets.token_bytes(_NONCE)
    return bytes([number]) + nonce + _cipher(number).encrypt(nonce, text.encode(), place.encode())


def decrypt(stored: bytes, place: str) -> str:
    """What `encrypt` was given.

    Raises:
        EviError: the key is missing, or the value was changed or moved.
    """
    stored = bytes(stored)
    try:
        return (
            _cipher(stored[0]).decrypt(stored[1 : 1 + _NONCE], stored[1 + _NONCE :], place.encode()).decode()
        )
    except EviError:
        raise
    except Exception as error:
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
