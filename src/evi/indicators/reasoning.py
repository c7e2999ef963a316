"""Every indicator that is present for a child on a day, and why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from evi.indicators.explaining import Reason, read_world, reason
from evi.indicators.queries import SpanIndex
from evi.indicators.registry import Registry
from evi.indicators.sources import Store
from evi.indicators.spans import SpanFiles, index_folder, registry_of, session
from evi.workspace import District, quote


def reasons(
    source: District | Path,
    subject_id: int,
    on: date,
    *,
    registry: Registry | None = None,
    out: Path | None = None,
) -> list[Reason]:
    """Every indicator that is present for a child on a day, with its reason, in the registry's order.

    Args:
        source: a district, or a folder that holds what `records/` does.
        subject_id: the child.
        on: the day.
        registry, out: as for `state_at`.
    """
    registry = registry or registry_of(source)
    index = SpanIndex(source, registry=registry, out=out)
    states = index.state_at(on)
    present = {name for name, state in states.of(subject_id).items() if state == "present"}
    with session(source) as con:
        world = read_world(Store.of(source), con, subject_id)
        since = _since(SpanFiles(index_folder(source, out)), con, subject_id, on)
    found = []
    for indicator in registry:
        if indicator.id not in present:
            continue
        rate = index.share_around(indicator, states, subject_id) if indicator.is_rate else None
        found.append(reason(indicator, world, subject_id, on, since=since.get(indicator.id), rate=rate))
    return found


def _since(files: SpanFiles, con: duckdb.DuckDBPyConnection, subject_id: int, on: date) -> dict[str, date]:
    rows = con.execute(
        f"""SELECT indicator, true_from FROM read_parquet({quote(str(files.spans))})
            WHERE subject_id = $child AND true_from <= $day AND (true_to IS NULL OR true_to > $day)""",
        {"child": subject_id, "day": on},
    ).fetchall()
    return dict(rows)
