"""`index_at`: the child, family, school and small-area tables of one day."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb

from evi.index.arrow import write_table
from evi.index.catalogue import NOT_ENOUGH_KNOWN, Catalogue
from evi.index.children import child_steps, state_steps
from evi.index.places import place_steps
from evi.index.registry import read_catalogue
from evi.index.sources import at_folder, open_sources
from evi.index.states import load_lists
from evi.index.steps import load_catalogue, run_steps
from evi.workspace import SILENT, District, Progress, StageResult, file_hash, quote, replace_dir, replace_file

KEPT = 5
"""How many replaced indexes of one day are kept, so that `evi diff` can say what changed."""

TABLES = {
    "children": "SELECT * FROM child_index ORDER BY subject_id",
    "families": "SELECT * FROM family_index ORDER BY household_id",
    "schools": "SELECT * FROM school_index ORDER BY school",
    "lsoas": "SELECT * FROM lsoa_index ORDER BY lsoa",
    "rates": "SELECT * FROM rates ORDER BY place_kind, place, indicator",
    "domain_rates": "SELECT * FROM domain_rates ORDER BY place_kind, place, domain",
    "states": """SELECT subject_id, present, since, assessable, coalesce(feeds, []) AS covered
                 FROM child_lists
                 LEFT JOIN (SELECT subject_id, list(feed ORDER BY feed) AS feeds
                            FROM covered_at GROUP BY subject_id) USING (subject_id)
                 ORDER BY subject_id""",
    "links": """SELECT feed, person, subject_id FROM people SEMI JOIN child_index USING (subject_id)
                ORDER BY feed, person, subject_id""",
}
"""The files of one day's index. `states` and `links` are what `evi diff` compares."""


def index_at(
    district: District, day: date, progress: Progress = SILENT, *, catalogue: Catalogue | None = None
) -> StageResult:
    """Write the index of `day` for every child, family, school and LSOA of the district.

    Writes `index/at-<day>/` (see `TABLES`, and docs/the-index.md for every column). An index of the same
    day that says something else is kept under `runs/kept/`.

    Args:
        catalogue: indicators and bands other than the district's registry.

    Returns:
        Row counts of each table, children in each band as figures, and notes a person should read.
    """
    catalogue = catalogue or read_catalogue(district)
    con = open_sources(district)
    folder = at_folder(district, day)
    result = StageResult("index")
    try:
        with progress.task(f"Index at {day}", 3) as advance:
            load_catalogue(con, catalogue)
            run_steps(con, state_steps(day))
            load_lists(con, catalogue)
            run_steps(con, child_steps(day, catalogue))
            advance(1)
            run_steps(con, place_steps(day, catalogue))
            advance(1)
            with replace_dir(folder) as scratch:
                for name, sql in TABLES.items():
                    result.rows[name] = write_table(con, sql, scratch / f"{name}.parquet")
                _write_basis(con, district, day, catalogue, scratch / "basis.json")
                _keep_what_differs(district, folder, scratch)
            advance(1)
        bands = dict(con.execute("SELECT band, count(*) FROM child_index GROUP BY band").fetchall())
    finally:
        con.close()
    result.figures = {f"band: {name}": float(bands.get(name, 0)) for name in catalogue.bands.all_names}
    result.notes = _notes(result, catalogue)
    return result


def _notes(result: StageResult, catalogue: Catalogue) -> list[str]:
    notes = []
    if result.rows["children"] == 0:
        notes.append("No child is known to the district on this day: check the date.")
    if catalogue.bands.provisional:
        notes.append(f"The bands are provisional: {catalogue.bands.method}")
    unknown = int(result.figures[f"band: {NOT_ENOUGH_KNOWN}"])
    if unknown:
        notes.append(f"For {unknown:,} of {result.rows['children']:,} children not enough is known.")
    return notes


def _write_basis(
    con: duckdb.DuckDBPyConnection, district: District, day: date, catalogue: Catalogue, path: Path
) -> None:
    """Write what decided this index, for `evi diff` to compare."""
    deliveries = district.records / "provenance" / "deliveries.parquet"
    names: list[tuple[str, ...]] = []
    if deliveries.is_file():
        query = f"SELECT DISTINCT delivery FROM read_parquet({quote(str(deliveries))}) ORDER BY delivery"
        names = con.execute(query).fetchall()
    basis = {
        "date": day.isoformat(),
        "registry": catalogue.digest,
        "indicators": {entry.id: entry.digest for entry in catalogue.own},
        "bands": [list(catalogue.bands.names), list(catalogue.bands.cuts), catalogue.bands.minimum_share],
        "deliveries": [name for (name,) in names],
    }
    with replace_file(path) as scratch:
        scratch.write_text(json.dumps(basis, indent=1, sort_keys=True), encoding="utf-8")


def _keep_what_differs(district: District, folder: Path, new: Path) -> None:
    """Move the index that is about to be replaced to the kept ones, if the new one says something else."""
    if not folder.is_dir() or _digests(folder) == _digests(new):
        return
    kept = district.runs / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    earlier = sorted(kept.glob(f"{folder.name}-[0-9]*"))
    number = int(earlier[-1].name.rsplit("-", 1)[1]) + 1 if earlier else 1
    folder.replace(kept / f"{folder.name}-{number:06d}")
    for old in earlier[: max(0, len(earlier) + 1 - KEPT)]:
        shutil.rmtree(old)


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: file_hash(path) for path in sorted(folder.iterdir())}
