"""Who is who, as the store saw it: links from a feed's person to a subject, and which of them changed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from evi.records.shapes import shape, write_sorted
from evi.workspace import District, EviError, quote

LINKS = "provenance/links.parquet"

SHAPE = shape(
    {"feed": pa.string(), "person": pa.int64(), "subject_id": pa.int64(), "confidence": pa.float32()}
)

DECIMALS = 2
"""Decimals kept of a link's probability. The model is estimated afresh with every delivery, and its third
decimal moves for everybody; without rounding each new month would rewrite every event that there is."""


def load_links(con: duckdb.DuckDBPyConnection, district: District) -> None:
    """Make the table `links` (feed, person, subject_id, confidence) from the spine.

    Raises:
        EviError: there is no spine, or it links one record twice.
    """
    people = district.spine / "people.parquet"
    if not people.is_file():
        raise EviError(
            "nobody is linked yet.", where=str(district.spine), do="Run `evi link`, or `evi run`, first."
        )
    con.execute(
        f"""CREATE TABLE links AS
        SELECT feed, person, subject_id, round(probability, {DECIMALS})::FLOAT AS confidence
        FROM read_parquet({quote(str(people))})"""
    )
    twice = con.execute("SELECT count(*) - count(DISTINCT (feed, person)) FROM links").fetchall()[0][0]
    if twice:
        raise EviError(
            f"{twice} records are linked to more than one person.",
            where=str(people),
            do="Run `evi link` again.",
        )


def save_links(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Keep the links that this load used, for the next load to compare with."""
    write_sorted(con, "FROM links ORDER BY feed, person", folder / LINKS, SHAPE)


def find_relinked(con: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Make the table `relinked` (feed, person): whose link is not what the load in `folder` used."""
    con.execute(
        f"""CREATE TABLE relinked AS
        SELECT feed, person FROM links AS new
        FULL JOIN read_parquet({quote(str(folder / LINKS))}) AS old USING (feed, person)
        WHERE (new.subject_id, new.confidence) IS DISTINCT FROM (old.subject_id, old.confidence)"""
    )
    return int(con.execute("SELECT count(*) FROM relinked").fetchall()[0][0])
