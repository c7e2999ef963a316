"""The index on draws: how many children have each need, by domain and place, had links fallen otherwise.

Only children are worked out again whose own records, or whose household's, a draw changes (see
`evi.index.households_on_draws`); all others are as in the index of the day. Indicators of schools and areas
are not part of this, nor is who lives where: a child counts in the small area in which the spine has it.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from evi.index.catalogue import Catalogue
from evi.index.households_on_draws import find_households, write_store
from evi.index.registry import district_registry, read_catalogue
from evi.index.sources import at_folder
from evi.indicators import evaluate_at
from evi.linkage.draw_figures import spread_of
from evi.workspace import SILENT, District, EviError, Progress, StageResult, connect, quote, replace_file

FILE = Path("draws", "index.parquet")
CHILDREN, ANY = "children", "any"


def index_draws(
    district: District, day: date, progress: Progress = SILENT, *, catalogue: Catalogue | None = None
) -> StageResult:
    """Write `draws/index.parquet`: what `counted_on` gives for the draws that `evi link --draws` made.

    Raises:
        EviError: there are no draws, or no index of the day.
    """
    path = district.root / FILE
    if not path.with_name("people.parquet").is_file():
        raise EviError(
            "no draws have been made yet.",
            where=str(path.parent),
            do="Run `evi link --draws 20` first.",
            exit_code=2,
        )
    moved = pl.read_parquet(path.with_name("people.parquet"))
    made = pl.read_parquet(path.with_name("figures.parquet"), columns=["values"], n_rows=1)
    table = counted_on(district, day, moved, len(made["values"][0]), progress, catalogue=catalogue)
    with replace_file(path) as scratch:
        table.write_parquet(scratch, compression="zstd")
    return StageResult("index-draws", {"figures": table.height, "vary": int((table["sd"] > 0).sum())})


def counted_on(
    district: District,
    day: date,
    moved: pl.DataFrame,
    draws: int,
    progress: Progress = SILENT,
    *,
    catalogue: Catalogue | None = None,
) -> pl.DataFrame:
    """Counts of children on the spine and on draws of it, for a district with an index of the day.

    Args:
        moved: draw (from 0), feed, person, subject_id: the records that a draw gives to another subject.
        draws: how many there are, those that move nothing included.

    Returns:
        figure (an indicator, a domain, `any` need, or `children` known), kind (`indicator`, `domain`, `all`),
        scope (`district`, `ward`, `lsoa`), key (the ward or LSOA; empty for the district), spine, mean, sd,
        low, high (the middle 90% of draws), values (draw by draw) and date; indicators for the district
        alone.

    Raises:
        EviError: there is no index of the day.
    """
    catalogue = catalogue or read_catalogue(district)
    folder = at_folder(district, day)
    if not (folder / "states.parquet").is_file():
        raise EviError(
            "there is no index of that day.", where=str(folder), do="Run `evi index` first.", exit_code=2
        )
    district.scratch.mkdir(parents=True, exist_ok=True)
    with (
        connect(scratch=district.scratch) as con,
        tempfile.TemporaryDirectory(dir=district.scratch) as scratch,
        progress.task("The index on draws", 3) as advance,
    ):
        find_households(con, district, day, moved.to_arrow())
        write_store(con, district, Path(scratch))
        advance(1)
        _evaluate(con, district, Path(scratch), day, catalogue)
        advance(1)
        table = _counted(con, district, folder, catalogue, draws)
        advance(1)
    return table.with_columns(date=pl.lit(day))


def _evaluate(
    con: duckdb.DuckDBPyConnection, district: District, store: Path, day: date, catalogue: Catalogue
) -> None:
    """Table `found` (bubble, indicator): the needs of the child of each household."""
    ids: list[int] = []
    needs: list[str] = []
    if con.execute("SELECT count(*) FROM living").fetchall()[0][0]:
        states = evaluate_at(store, day, registry=district_registry(district))
        own = {entry.id for entry in catalogue.own}
        for place, indicator in enumerate(states.indicators):
            if indicator in own:
                present = states.subject_ids[states.matrix[:, place] == 2].tolist()
                ids += present
                needs += [indicator] * len(present)
    frame = pl.DataFrame({"id": ids, "indicator": needs}, schema={"id": pl.Int64, "indicator": pl.String})
    con.register("present_there", frame.to_arrow())
    con.execute(
        """CREATE OR REPLACE TEMP TABLE found AS
        SELECT bubble, indicator FROM present_there JOIN living USING (id) WHERE is_child"""
    )
    con.unregister("present_there")


def _counted(
    con: duckdb.DuckDBPyConnection, district: District, folder: Path, catalogue: Catalogue, draws: int
) -> pl.DataFrame:
    """Every figure on the spine and on every draw."""
    _register_domains(con, catalogue)
    children, states = (quote(str(folder / f"{name}.parquet")) for name in ("children", "states"))
    areas = district.geography / "areas.csv"
    wards = "SELECT NULL::VARCHAR AS lsoa, NULL::VARCHAR AS ward WHERE false"
    if areas.is_file():
        wards = f"SELECT lsoa, any_value(ward) AS ward FROM read_csv({quote(str(areas))}) GROUP BY lsoa"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE places AS
        WITH living_at AS (SELECT subject_id, lsoa, ward FROM {children} LEFT JOIN ({wards}) USING (lsoa))
        SELECT subject_id, 'district' AS scope, '' AS key FROM living_at
        UNION ALL SELECT subject_id, 'lsoa', lsoa FROM living_at WHERE lsoa IS NOT NULL
        UNION ALL SELECT subject_id, 'ward', ward FROM living_at WHERE ward IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE before AS
        SELECT subject_id, unnest(present) AS indicator FROM {states}"""
    )
    counts = f"""
        SELECT scope, key, kind, figure, NULL::INTEGER AS draw, count(*) AS n
        FROM ({_figures("before", "subject_id")}) JOIN places USING (subject_id) GROUP BY ALL
        UNION ALL
        SELECT scope, key, kind, figure, draw, -count(*) FROM touched
        JOIN ({_figures("before", "subject_id")}) USING (subject_id) JOIN places USING (subject_id)
        GROUP BY ALL
        UNION ALL
        SELECT scope, key, kind, figure, draw, count(*) FROM redrawn
        JOIN ({_figures("found", "bubble")}) USING (bubble) JOIN places p ON p.subject_id = main GROUP BY ALL
        UNION ALL
        SELECT scope, key, 'all', '{CHILDREN}', NULL, count(*) FROM places GROUP BY ALL
        UNION ALL
        SELECT scope, key, 'all', '{CHILDREN}', draw, -count(*) FROM touched JOIN places USING (subject_id)
        GROUP BY ALL
        UNION ALL
        SELECT scope, key, 'all', '{CHILDREN}', draw, count(*)
        FROM redrawn JOIN places p ON p.subject_id = main GROUP BY ALL"""
    rows = pl.DataFrame(
        con.sql(
            f"""SELECT scope, key, kind, figure, draw, sum(n)::BIGINT AS n FROM ({counts})
            WHERE kind <> 'indicator' OR scope = 'district' GROUP BY ALL"""
        ).to_arrow_table()
    )
    return _summed_up(rows, draws)


def _figures(table: str, who: str) -> str:
    """SQL of who, kind and figure: each need, each domain with one, and any."""
    needs = f"{table} JOIN own_needs USING (indicator)"
    return f"""SELECT {who}, 'indicator' AS kind, indicator AS figure FROM {needs}
        UNION ALL SELECT DISTINCT {who}, 'domain', domain FROM {needs}
        UNION ALL SELECT DISTINCT {who}, 'all', '{ANY}' FROM {needs}"""


def _register_domains(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    own = pl.DataFrame(
        {"indicator": [e.id for e in catalogue.own], "domain": [e.domain for e in catalogue.own]},
        schema={"indicator": pl.String, "domain": pl.String},
    )
    con.register("own_needs_given", own.to_arrow())
    con.execute("CREATE OR REPLACE TEMP TABLE own_needs AS FROM own_needs_given")
    con.unregister("own_needs_given")


def _summed_up(rows: pl.DataFrame, draws: int) -> pl.DataFrame:
    """One row a figure and place, in order."""
    made = []
    for (scope, key, kind, figure), group in rows.group_by("scope", "key", "kind", "figure"):
        change = {draw: n for draw, n in group.select("draw", "n").rows() if draw is not None}
        spine = sum(n for draw, n in group.select("draw", "n").rows() if draw is None)
        values = [spine + change.get(draw, 0) for draw in range(draws)]
        named = {"figure": figure, "kind": kind, "scope": scope, "key": key, "spine": spine}
        made.append(named | spread_of(values))
    schema = {"figure": pl.String, "kind": pl.String, "scope": pl.String, "key": pl.String, "spine": pl.Int64}
    numbers = dict.fromkeys(("mean", "sd", "low", "high"), pl.Float64)
    return pl.DataFrame(made, schema=schema | numbers | {"values": pl.List(pl.Int64)}).sort(
        "scope", "key", "kind", "figure"
    )
