"""An append-only ledger in JSON lines, in which every entry holds the hash of the one before it.

An entry that is edited, taken out or moved breaks the chain. Entries cut off at the end do not, so the number
of entries and the last hash stand in a second file, and callers keep them in further places (`Head`). Who can
rewrite all of them can rewrite history: print the head now and then, and keep it where that person can't go.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evi.workspace import EviError, replace_file

START = "0" * 32
"""What stands before the first entry."""


@dataclass(frozen=True)
class Head:
    """How far a ledger goes: number of entries, and the hash of the last."""

    entries: int
    hash: str


class Chain:
    """One ledger.

    Args:
        path: the file of entries (`NAME.jsonl`); its head is kept beside it in `NAME.head.json`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._head_path = path.with_suffix(".head.json")

    def read(self) -> list[dict[str, Any]]:
        """Every entry, oldest first, after the whole chain was checked.

        Raises:
            EviError: an entry was edited, taken out, moved or cut off, or a line can't be read.
        """
        if not self.path.is_file():
            if self._head_path.is_file():
                raise self._broken("the ledger is gone, and its head is still there")
            return []
        entries: list[dict[str, Any]] = []
        before = START
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                entry = dict(json.loads(line))
            except (ValueError, TypeError):
                raise self._broken(f"line {number} can't be read") from None
            if entry.get("hash") != entry_hash(entry):
                raise self._broken(f"entry {number} is not what was written")
            if entry.get("number") != number or entry.get("before") != before:
                raise self._broken(f"entry {number} does not follow the one before it")
            before = entry["hash"]
            entries.append(entry)
        self._check_head(entries, before)
        return entries

    def head(self) -> Head:
        """How far the ledger goes now, after it was checked."""
        entries = self.read()
        return Head(len(entries), entries[-1]["hash"] if entries else START)

    def check_holds(self, head: Head, where: str) -> None:
        """Check that the ledger still holds what it held once.

        Args:
            head: the head that was noted then. where: what noted it.

        Raises:
            EviError: it doesn't.
        """
        entries = self.read()
        if head.entries and (len(entries) < head.entries or entries[head.entries - 1]["hash"] != head.hash):
            raise self._broken(f"{where} noted {head.entries} entries that are not in it any more")

    def append(self, what: Mapping[str, Any]) -> dict[str, Any]:
        """Add one entry; two processes never write at once.

        Raises:
            EviError: the ledger does not check out; nothing is written.
        """
        with self._alone():
            entries = self.read()
            entry = {
                **what,
                "number": len(entries) + 1,
                "before": entries[-1]["hash"] if entries else START,
            }
            entry["hash"] = entry_hash(entry)
            lines = [json.dumps(each, sort_keys=True, ensure_ascii=False) for each in (*entries, entry)]
            with replace_file(self.path) as scratch:
                scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")
            with replace_file(self._head_path) as scratch:
                scratch.write_text(json.dumps({"entries": entry["number"], "hash": entry["hash"]}) + "\n")
        return entry

    def _check_head(self, entries: list[dict[str, Any]], last: str) -> None:
        try:
            noted = json.loads(self._head_path.read_text(encoding="utf-8"))
            head = Head(int(noted["entries"]), str(noted["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise self._broken("its head is missing or can't be read") from None
        if len(entries) == head.entries + 1 and entries[-1]["before"] == head.hash:
            return  # a stop between the two writes: the entry is whole and follows the head
        if head != Head(len(entries), last):
            raise self._broken(f"its head notes {head.entries} entries, and {len(entries)} are there")

    def _broken(self, what: str) -> EviError:
        return EviError(
            f"the ledger was changed by something other than eVI: {what}.",
            where=str(self.path),
            do="Put the file and its head back from a backup, and find out who changed it. "
            "Until then nothing that rests on it goes on.",
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def entry_hash(entry: Mapping[str, Any]) -> str:
    """BLAKE2b (128 bits) of everything in an entry but its own hash."""
    text = json.dumps({k: v for k, v in entry.items() if k != "hash"}, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
