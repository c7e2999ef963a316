"""What was done with a protocol, and when: registered, changed, allocated, analysed.

The ledger stands beside the protocol (`NAME.ledger.jsonl`), and every entry holds the hash of the one before.
A protocol that is changed after it was registered is not refused, for good reasons exist, but every later
result says which parts were changed, and when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from evi.casefinding.trials.allocating import Allocation, allocate
from evi.casefinding.trials.protocol import Protocol, digest_of
from evi.casefinding.trials.protocol_checks import FEWEST
from evi.sharing.chain import Chain
from evi.workspace import EviError, replace_file


def ledger_of(protocol: Protocol) -> Chain:
    """The protocol's ledger.

    Raises:
        EviError: the protocol comes from no file.
    """
    if protocol.path is None:
        raise EviError("it was read from no file, so it has no ledger.", where=f"protocol {protocol.id}")
    return Chain(protocol.path.with_name(f"{protocol.path.stem}.ledger.jsonl"))


def register(protocol: Protocol, on: date) -> list[str]:
    """Note the protocol as it is now, if that isn't noted yet; returns what was changed since the first note.

    Args:
        on: today.

    Raises:
        EviError: the ledger was changed by something else.
    """
    ledger = ledger_of(protocol)
    entries = [entry for entry in ledger.read() if entry["what"] in {"registered", "changed"}]
    parts = dict(protocol.parts)
    if not entries:
        ledger.append({"what": "registered", "on": on.isoformat(), "digest": protocol.digest, "parts": parts})
    elif entries[-1]["digest"] != protocol.digest:
        changed = _differ(entries[-1]["parts"], parts)
        ledger.append(
            {
                "what": "changed",
                "on": on.isoformat(),
                "changed": changed,
                "digest": protocol.digest,
                "parts": parts,
            }
        )
    return changes(protocol)


def changes(protocol: Protocol) -> list[str]:
    """One line for each change of the protocol since it was registered, and for one not yet noted."""
    if protocol.path is None:
        return []
    entries = [entry for entry in ledger_of(protocol).read() if entry["what"] in {"registered", "changed"}]
    if not entries:
        return ["The protocol was never registered: nothing shows that it was written before the results."]
    said = [
        f"The protocol was changed on {entry['on']}, after it was registered: {', '.join(entry['changed'])}."
        for entry in entries
        if entry["what"] == "changed"
    ]
    if entries[-1]["digest"] != protocol.digest:
        parts = ", ".join(_differ(entries[-1]["parts"], dict(protocol.parts)))
        said.append(f"The protocol differs from what was registered on {entries[0]['on']}: {parts}.")
    return said


def write_allocation(protocol: Protocol, path: Path, on: date) -> tuple[Allocation, list[str], bool]:
    """Draw the allocation and write it, once.

    Returns:
        the allocation, notes on it, and whether it was there already, the same.

    Raises:
        EviError: another allocation was drawn before, or the file holds something else; nothing is written.
    """
    drawn, found = allocate(protocol)
    ledger = ledger_of(protocol)
    hashed = digest_of(drawn.starts)
    before = [entry for entry in ledger.read() if entry["what"] == "allocated"]
    if before and before[-1]["allocation"] != hashed:
        raise EviError(
            f"an allocation was drawn on {before[-1]['on']} from another version of this protocol.",
            where=str(ledger.path),
            do="Keep it. To draw again, start a new protocol with its own id and file, and say in it why.",
            exit_code=3,
        )
    text = yaml.safe_dump(drawn.to_json(), sort_keys=False, allow_unicode=True)
    same = path.is_file() and path.read_text(encoding="utf-8") == text
    if path.exists() and not same:
        raise EviError(
            "the file is there already, and is not written over.",
            where=str(path),
            do="Give another name, or move it away if it is no allocation.",
            exit_code=3,
        )
    notes = register(protocol, on)
    if found.tied:
        notes.append(
            f"Pairs of schools always, or never, in one arm: {found.tied}. The balance is too strict. "
            "Keep a larger share (analysis: keep_share)."
        )
    if not same:
        with replace_file(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    if not before:
        ledger.append(
            {"what": "allocated", "on": on.isoformat(), "digest": protocol.digest, "allocation": hashed}
        )
    return drawn, notes, same


def read_allocation(protocol: Protocol, path: Path | None) -> tuple[dict[str, str | None], list[str]]:
    """When each school starts, with notes where that isn't what was drawn.

    Args:
        path: the allocation's file; None: as the protocol says, of chosen schools.

    Raises:
        EviError: it is missing or can't be read, or its schools or starts are not those of the protocol.
    """
    if not protocol.randomised:
        return protocol.chosen, []
    if path is None:
        raise EviError(
            "when does each school start?",
            where=f"protocol {protocol.id}",
            do="Give the file that `evi evaluate allocate` wrote: --allocation FILE.",
            exit_code=2,
        )
    starts = _starts_in(path)
    names = {each.id for each in protocol.clusters}
    if set(starts) != names:
        raise EviError(
            f"{len(names - set(starts))} schools of the protocol are not in it, and "
            f"{len(set(starts) - names)} others are.",
            where=str(path),
            do="Use the allocation that was drawn from this protocol.",
            exit_code=2,
        )
    if set(starts.values()) - {*protocol.starts, None}:
        raise EviError("a school starts in a period that is no start.", where=str(path), exit_code=2)
    _check_arms(protocol, starts, path)
    notes = []
    if protocol.path is not None:
        noted = [entry for entry in ledger_of(protocol).read() if entry["what"] == "allocated"]
        if not noted:
            notes.append("The ledger holds no allocation: nothing shows that schools were drawn by lot.")
        elif noted[-1]["allocation"] != digest_of(starts):
            notes.append(f"These schools are not those that were drawn on {noted[-1]['on']}.")
    return starts, notes


def _check_arms(protocol: Protocol, starts: Mapping[str, str | None], path: Path) -> None:
    sizes = [
        sum(start is not None for start in starts.values()),
        sum(start is None for start in starts.values()),
    ]
    if protocol.design == "parallel" and min(sizes) < FEWEST:
        raise EviError(
            f"{sizes[0]} schools try the change and {sizes[1]} do not. With one school in an arm, the change "
            "can't be told from the school.",
            where=str(path),
            do="A trial needs two schools in each arm, and is better with six.",
            exit_code=2,
        )


def _starts_in(path: Path) -> dict[str, str | None]:
    class _NothingTwice(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        names = [loader.construct_object(key) for key, _ in node.value]
        twice = len(names) - len(set(names))
        if twice:
            raise EviError(
                f"{twice} names stand in it more than once: a school can't be in two arms.",
                where=str(path),
                do="Use the file as `evi evaluate allocate` wrote it.",
                exit_code=2,
            )
        return {name: loader.construct_object(value, deep=True)
                for name, (_, value) in zip(names, node.value, strict=True)}  # fmt: skip

    _NothingTwice.add_constructor("tag:yaml.org,2002:map", mapping)
    try:
        table = yaml.load(path.read_text(encoding="utf-8"), Loader=_NothingTwice)  # noqa: S506 - a safe loader
        starts = table["starts"]
        return {str(name): None if start is None else str(start) for name, start in starts.items()}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise EviError(
            "it can't be read as an allocation.",
            where=str(path),
            do="Use the file as `evi evaluate allocate` wrote it.",
            exit_code=2,
        ) from error


def _differ(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def note_analysis(protocol: Protocol, data: str, on: date) -> None:
    """Note that results were looked at. `data`: a hash of what they came from."""
    ledger_of(protocol).append(
        {"what": "analysed", "on": on.isoformat(), "digest": protocol.digest, "data": data}
    )


def looks(protocol: Protocol) -> int:
    """How many different sets of data were analysed so far: more than one is more than one look."""
    if protocol.path is None:
        return 0
    return len(
        {json.dumps(entry["data"]) for entry in ledger_of(protocol).read() if entry["what"] == "analysed"}
    )
