"""Records that one draw of the spine gives to another person than the spine does.

An event keeps the number of its record, which is the record's key mixed with a salt of the event's own (see
`evi.records.mapping`), so an event can be found again from the encoded row that it came from.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb
import polars as pl

from evi.feeds import load_layouts
from evi.records import family
from evi.records.mapping import LayoutSql, compile_layouts
from evi.workspace import District, EviError, quote


def move_records(
    con: duckdb.DuckDBPyConnection, district: District, people: pl.DataFrame, families: Collection[str]
) -> bool:
    """Make the tables `moved` (record_id, old, new) and `newcomers` (new, old); whether anything moved.

    Args:
        people: feed, person, subject_id of a draw (see `evi.linkage.draws.redrawn`), or only what moved.
        families: families of codes; only records that can give such an event are looked for.

    Raises:
        EviError: there is no spine, or the encoded rows are not there.
    """
    path = district.spine / "people.parquet"
    if not path.is_file():
        raise EviError("nobody is linked yet.", where=str(path), do="Run `evi link` first.", exit_code=2)
    spine = pl.read_parquet(path).select("feed", "person", old="subject_id")
    drawn = people.select("feed", "person", new="subject_id").join(spine, on=["feed", "person"])
    drawn = drawn.filter(pl.col("old") != pl.col("new")).sort("feed", "person")
    con.execute("CREATE TEMP TABLE moved (record_id BIGINT, old BIGINT, new BIGINT)")
    con.register("drawn", drawn.to_arrow())
    con.execute("CREATE TEMP TABLE drawn_person AS FROM drawn")
    con.unregister("drawn")
    subjects = district.records / "subjects.parquet"
    con.execute(
        f"""CREATE TEMP TABLE newcomers AS SELECT new, min(old) AS old FROM drawn_person
        WHERE new NOT IN (SELECT subject_id FROM read_parquet({quote(str(subjects))})) GROUP BY new"""
    )
    feeds = set(drawn["feed"].to_list())
    extra = [district.root / folder for folder in district.config.layouts]
    for layout in compile_layouts(load_layouts(extra).values()).values():
        files = sorted((district.encoded / "payload" / layout.name).glob("*.parquet"))
        if layout.feed in feeds and files:
            _add_layout(con, layout, files, families)
    return not drawn.is_empty()


def _add_layout(
    con: duckdb.DuckDBPyConnection, layout: LayoutSql, files: list[Path], families: Collection[str]
) -> None:
    listed = ", ".join(quote(str(path)) for path in files)
    for role in layout.roles:
        numbers = [
            event.record_id
            for event in layout.events
            if event.role == role and any(_may_be(event.template, name) for name in families)
        ]
        if not numbers:
            continue
        con.execute(
            f"""INSERT INTO moved SELECT DISTINCT unnest([{", ".join(numbers)}]), old, new
            FROM (SELECT DISTINCT record, person_{role} AS person
                  FROM read_parquet([{listed}], union_by_name = true)) AS said
            JOIN drawn_person USING (person) WHERE feed = {quote(layout.feed)}"""
        )


def _may_be(template: str, name: str) -> bool:
    """Whether a layout's code, with fields in braces, can be of a family."""
    parts = family(template).split("-")
    return all("{" in part or part == wanted for part, wanted in zip(parts, name.split("-"), strict=False))
