"""The access ledger's core: what an entry says, how entries are chained, and how a chain is checked.

Every entry holds the hash of the one before it. Whoever edits, takes out, moves or puts in an entry breaks
the chain at that place. Two things it alone can't show: entries cut off at its end, and a chain written
anew from some entry on. The head (how far the ledger goes) shows the first, and anchors show both: a number
and a hash, printed now and then and kept where whoever can change the database can't go.

Where entries are stored is not known here; `evi.care.door.ledger` keeps them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from evi.workspace import EviError

START = "0" * 64
"""What stands before the first entry."""

PERMITTED, REFUSED, PARTLY = "permitted", "refused", "partly"
"""What was decided about the items of an entry: all permitted, none, or some."""


@dataclass(frozen=True)
class Entry:
    """One access: who, acting as what, did what to which items of which child, why, and what was decided.

    Attributes:
        number: from 1 on, without a gap. at: when (with a time zone).
        actor: public id of the person, or the name of a part of eVI that acts by itself.
        role, organisation: of the membership acted as; the organisation by its code.
        action: view, contribute, share, search, export, release, … child: public id, or '' for no one child.
        permitted, refused: items. purpose: why. decision: permitted, refused or partly.
        agreement, clause: what decided. rules: start of the fingerprint of the agreements in force.
        note: plain words that identify nobody. before: hash of the entry before. hash: of all the rest.
    """

    number: int
    at: datetime
    actor: str
    role: str
    organisation: str
    action: str
    child: str
    permitted: tuple[str, ...]
    refused: tuple[str, ...]
    purpose: str
    decision: str
    agreement: str
    clause: str
    rules: str
    note: str
    before: str
    hash: str = ""


@dataclass(frozen=True)
class Head:
    """How far a ledger goes: the number of its last entry, and that entry's hash."""

    number: int
    hash: str


NOTHING = Head(0, START)
"""The head of an empty ledger."""


@dataclass(frozen=True)
class Anchor:
    """What the ledger's head was at some time, for a place outside the database."""

    number: int
    hash: str
    at: datetime

    def line(self) -> str:
        """One line to print, read out or send, such as `eVI ledger 1204 3f…e1 2026-05-03T10:00:00Z`."""
        return f"eVI ledger {self.number} {self.hash} {moment(self.at)}"

    @classmethod
    def of_line(cls, line: str) -> Anchor:
        """The anchor that `line()` printed.

        Raises:
            EviError: it is not such a line.
        """
        found = re.fullmatch(r"eVI ledger (\d+) ([0-9a-f]{64}) (\S+)", line.strip())
        try:
            if found is None:
                raise ValueError
            at = datetime.fromisoformat(found[3])
        except ValueError:
            raise EviError(
                "this is not an anchor of the ledger.",
                do="Give the whole line that was printed.",
                exit_code=2,
            ) from None
        return cls(int(found[1]), found[2], at)


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong with a ledger.

    `kind`: edited, deleted, moved, inserted, rewritten or truncated. `number`: of the entry where it shows.
    """

    kind: str
    number: int
    sentence: str


@dataclass(frozen=True)
class Checked:
    """What a check found: how many entries were read, where they end, which anchors held, the first fault."""

    entries: int
    head: Head
    anchors: int
    fault: Fault | None = None


def moment(at: datetime) -> str:
    """A time in UTC to the microsecond, always written the same way."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def entry_hash(entry: Entry) -> str:
    """SHA-256 (hexadecimal) of everything in an entry but its own hash, as canonical JSON (RFC 8259)."""
    said = {
        "number": entry.number,
        "at": moment(entry.at),
        "actor": entry.actor,
        "role": entry.role,
        "organisation": entry.organisation,
        "action": entry.action,
        "child": entry.child,
        "permitted": list(entry.permitted),
        "refused": list(entry.refused),
        "purpose": entry.purpose,
        "decision": entry.decision,
        "agreement": entry.agreement,
        "clause": entry.clause,
        "rules": entry.rules,
        "note": entry.note,
        "before": entry.before,
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def decided(permitted: Iterable[str], refused: Iterable[str]) -> str:
    """What an entry's decision is called.

    >>> decided(["plan"], []), decided([], ["plan"]), decided(["plan"], ["index"])
    ('permitted', 'refused', 'partly')
    """
    if not list(refused):
        return PERMITTED
    return PARTLY if list(permitted) else REFUSED


def verify(entries: Iterable[Entry], head: Head | None, anchors: Iterable[Anchor] = ()) -> Checked:
    """Check a ledger, one entry at a time, up to its first fault.

    Args:
        entries: in the order of their numbers; they are read once and not kept.
        head: where the ledger says that it ends; None if it says nothing.
        anchors: heads noted earlier; each must still be in the ledger.
    """
    due = sorted(anchors, key=lambda each: each.number)
    last, held = NOTHING, 0
    for entry in entries:
        fault = _fault(entry, last)
        last = Head(entry.number, entry.hash)
        while fault is None and held < len(due) and due[held].number <= entry.number:
            if due[held].number == entry.number and due[held].hash != entry.hash:
                said = f"entry {entry.number} is not the one that was anchored: the ledger was written anew"
                fault = Fault("rewritten", entry.number, f"{said} up to there.")
            else:
                held += 1
        if fault:
            return Checked(entry.number, last, held, fault)
    return Checked(last.number, last, held, _end_fault(last, head, due[held:]))


def _fault(entry: Entry, last: Head) -> Fault | None:
    number, due = entry.number, last.number + 1
    whole, follows = entry.hash == entry_hash(entry), entry.before == last.hash
    if number > due:
        gone = f"entry {due} is" if number == due + 1 else f"entries {due} to {number - 1} are"
        return Fault("deleted", due, f"{gone} missing: somebody took out what was there.")
    if number < due:
        return Fault("inserted", number, f"there are two entries {number}: one was put in.")
    if not whole and not follows:
        return Fault("moved", number, f"entry {number} is not in its place: entries were moved or taken out.")
    if not whole:
        return Fault("edited", number, f"entry {number} is not what was written: somebody edited it.")
    if not follows:
        said = f"entry {number} does not follow the one before it"
        return Fault("rewritten", number, f"{said}: one of them was replaced or put in.")
    return None


def _end_fault(last: Head, head: Head | None, left: list[Anchor]) -> Fault | None:
    ends = f"the ledger ends at entry {last.number}"
    if head is None:
        if last.number or left:
            return Fault("truncated", last.number, "the ledger's head is gone, so its end can't be known.")
        return None
    if head.number > last.number:
        said = f"{ends}, and its head says {head.number}: the end was cut off."
        return Fault("truncated", last.number + 1, said)
    if head != last:
        said = f"{ends}, and its head says {head.number} with another hash: entries were put in or replaced."
        return Fault("inserted" if head.number < last.number else "rewritten", last.number, said)
    if left:
        said = f"{ends}, and an anchor was made at entry {left[0].number}: the end was cut off."
        return Fault("truncated", last.number + 1, said)
    return None
