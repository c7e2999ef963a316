"""What was delivered, and what the store has already taken in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from evi.encoding import read_deliveries
from evi.records.mapping import LayoutSql
from evi.records.standing import STATE
from evi.workspace import District, EviError, RunLedger, quote

NEVER = date(1900, 1, 1)
"""Stands for the days of a delivery without rows, which covers nothing."""

Period = tuple[date, date]


@dataclass(frozen=True)
class Delivery:
    """One encoded delivery of one layout.

    Attributes:
        layout, name: which table, and which delivery of it.
        content: hash of the payload file.
        rows: rows in it.
        withdrawn: rows in it that take a record back.
        newest: the newest day on which one of its rows could be known.
        period_start, period_end: the first and last day that it covers.
    """

    layout: str
    name: str
    content: str
    rows: int
    withdrawn: int
    newest: date
    period_start: date
    period_end: date

    @property
    def key(self) -> str:
        """What it is called in the store's state."""
        return f"{self.layout}/{self.name}"

    @property
    def period(self) -> Period:
        """The first and last day that it covers."""
        return (self.period_start, self.period_end)

    @property
    def closed(self) -> date:
        """The day on which it was complete: what a later delivery says otherwise was not known before."""
        return max(self.newest, self.period_end)

    @property
    def order(self) -> tuple[date, str]:
        """Sorts a layout's deliveries from the first word on a record to the last."""
        return (self.closed, self.name)


@dataclass(frozen=True)
class State:
    """What a store was made from. Two stores with one state have the same bytes.

    Attributes:
        engine: hash of this room's code, the compiled layouts and DuckDB's version.
        spine: hashes of the spine's tables.
        deliveries: by key.
    """

    engine: str
    spine: Mapping[str, str]
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The state in one hash."""
        return hashlib.blake2b(self.as_json().encode(), digest_size=16).hexdigest()

    def as_json(self) -> str:
        """The state as text, the same for equal states."""
        table = {"engine": self.engine, "spine": dict(self.spine)}
        deliveries = {key: asdict(each) for key, each in sorted(self.deliveries.items())}
        return json.dumps({**table, "deliveries": deliveries}, sort_keys=True, default=str, indent=1)

    def of(self, layout: str) -> list[Delivery]:
        """A layout's deliveries, from the first word to the last."""
        return sorted((d for d in self.deliveries.values() if d.layout == layout), key=lambda d: d.order)


def engine_hash(layouts: Mapping[str, LayoutSql]) -> str:
    """Hash of everything but the data that decides the store's bytes."""
    digest = hashlib.blake2b(duckdb.__version__.encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for name, layout in sorted(layouts.items()):
        digest.update(f"{name} {layout.digest}\n".encode())
    return digest.hexdigest()


def read_state(records: Path) -> State | None:
    """The state of the store in `records`, or None if there is no whole one."""
    try:
        table: dict[str, Any] = json.loads((records / STATE).read_text(encoding="utf-8"))
        deliveries = {key: _delivery(value) for key, value in table["deliveries"].items()}
        return State(table["engine"], table["spine"], deliveries)
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def payload_file(district: District, layout: str, delivery: str) -> Path:
    """Where a delivery's payload is."""
    return district.encoded / "payload" / layout / f"{delivery}.parquet"


def current_state(
    con: duckdb.DuckDBPyConnection, district: District, layouts: Mapping[str, LayoutSql], last: State | None
) -> State:
    """What a load would take in now; payloads that `last` knows are not read again.

    Raises:
        EviError: nothing is encoded, or something is by a layout that isn't here.
    """
    paths = sorted((district.encoded / "payload").glob("*/*.parquet"))
    unknown = sorted({path.parent.name for path in paths} - set(layouts))
    if unknown:
        raise EviError(
            f"there is no layout named {', '.join(unknown)}, by which these were encoded.",
            where=str(district.encoded / "payload"),
            do="Put the layout back, or remove the folder.",
        )
    if not paths:
        raise EviError("nothing is encoded yet.", where=str(district.encoded), do="Run `evi encode` first.")
    spine = [district.spine / f"{name}.parquet" for name in ("people", "subjects", "households")]
    hashes = RunLedger(district.root, district.runs).hash_files([*paths, *(p for p in spine if p.is_file())])
    by_name = {str((district.root / name).resolve()): value for name, value in hashes.items()}
    known = {} if last is None else last.deliveries
    periods = _periods(district)
    found: dict[str, Delivery] = {}
    fresh: dict[str, dict[Path, str]] = {}
    for path in paths:
        layout, content = path.parent.name, by_name[str(path.resolve())]
        old = known.get(f"{layout}/{path.stem}")
        if old is not None and old.content == content and periods.get(old.key, old.period) == old.period:
            found[old.key] = old
        else:
            fresh.setdefault(layout, {})[path] = content
    for layout, files in fresh.items():
        found |= {delivery.key: delivery for delivery in _measure(con, layout, files, periods)}
    spine_hashes = {p.stem: by_name[str(p.resolve())] for p in spine if p.is_file()}
    return State(engine_hash(layouts), spine_hashes, dict(sorted(found.items())))


def _periods(district: District) -> dict[str, Period]:
    """What encoding says of the period of each delivery, by key."""
    told = {}
    for entry in read_deliveries(district):
        start, end = entry.get("period_start"), entry.get("period_end")
        if start and end:
            days = (date.fromisoformat(start), date.fromisoformat(end))
            told[f"{entry['layout']}/{entry['delivery']}"] = days
    return told


def _measure(
    con: duckdb.DuckDBPyConnection, layout: str, files: Mapping[Path, str], periods: Mapping[str, Period]
) -> Iterator[Delivery]:
    """Rows, days and period of payloads. Where encoding tells no period, the days known stand for it."""
    listed = ", ".join(quote(str(path)) for path in files)
    found = con.execute(
        f"""SELECT payload_path, count(*), count_if(withdrawn), min(known_at), max(known_at)
        FROM read_parquet([{listed}], union_by_name = true, filename = 'payload_path')
        GROUP BY payload_path"""
    ).fetchall()
    measured = {row[0]: row[1:] for row in found}
    for path, content in files.items():
        rows, withdrawn, first, newest = measured.get(str(path), (0, 0, None, None))
        if rows and newest is None:
            raise EviError(
                "no row of it says when it could be known.", where=str(path), do="Encode the delivery again."
            )
        start, end = periods.get(f"{layout}/{path.stem}", (first or NEVER, newest or NEVER))
        yield Delivery(layout, path.stem, content, rows, withdrawn, newest or end, start, end)


def _delivery(table: Mapping[str, Any]) -> Delivery:
    days = {name: date.fromisoformat(table[name]) for name in ("newest", "period_start", "period_end")}
    return Delivery(**{**table, **days})
