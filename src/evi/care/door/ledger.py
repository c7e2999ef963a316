"""Where the access ledger is kept: appended in the caller's transaction, read one entry at a time, anchored.

Writers take a lock first and read the head after it, so that the chain never forks: on PostgreSQL an
advisory lock that ends with the transaction, on SQLite the immediate transaction itself. The entry and the
data that it speaks of are in one transaction: both are kept or neither is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone

from evi.care.door.models import AccessEntry, LedgerHead
from evi.care.door.rules import door
from evi.care.home import home
from evi.sharing.chain import Chain
from evi.sharing.ledger import (
    NOTHING,
    Anchor,
    Checked,
    Entry,
    Fault,
    Head,
    decided,
    entry_hash,
    moment,
    verify,
)
from evi.workspace import EviError

if TYPE_CHECKING:
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit

LOCK = 0x65564C67
"""The number of the advisory lock: the letters eVLg."""

SYSTEM = "evi"
"""The actor of what eVI does by itself, such as an escalation."""

ANCHORS = "anchors.jsonl"
RULES_LETTERS = 16
CHUNK = 2000


def append(
    *,
    actor: str,
    action: str,
    role: str = "",
    organisation: str = "",
    child: str = "",
    permitted: Iterable[str] = (),
    refused: Iterable[str] = (),
    purpose: str = "",
    agreement: str = "",
    clause: str = "",
    note: str = "",
    rules: str | None = None,
) -> Entry:
    """Add one entry, in the transaction that the caller is in (or one of its own).

    Args:
        actor: public id of the person, or `SYSTEM`. child: public id. note: holds no identifier.
        rules: fingerprint of the agreements that decided (those in force now).

    Raises:
        EviError: the ledger has entries and no head, or its head was moved: somebody tampered with it.
    """
    allowed, denied = tuple(permitted), tuple(refused)
    made = door().fingerprint if rules is None else rules
    with transaction.atomic(savepoint=False):
        head = _locked_head()
        entry = Entry(
            number=head.number + 1,
            at=timezone.now(),
            actor=actor,
            role=role,
            organisation=organisation,
            action=action,
            child=child,
            permitted=allowed,
            refused=denied,
            purpose=purpose,
            decision=decided(allowed, denied),
            agreement=agreement,
            clause=clause,
            rules=made[:RULES_LETTERS],
            note=note,
            before=head.hash,
        )
        entry = replace(entry, hash=entry_hash(entry))
        AccessEntry.of(entry).save(force_insert=True)
    return entry


def append_for(visit: Visit, action: str, child: Child | None = None, **said: Any) -> Entry:
    """Add an entry for what a visit does, with `said` as in `append`."""
    return append(
        actor=visit.user.public_id,
        action=action,
        role=visit.membership.role,
        organisation=visit.membership.organisation.code,
        child=child.public_id if child else "",
        **({"purpose": visit.purpose} | said),
    )


def head() -> Head | None:
    """Where the ledger ends; None if its head is gone, or nothing was ever written."""
    row = LedgerHead.objects.first()
    return Head(row.number, row.hash) if row else None


def entries(**only: Any) -> Iterator[Entry]:
    """Entries in order, fetched in parts and never all at once. `only`: as in a query of `AccessEntry`."""
    rows = AccessEntry.objects.filter(**only).order_by("number")
    for row in rows.iterator(chunk_size=CHUNK):
        yield row.entry


def check(further: Iterable[Anchor] = ()) -> Checked:
    """Check the whole ledger against its head, the anchors of this place, and `further` ones.

    Raises:
        EviError: the file of anchors was tampered with.
    """
    noted = [*anchors(), *further]
    ends = head()
    if ends is None:
        return verify(entries(), None, noted)
    found = verify(entries(number__lte=ends.number), ends, noted)
    last = AccessEntry.objects.order_by("-number").values_list("number", flat=True).first() or 0
    later = head()  # people go on working: what was added since moved the head as well
    if found.fault is None and (later is None or later.number < last):
        said = f"there is an entry {last}, and the ledger's head is before it: it was put in."
        return replace(found, fault=Fault("inserted", last, said))
    return found


def anchor() -> Anchor:
    """Note the head in the file of anchors, which is outside the database, and return what to print.

    Raises:
        EviError: nothing is in the ledger yet, or the file was tampered with.
    """
    now = head()
    if now is None or now == NOTHING:
        raise EviError("the ledger has no entry yet, so there is nothing to anchor.", exit_code=2)
    made = Anchor(now.number, now.hash, timezone.now())
    _file().append({"entry": made.number, "entry_hash": made.hash, "at": moment(made.at)})
    return made


def anchors() -> list[Anchor]:
    """The anchors of this place, oldest first.

    Raises:
        EviError: the file was tampered with.
    """
    return [
        Anchor(int(row["entry"]), str(row["entry_hash"]), datetime.fromisoformat(row["at"]))
        for row in _file().read()
    ]


def _file() -> Chain:
    return Chain(home() / ANCHORS)


def _locked_head() -> Head:
    if connection.vendor == "postgresql":
        # Two statements in one round trip. The second sees what was committed while the first waited.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK}); SELECT number, hash FROM door_ledgerhead")
            cursor.nextset()
            row = cursor.fetchone()
    else:
        row = LedgerHead.objects.values_list("number", "hash").first()
    if row is not None:
        return Head(*row)
    if AccessEntry.objects.exists():
        raise EviError(
            "the head of the access ledger is gone, so nothing can be added to it.",
            do="Run `evi ledger verify`, and put the database back from a backup.",
        )
    LedgerHead.objects.create(pk=1, number=NOTHING.number, hash=NOTHING.hash)
    return NOTHING
