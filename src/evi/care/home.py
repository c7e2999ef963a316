"""The care folder: where the application keeps its database and its keys, and which database it uses.

Everything is named by the environment, so that one build serves every district:

- `EVI_CARE_HOME`: the folder (by default `care` in the working directory). It is made on first use.
- `EVI_CARE_DATABASE`: `postgresql://user:password@host:port/name`; without it SQLite in the folder.
- `EVI_CARE_HOSTS`: the host names that it answers to, with commas (by default this machine only).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from evi.workspace.errors import EviError

SIGNING = "secret.key"


def home() -> Path:
    """The care folder, made if it is not there yet; only its owner can read it."""
    folder = Path(os.environ.get("EVI_CARE_HOME") or "care").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def secret_key() -> str:
    """The key that signs sessions and links, made on first use and never in the code or the settings."""
    return once(home() / SIGNING, lambda: secrets.token_urlsafe(48))


def once(path: Path, make: Callable[[], str]) -> str:
    """What `path` holds; on first use that is what `make()` gives, the same for all processes."""
    if not path.exists():
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(make())
    return path.read_text(encoding="utf-8").strip()


def database() -> dict[str, Any]:
    """Django's settings of the database.

    Raises:
        EviError: the address in `EVI_CARE_DATABASE` is not one of PostgreSQL; its password is not shown.
    """
    address = os.environ.get("EVI_CARE_DATABASE", "")
    if not address:
        return sqlite(home() / "care.sqlite3")
    parts = urlsplit(address)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise EviError(
            "this is not the address of a PostgreSQL database.",
            where="EVI_CARE_DATABASE",
            do="Write it as postgresql://user:password@host:5432/name, or leave it out for SQLite.",
            exit_code=2,
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def sqlite(path: Path | str) -> dict[str, Any]:
    """SQLite as a server needs it: a write-ahead log, and writers that queue instead of failing."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        },
    }
