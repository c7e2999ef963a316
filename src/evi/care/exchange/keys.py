"""How a part is named wherever it travels: by the installation that it began in and its public id there."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from evi.care.exchange.isp import plain
from evi.care.fields import blind
from evi.care.home import home, once
from evi.care.publicid import new_public_id

FILE = "installation.id"


def installation() -> str:
    """The id of this installation, made on first use; it means nothing and is never reused."""
    return once(home() / FILE, new_public_id)


def key_of(public_id: str) -> str:
    """The key of a part that began here."""
    return f"{installation()}/{public_id}"


def began_here(key: str) -> str:
    """The public id of a part that began here; '' for one that came from elsewhere."""
    place, _, public_id = key.partition("/")
    return public_id if place == installation() else ""


def blind_key(key: str) -> str:
    """By what a part that came in is found again."""
    return blind(key, "received")


def digest(part: Any) -> str:
    """What a part says, digested: whether it has changed there since it came in."""
    return hashlib.sha256(json.dumps(plain(part), sort_keys=True).encode()).hexdigest()
