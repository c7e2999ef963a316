"""The district key, and a key of its own for every field and purpose that is derived from it."""

from __future__ import annotations

import base64
import binascii
import math
import os
import secrets
import stat
from collections import Counter
from itertools import pairwise
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from evi.workspace import District, RefusedError

VARIABLE = "EVI_DISTRICT_KEY"
MINIMUM_BYTES = 32
# Random bytes have close to log2(n) bits of entropy each; 32 of them fall below 4.2 once in about 10^9 draws.
MINIMUM_ENTROPY_BITS_A_BYTE = 4.2
_SALT = b"evi/district-key/1"
_REMEDY = (
    f"Put 64 random hexadecimal digits in the key file or in {VARIABLE}; "
    "python -c 'import secrets; print(secrets.token_hex(32))' makes them."
)


class Keys:
    """Keys of one district, held in memory only.

    Two districts, two fields or two purposes never share a key, so a code of one tells nothing of another.

    Args:
        secret: at least 32 random bytes.

    Raises:
        RefusedError: the secret is short, or does not look random.
    """

    def __init__(self, secret: bytes, *, where: str = "district key") -> None:
        _refuse_weak(secret, where)
        self._secret = secret

    def __repr__(self) -> str:
        return f"Keys(id={self.key_id!r})"

    @classmethod
    def from_environment(cls, district: District) -> Keys:
        """Read the key from `EVI_DISTRICT_KEY`, or else from the district's key file.

        Raises:
            RefusedError: there is no key, it is weak, or others can read its file.
        """
        text = os.environ.get(VARIABLE, "").strip()
        if text:
            return cls(_decode(text, VARIABLE), where=VARIABLE)
        return cls.from_file(district.key_file)

    @classmethod
    def from_file(cls, path: Path) -> Keys:
        """Read a key file: hexadecimal or base64 text, readable by its owner alone.

        Raises:
            RefusedError: there is no such file, others can read it, or the key is weak.
        """
        if not path.is_file():
            raise RefusedError("there is no district key.", where=str(path), do=_REMEDY)
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise RefusedError(
                "the key file can be read by others.", where=str(path), do=f"Run: chmod 600 {path}"
            )
        try:
            text = path.read_text(encoding="ascii").strip()
        except UnicodeDecodeError as error:
            raise RefusedError("the key file is not text.", where=str(path), do=_REMEDY) from error
        return cls(_decode(text, str(path)), where=str(path))

    @classmethod
    def throw_away(cls) -> Keys:
        """A fresh random key that lives as long as this object: for linking tables in memory."""
        return cls(secrets.token_bytes(MINIMUM_BYTES))

    @property
    def key_id(self) -> str:
        """A name for this key (16 hexadecimal digits) from which the key can't be found."""
        return self.derive("key-id", "name")[:8].hex()

    def derive(self, purpose: str, field: str) -> bytes:
        """The 32-byte key of one field for one purpose (HKDF with SHA-256, RFC 5869)."""
        info = f"{purpose}\x00{field}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=_SALT, info=info).derive(self._secret)


def write_new_key(path: Path) -> None:
    """Write a fresh random key (32 bytes, hexadecimal) that only its owner can read.

    Raises:
        RefusedError: a file is already there; a key is never overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RefusedError(
            "a key is already here, and codes made with it could not be linked to codes made with another.",
            where=str(path),
            do="Keep it, or move it away yourself.",
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(MINIMUM_BYTES) + "\n")


def _decode(text: str, where: str) -> bytes:
    """Hexadecimal first, then base64; anything else is a pass phrase, and refused."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(
            "the district key is neither hexadecimal nor base64.", where=where, do=_REMEDY
        ) from error


def _refuse_weak(secret: bytes, where: str) -> None:
    if len(secret) < MINIMUM_BYTES:
        raise RefusedError(
            f"the district key has {len(secret)} bytes; it needs at least {MINIMUM_BYTES}.",
            where=where,
            do=_REMEDY,
        )
    counts = Counter(secret).values()
    entropy = -sum(n / len(secret) * math.log2(n / len(secret)) for n in counts)
    steps = {(b - a) % 256 for a, b in pairwise(secret)}
    printable = all(32 <= byte < 127 for byte in secret)
    if entropy < MINIMUM_ENTROPY_BITS_A_BYTE or len(steps) < 8 or printable:
        raise RefusedError(
            "the district key is weak: it does not look like random bytes.", where=where, do=_REMEDY
        )
