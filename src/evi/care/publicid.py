"""Ids that may stand in an address or a log: random, without meaning, never reused."""

from __future__ import annotations

import secrets

ALPHABET = "23456789bcdfghjkmnpqrstvwxyz"
LENGTH = 14
"""28 letters and digits that can't be mixed up or make a word: 14 of them are 67 bits."""


def new_public_id() -> str:
    """A fresh id."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
