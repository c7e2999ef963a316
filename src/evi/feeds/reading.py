"""Read one extract: typed rows on one side, rejected rows with reasons on the other, none lost between."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from evi.feeds.detection import Delivery, delivery_of
from evi.feeds.layout import Layout
from evi.feeds.rejects import count_reasons, write_rejects
from evi.feeds.staging import Stage
from evi.feeds.textfile import scan_text


@dataclass
class Reading:
    """One delivery, read.

    Attributes:
        layout: the layout's name.
        delivery: id of the delivery; the same for a re-delivery of the same period.
        period_start, period_end: days that it covers, both inclusive; None for a file with no date at all.
        table: relation in the session with one row for each loaded row: `row_no` (from 1, rejected rows
            counted), every field but free text, typed, then `known_at`, `withdrawn`, `period_start` and
            `period_end`. It lives until `close`, or until the session reads the same layout again.
        rows_in, loaded, rejected: always `rows_in == loaded + rejected`.
        reasons: rejected rows by reason; a row with several faults counts once for each.
        warnings: loaded rows that have something odd, by sentence.
        notes: sentences about the delivery as a whole.
    """

    layout: str
    delivery: str
    period_start: date | None
    period_end: date | None
    table: str
    rows_in: int = 0
    loaded: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _stage: Stage | None = None

    def close(self) -> None:
        """Free the rows."""
        if self._stage is not None:
            self._stage.drop()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_extract(
    path: Path, layout: Layout, *, con: duckdb.DuckDBPyConnection, rejects: Path | None = None
) -> Reading:
    """Read and check one file as one layout, all rows at once.

    Args:
        path: the CSV or XML file.
        layout: one of those that `detect` found.
        con: DuckDB session that will hold the rows.
        rejects: folder for the rejects file, `<rejects>/<layout>/<delivery>.csv`; none is written without
            it, and an old one of this delivery is removed if every row is loaded.

    Raises:
        RefusedError: the file is refused whole; nothing is loaded and no rejects file is written.
    """
    facts = scan_text(path)
    delivery = delivery_of(path, layout)
    stage = Stage(con, layout)
    stage.drop()
    try:
        if layout.format == "csv":
            stage.fill_from_csv(path, facts, delivery)
        else:
            stage.fill_from_xml(path, delivery)
        stage.refuse(path)
        stage.mark_duplicates()
        delivery = stage.dated(delivery)
        stage.show(delivery)
        return _report(stage, delivery, rejects)
    except BaseException:
        stage.drop()
        raise


def _report(stage: Stage, delivery: Delivery, rejects: Path | None) -> Reading:
    """Count, reconcile and write the rejects."""
    layout = stage.layout
    reading = Reading(layout.name, delivery.id, delivery.start, delivery.end, stage.extract, _stage=stage)
    held, faulty = stage.one(f"SELECT count(*), count(problems) FROM {stage.rows}")
    (repeats,) = stage.one(f"SELECT count(*) FROM {stage.repeats}")
    (reading.loaded,) = stage.one(f"SELECT count(*) FROM {stage.extract}")
    reading.rows_in = held + len(stage.malformed)
    reading.rejected = faulty + repeats + len(stage.malformed)
    if reading.rows_in != reading.loaded + reading.rejected:
        raise AssertionError(
            f"{layout.name}: {reading.rows_in} rows, of which some are neither loaded nor rejected"
        )
    reading.reasons = count_reasons(stage.con, stage.numbered, repeats, stage.malformed)
    reading.warnings = _warnings(stage)
    reading.notes = stage.notes
    if not reading.rows_in and layout.format == "csv":
        reading.notes.append("it has a header and no rows.")
    if rejects is not None:
        file = rejects / layout.name / f"{delivery.id}.csv"
        write_rejects(file, layout, stage.con, stage.numbered, stage.repeats, stage.malformed)
    return reading


def _warnings(stage: Stage) -> dict[str, int]:
    bits = [(1 << bit, kind, key) for bit, (kind, key) in enumerate(stage.plan.flags) if kind != "refuse"]
    if not bits:
        return {}
    counts = ", ".join(f"count(*) FILTER (flags & {mask} > 0)" for mask, _, _ in bits)
    hits = stage.one(f"SELECT {counts} FROM {stage.rows} WHERE problems IS NULL")
    found = {}
    for hit, (_, kind, key) in zip(hits, bits, strict=True):
        if hit:
            said = f"{key}: invalid identifier" if kind == "identifier" else stage.layout.rules[int(key)].name
            found[said] = hit
    return found
