"""Backup and restore: the database, the agreements and the anchors in one file, the keys in another.

A backup is taken while people work, and is of one moment. The keys are apart, because whoever has both files
can read every name. The backup says which keys belong to it without giving anything of them away.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from evi import __version__
from evi.care import tables
from evi.care.fields import KEYS
from evi.care.home import SIGNING, home
from evi.workspace import EviError

MANIFEST, SQLITE, POSTGRESQL = "manifest.json", "care.sqlite3", "tables"
BESIDE = ("agreements", "anchors.jsonl", "anchors.head.json")
"""What is backed up of the care folder, beside the database."""
KEY_FILES = (KEYS, SIGNING)


def back_up(path: Path) -> dict[str, Any]:
    """Write a backup to `path`, and its keys to `path` with `.keys` added; gives the backup's manifest.

    Raises:
        EviError: one of the files is there already, or can't be written.
    """
    keys = keys_of(path)
    for each in (path, keys):
        if each.exists():
            raise EviError("a file is there already.", where=str(each), do="Give the backup another name.")
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "database": connection.vendor,
        "files": {},
    }
    with _own_file(path) as stream, tarfile.open(fileobj=stream, mode="w:gz") as kept:
        for name, data in _database():
            _add(kept, name, data, manifest)
        for file in _beside():
            _add(kept, str(file.relative_to(home())), file.read_bytes(), manifest)
        held = {name: (home() / name).read_bytes() for name in KEY_FILES}  # a key added meanwhile is in it
        manifest["keys"] = fingerprint(held[KEYS])
        _add(kept, MANIFEST, json.dumps(manifest, indent=1).encode(), None)
    with _own_file(keys) as stream, tarfile.open(fileobj=stream, mode="w:gz") as kept:
        for name, data in held.items():
            _add(kept, name, data, None)
    return manifest


def restore(path: Path, keys: Path | None = None) -> dict[str, Any]:
    """Put a backup into an empty care folder, and check that it can be read and its ledger holds.

    Args:
        keys: the file of keys that belongs to it (beside it, if none is named).

    Returns:
        The backup's manifest.

    Raises:
        EviError: there is a database here already; the backup is damaged, of another kind of database, or
            the keys are not those that belong to it. Nothing is written then.
    """
    check_empty()
    members = _members(path)
    manifest = _manifest(path, members)
    held = _keys(keys or keys_of(path))
    if fingerprint(held[KEYS]) != manifest["keys"]:
        raise EviError(
            "these keys are not the ones that belong to this backup: no name in it could be read.",
            where=str(keys or keys_of(path)),
            do=f"Find the file of keys that was written with it (on {manifest['made_at'][:10]}).",
            exit_code=2,
        )
    if manifest["database"] != connection.vendor:
        raise EviError(
            f"this backup is of {manifest['database']}, and this place uses {connection.vendor}.",
            where=str(path),
            do="Set EVI_CARE_DATABASE as it was where the backup was made.",
            exit_code=2,
        )
    (home() / SIGNING).unlink(missing_ok=True)  # made as the settings were read, and never used
    for name, data in held.items():
        _write(home() / name, data)
    for name, data in members.items():
        if name.split("/")[0] in BESIDE:
            _write(home() / name, data)
    connection.close()
    if connection.vendor == "sqlite":
        _write(Path(str(connection.settings_dict["NAME"])), members[SQLITE])
    else:
        _fill(members)
    return manifest


def check_restored() -> int:
    """Check a restored place: the ledger holds, and a stored name can be read; gives the ledger's entries.

    Raises:
        EviError: one of them doesn't.
    """
    from evi.care.boot import check_keys_fit  # noqa: PLC0415 - loads the application
    from evi.care.door import ledger  # noqa: PLC0415

    check_keys_fit()
    found = ledger.check()
    if found.fault is not None:
        raise EviError(f"the ledger of this backup is not whole: {found.fault.sentence}", where="backup")
    return found.entries


def check_empty() -> None:
    """Refuse a place where something is already.

    Raises:
        EviError: there are keys, or a database with tables of ours.
    """
    taken = [home() / KEYS, *([home() / SQLITE] if connection.vendor == "sqlite" else [])]
    there = next((each for each in taken if each.exists()), None)
    if there is None and connection.vendor != "sqlite" and "children_child" in _tables():
        there = Path("EVI_CARE_DATABASE")
    if there is not None:
        raise EviError(
            "this place is not empty, and a restore would write over what is here.",
            where=str(there),
            do="Name a new folder in EVI_CARE_HOME (and an empty database in EVI_CARE_DATABASE).",
            exit_code=2,
        )


def keys_of(path: Path) -> Path:
    """Where the keys of a backup are."""
    return path.with_name(path.name + ".keys")


def fingerprint(keys: bytes) -> str:
    """Which keys these are; nothing of them follows from it."""
    return hmac.new(keys, b"evi backup keys", hashlib.sha256).hexdigest()[:32]


def _tables() -> list[str]:
    return list(connection.introspection.table_names())


def _database() -> Iterator[tuple[str, bytes]]:
    """The database as of one moment."""
    if connection.vendor == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / SQLITE
            connection.ensure_connection()
            with sqlite3.connect(copy) as target:
                connection.connection.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")
            target.close()
            yield SQLITE, copy.read_bytes()
        return
    for name, data in tables.copy_out():
        yield f"{POSTGRESQL}/{name}", data


def _fill(members: dict[str, bytes]) -> None:
    from evi.care.boot import migrate  # noqa: PLC0415 - loads the application

    migrate()
    prefix = f"{POSTGRESQL}/"
    rows = {name.removeprefix(prefix): data for name, data in members.items() if name.startswith(prefix)}
    with transaction.atomic():
        tables.copy_in(rows)


def _beside() -> list[Path]:
    found: list[Path] = []
    for name in BESIDE:
        place = home() / name
        found += sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else []
        found += [place] if place.is_file() else []
    return found


def _add(kept: tarfile.TarFile, name: str, data: bytes, manifest: dict[str, Any] | None) -> None:
    if manifest is not None:
        manifest["files"][name] = hashlib.sha256(data).hexdigest()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    kept.addfile(entry, io.BytesIO(data))


def _members(path: Path) -> dict[str, bytes]:
    """Every file of an archive by name; names that lead elsewhere are refused."""
    try:
        with tarfile.open(path, "r:gz") as kept:
            found = {}
            for entry in kept:
                parts = Path(entry.name).parts
                if not entry.isfile() or ".." in parts or Path(entry.name).is_absolute():
                    raise tarfile.TarError(entry.name)
                stream = kept.extractfile(entry)
                found[entry.name] = stream.read() if stream else b""
            return found
    except (OSError, EOFError, tarfile.TarError) as error:
        raise EviError(
            "this is no backup of eVI, or it is damaged.",
            where=str(path),
            do="Take another one, and check how this one was copied.",
            exit_code=2,
        ) from error


def _manifest(path: Path, members: dict[str, bytes]) -> dict[str, Any]:
    try:
        manifest = dict(json.loads(members[MANIFEST]))
        whole = set(manifest["files"]) == set(members) - {MANIFEST} and all(
            hashlib.sha256(members[name]).hexdigest() == digest for name, digest in manifest["files"].items()
        )
    except (KeyError, ValueError, TypeError):
        whole = False
    if not whole:
        raise EviError(
            "this backup is damaged: a file in it is not what was written.", where=str(path), exit_code=2
        )
    return manifest


def _keys(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise EviError(
            "the keys of this backup are not here.",
            where=str(path),
            do="Name the file with --keys. Without it no name in the backup can be read.",
            exit_code=2,
        )
    found = _members(path)
    if set(found) != set(KEY_FILES):
        raise EviError("this is no file of keys.", where=str(path), exit_code=2)
    return found


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


@contextmanager
def _own_file(path: Path) -> Iterator[Any]:
    """A new file that its owner alone can read; it is gone again if writing fails."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise
