"""How long Care takes to load: a district's own children, and as many as a large district has.

Run with a district folder after `evi demo FOLDER --no-serve`:
`python -m benchmarks.care_loading FOLDER 150000`.
The large load is the district's own tables many times over, each time as other children with other records.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from evi.workspace import District

if TYPE_CHECKING:
    from evi.care.loading.joining import Gathered

TABLES = ("children", "records", "rolls", "cases", "entries")


def main() -> None:
    """Load, and print seconds of wall and of this process by step."""
    district = District.open(Path(sys.argv[1]))
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVI_CARE_HOME"] = folder
        from evi.care import boot

        boot.open_care(district)
        boot.install_agreements(district)
        boot.migrate()
        _load(district, wanted, Path(folder))


def _load(district: District, wanted: int, folder: Path) -> None:
    from evi.care.loading.district import LINKS, _gathered, releases_of
    from evi.care.loading.filling import fill
    from evi.records import reference_day
    from evi.sharing.holders import holders
    from evi.sharing.packages import newest_with
    from evi.workspace import SILENT

    place = newest_with(releases_of(district), LINKS)
    if place is None:
        raise SystemExit("run `evi demo` on the district first")
    held = {feed: each for feed, each in holders(district.root).items() if each.loaded}
    start, busy = time.perf_counter(), time.process_time()
    gathered, _notes = _gathered(district, pl.read_parquet(place / LINKS), SILENT)
    _say("read and join", gathered.children.height, start, busy)
    times = max(1, -(-wanted // gathered.children.height))
    many = _times(gathered, times)
    start, busy = time.perf_counter(), time.process_time()
    counts = fill(many, held, reference_day(district)).counts
    _say("write", counts["children"], start, busy)
    size = (folder / "care.sqlite3").stat().st_size / 1e6
    rows = ", ".join(f"{counts[name]:,} {name}" for name in ("entries", "ties", "records"))
    print(f"{rows}; {size:,.0f} MB")


def _times(gathered: Gathered, times: int) -> Gathered:
    """The tables many times over: other children, other codes."""
    step = 1 + int(str(gathered.children["child"].max()))
    tables = {}
    for name in TABLES:
        parts = []
        for number in range(times):
            part = getattr(gathered, name).with_columns(pl.col("child") + number * step)
            parts.append(part.with_columns(pl.col("code") ^ number) if name == "records" else part)
        tables[name] = pl.concat(parts)
    return replace(gathered, **tables)


def _say(what: str, children: int, start: float, busy: float) -> None:
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    print(f"{what}: {children:,} children, {wall:,.1f} s, {cpu:,.1f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
