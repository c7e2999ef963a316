"""Packages on disk: one file a recipient, a manifest, and an entry in the ledger of releases."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from evi.sharing.chain import Chain
from evi.sharing.release import Card, Package, ReleasePlan
from evi.workspace import EviError, file_hash, replace_dir, replace_file
from evi.workspace.declared import check_against

SCHEMA = Path(__file__).parent / "package.schema.json"
MANIFEST = "manifest.json"
RETRACTED = "retracted.json"
LEDGER = Path("sharing") / "releases.jsonl"
RELEASED, TAKEN_BACK = "released", "retracted"
LEAST_WORDS = 3
"""A reason of fewer words is no reason."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@dataclass(frozen=True)
class Retraction:
    """Why and when a release was taken back."""

    because: str
    at: datetime


def release_ledger(district: Path) -> Chain:
    """The ledger of releases of a district's folder."""
    return Chain(district / LEDGER)


def write_release(
    plan: ReleasePlan, name: str, folder: Path, ledger: Chain, at: datetime | None = None
) -> dict[str, Any]:
    """Write a package for each recipient, and the manifest, and note the release in the ledger.

    Args:
        name: of the release: small letters, digits and hyphens. folder: where releases are.
        at: when (now).

    Returns:
        The manifest.

    Raises:
        EviError: the name can't be used or is taken, or the ledger was tampered with; nothing is written.
    """
    when = at or datetime.now(UTC)
    check_name(name)
    ledger.read()
    _check_free(folder / name)
    manifest = manifest_of(plan, name, when)
    with replace_dir(folder / name) as scratch:
        for package in plan.packages:
            text = _text(_document(manifest, package))
            (scratch / _file(package.recipient.code)).write_text(text, encoding="utf-8")
            manifest["recipients"][package.recipient.code]["sha256"] = _sha256(text)
        (scratch / MANIFEST).write_text(_text(manifest), encoding="utf-8")
        note(ledger, manifest)
    return manifest


def write_tables(
    folder: Path, manifest: dict[str, Any], ledger: Chain, write: Callable[[Path], Sequence[str]]
) -> dict[str, Any]:
    """Write a release that is tables for Care itself: links between records, the index.

    Args:
        manifest: what is said of it; it has `release`. write: writes tables into a folder and names them.

    Returns:
        The manifest with the hash of each table.

    Raises:
        EviError: see `write_release`.
    """
    name = manifest["release"]
    check_name(name)
    ledger.read()
    _check_free(folder / name)
    with replace_dir(folder / name) as scratch:
        manifest["tables"] = {each: file_hash(scratch / each) for each in write(scratch)}
        (scratch / MANIFEST).write_text(_text(manifest), encoding="utf-8")
        note(ledger, manifest)
    return manifest


def check_tables(folder: Path) -> dict[str, Any]:
    """The manifest of such a release, after each table was held against its hash.

    Raises:
        EviError: it is no release, or a table is not what was released.
    """
    manifest = read_manifest(folder)
    for name, digest in manifest.get("tables", {}).items():
        if not (folder / name).is_file() or file_hash(folder / name) != digest:
            raise EviError(
                "this table is not the one that was released: it is gone or was changed.",
                where=str(folder / name),
                do="Take nothing from it in; release it again.",
            )
    return manifest


def newest_with(folder: Path, table: str) -> Path | None:
    """The newest release that has this table and was not taken back."""
    found = [
        (read_manifest(path.parent)["released_at"], path.parent)
        for path in folder.glob(f"*/{MANIFEST}")
        if (path.parent / table).is_file() and not (path.parent / RETRACTED).is_file()
    ]
    return max(found)[1] if found else None


def note(ledger: Chain, manifest: Mapping[str, Any]) -> None:
    """Note a release in the ledger, with the hash of its manifest."""
    ledger.append({"kind": RELEASED, **manifest, "manifest_sha256": _sha256(_text(manifest))})


def _check_free(place: Path) -> None:
    if place.exists():
        raise EviError(
            f"there is a release {place.name} already.",
            where=str(place),
            do="Give this one another --name; a release is never overwritten.",
            exit_code=2,
        )


def check_name(name: str) -> None:
    """Refuse a name that can't be one of a folder or stand in an address.

    Raises:
        EviError: it can't.
    """
    if not _NAME.fullmatch(name):
        raise EviError(
            "this can't be the name of a release.",
            where="--name",
            do="Use small letters, digits and hyphens, at most 100.",
            exit_code=2,
        )


def manifest_of(plan: ReleasePlan, name: str, when: datetime) -> dict[str, Any]:
    """What a release says of itself; it holds no record of a child."""
    cohort = plan.cohort
    return {
        "release": name,
        "released_at": when.isoformat(timespec="seconds"),
        "agreement": plan.agreement.name,
        "agreement_version": plan.agreement.version,
        "clause": plan.clause,
        "gateway": plan.gateway,
        "cohort": cohort.name,
        "question": cohort.question,
        "rules": list(cohort.rules),
        "run": cohort.run_id,
        "day": cohort.day.isoformat(),
        "limits": list(cohort.limits),
        "children": plan.n_cases,
        "held_by_nobody": plan.n_nobody,
        "recipients": {
            package.recipient.code: {
                "name": package.recipient.name,
                "kind": package.recipient.kind,
                "clause": package.clause,
                "roles": list(package.roles),
                "children": len(package.cards),
                "reasons_withheld": package.n_withheld,
                "not_sent": package.n_nothing,
            }
            for package in plan.packages
        },
        "not_recipients": dict(plan.not_recipients),
    }


def retract(folder: Path, name: str, because: str, ledger: Chain, at: datetime | None = None) -> Retraction:
    """Take a release back: it is marked, stays where it is, and recipients take the mark in.

    Raises:
        EviError: there is no such release, it was taken back already, or no reason is given.
    """
    place = folder / name
    if not (place / MANIFEST).is_file():
        there = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
        raise EviError(
            f"there is no release {name}.",
            where=str(folder),
            do=f"There are: {', '.join(there) or 'none'}.",
            exit_code=2,
        )
    if len(because.split()) < LEAST_WORDS:
        raise EviError(
            "a release is taken back for a reason that others can read.",
            where="--reason",
            do=f"Say it in at least {LEAST_WORDS} words, and name no child.",
            exit_code=2,
        )
    if (place / RETRACTED).is_file():
        raise EviError(f"the release {name} was taken back already.", where=str(place), exit_code=2)
    when = at or datetime.now(UTC)
    said = {"release": name, "because": because.strip(), "at": when.isoformat(timespec="seconds")}
    ledger.append({"kind": TAKEN_BACK, **said})
    with replace_file(place / RETRACTED) as scratch:
        scratch.write_text(_text(said), encoding="utf-8")
    return Retraction(because.strip(), when)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of one release.

    Raises:
        EviError: there is none, or it can't be read.
    """
    try:
        return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EviError(
            "this is no release: it has no manifest that can be read.",
            where=str(folder),
            do="Name the folder of one release, such as outputs/releases/NAME.",
            exit_code=2,
        ) from error


def read_package(folder: Path, recipient: str) -> dict[str, Any]:
    """One recipient's package, after its hash was held against the manifest and its form against the schema.

    Raises:
        EviError: it is not there, or not what was released.
    """
    manifest, path = read_manifest(folder), folder / _file(recipient)
    try:
        text = path.read_text(encoding="utf-8")
        if _sha256(text) != manifest["recipients"][recipient]["sha256"]:
            raise EviError(
                "this package is not the one that was released: it was changed.",
                where=str(path),
                do="Take nothing from it in. Ask the partnership for the release again.",
            )
        package = json.loads(text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EviError("this package is missing or can't be read.", where=str(path), exit_code=2) from error
    check_against(package, SCHEMA, str(path))
    return dict(package)


def read_retraction(folder: Path) -> Retraction | None:
    """Why a release was taken back, if it was.

    Raises:
        EviError: the mark is there and can't be read.
    """
    path = folder / RETRACTED
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Retraction(str(said["because"]), datetime.fromisoformat(said["at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise EviError("this mark of a retraction can't be read.", where=str(path)) from error


def _file(recipient: str) -> str:
    return f"to-{recipient}.json"


def _document(manifest: Mapping[str, Any], package: Package) -> dict[str, Any]:
    said = ("release", "released_at", "agreement", "gateway", "question", "rules", "run", "limits")
    return {
        **{name: manifest[name] for name in said},
        "clause": package.clause,
        "recipient": package.recipient.code,
        "recipient_name": package.recipient.name,
        "recipient_kind": package.recipient.kind,
        "children": [_row(card) for card in package.cards],
    }


def _row(card: Card) -> dict[str, Any]:
    return {
        "feed": card.feed,
        "code": card.code,
        "reasons": [{"text": each.text, "items": list(each.items)} for each in card.reasons],
        "withheld": card.withheld,
        "not_known": list(card.not_known),
        "next_step": card.next_step,
        "waiting_since": _day(card.waiting_since),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _text(said: Mapping[str, Any]) -> str:
    return json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
