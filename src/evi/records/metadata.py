"""What describes the store: subjects, codes, deliveries, and the MEDS metadata of the data set."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa
from meds.schema import DataSchema, DatasetMetadataSchema

import evi
from evi.records.deliveries import State
from evi.records.mapping import LayoutSql
from evi.records.places import MOVE
from evi.records.shapes import (
    CODES,
    EVENTS,
    code_id,
    empty_query,
    family_file,
    shape,
    values_query,
    write_sorted,
)
from evi.records.standing import STATE
from evi.workspace import District, quote, replace_file

ADULT_YEARS = 18
"""Age at which a child becomes an adult (Children Act 1989, section 105)."""

SUBJECTS = shape(
    {
        "subject_id": pa.int64(),
        "birth_month": pa.date32(),
        "sex": pa.string(),
        "ethnicity": pa.string(),
        "language": pa.string(),
        "kind": pa.string(),
    }
)
RECONCILIATION = shape(
    {
        "layout": pa.string(),
        "delivery": pa.string(),
        "event": pa.int32(),
        "code": pa.string(),
        "rows": pa.int64(),
        "not_given": pa.int64(),
        "unlinked": pa.int64(),
        "events": pa.int64(),
    }
)
DELIVERIES = shape(
    {
        "delivery": pa.string(),
        "layout": pa.string(),
        "feed": pa.string(),
        "period_start": pa.date32(),
        "period_end": pa.date32(),
        "known_at": pa.date32(),
        "rows": pa.int64(),
        "repeated": pa.int64(),
        "withdrawn": pa.int64(),
        "unlinked": pa.int64(),
        "events": pa.int64(),
        "content": pa.string(),
    }
)
Count = tuple[str, str, int, str, int, int, int, int]
"""A line of `RECONCILIATION`; event -1 counts the rows of the delivery that stand."""


def newest_day(con: duckdb.DuckDBPyConnection, folder: Path, state: State) -> date:
    """The newest day on which the store learnt anything; without an event, the newest delivery's."""
    files = quote(str(folder / "events" / "*.parquet"))
    found = con.execute(f"SELECT max(known_at) FROM read_parquet({files})").fetchall()[0][0]
    return found or max(delivery.newest for delivery in state.deliveries.values())


def write_subjects(con: duckdb.DuckDBPyConnection, district: District, folder: Path, today: date) -> None:
    """Write `subjects.parquet`: the spine's people, and the homes that events are about.

    `kind` is `child` for those under 18 today, `home` for homes, and else `adult`, which therefore also
    stands for people whose month of birth nobody gave.
    """
    people = district.spine / "subjects.parquet"
    source = (
        f"SELECT subject_id, birth_month, sex, ethnicity, language FROM read_parquet({quote(str(people))})"
        if people.is_file()
        else empty_query(SUBJECTS)
    )
    files = quote(str(folder / "events" / "*.parquet"))
    query = f"""
        SELECT subject_id, birth_month, sex, ethnicity, language,
            CASE WHEN birth_month + to_years({ADULT_YEARS}) > DATE '{today}' THEN 'child'
                ELSE 'adult' END AS kind
        FROM ({source})
        UNION ALL BY NAME
        SELECT DISTINCT subject_id, 'home' AS kind FROM read_parquet({files}) WHERE subject_id < 0
        ORDER BY subject_id"""
    write_sorted(con, query, folder / "subjects.parquet", SUBJECTS)


def write_codes(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    codes: Mapping[str, Sequence[str]],
    layouts: Iterable[LayoutSql],
    *,
    old: Path | None = None,
    touched: Collection[str] | None = None,
) -> None:
    """Write `codes.parquet`: every code, what it means, and how much the store holds of it.

    Counts are of versions that hold at some time.

    Args:
        codes: the store's codes by family.
        old, touched: if given, families outside `touched` keep the counts of the store in `old`.
    """
    counted: dict[str, tuple[object, ...]] = {}
    if old is not None:
        kept = con.execute(f"""SELECT code, events, subjects, first, last
            FROM read_parquet({quote(str(old / "codes.parquet"))})""").fetchall()
        counted = {row[0]: row[1:] for row in kept}
    for name, words in codes.items():
        if touched is None or name in touched:
            found = con.execute(
                f"""SELECT code, count(*), count(DISTINCT subject_id), min(time)::DATE, max(time)::DATE
                FROM read_parquet({quote(str(folder / family_file(name)))}) GROUP BY code"""
            ).fetchall()
            for word in words:
                counted.pop(word, None)
            counted.update({row[0]: row[1:] for row in found})
    meanings = describe_codes(layouts)
    rows = []
    for code in sorted((code for words in codes.values() for code in words), key=lambda code: code.encode()):
        parent = code.rpartition("/")[0]
        described = meanings.get(code, code)
        rows.append(
            (
                code,
                described,
                [parent] if parent else [],
                code_id(code),
                *counted.get(code, (0, 0, None, None)),
            )
        )
    write_sorted(con, f"FROM ({values_query(rows, CODES)}) ORDER BY code", folder / "codes.parquet", CODES)


def describe_codes(layouts: Iterable[LayoutSql]) -> dict[str, str]:
    """What each code that layouts can give means, in their own words; the first layout's word stands."""
    found = {MOVE: "Start of a residence after a person's first"}
    for layout in layouts:
        meanings = dict(layout.meanings)
        for event in layout.events:
            if "{" not in event.template:
                where = "" if event.when == "TRUE" else f", where {event.when}"
                found.setdefault(event.template, f"{layout.title}{where}")
                continue
            before, _, rest = event.template.partition("{")
            field, _, after = rest.partition("}")
            for key, meaning in meanings.items():
                name, _, code = key.partition("/")
                if name == field and "{" not in after:
                    found.setdefault(f"{before}{code}{after}", f"{layout.title}: {meaning}")
    return found


def write_provenance(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    state: State,
    layouts: Mapping[str, LayoutSql],
    counts: Iterable[Count],
) -> None:
    """Write what became of every row: `reconciliation.parquet` (by event) and `deliveries.parquet`."""
    lines = sorted(counts)
    con.execute(f"CREATE TABLE reconciliation AS {values_query(lines, RECONCILIATION)}")
    path = folder / "provenance" / "reconciliation.parquet"
    write_sorted(con, "FROM reconciliation ORDER BY layout, delivery, event", path, RECONCILIATION)
    delivered = [
        (
            d.name,
            d.layout,
            layouts[d.layout].feed,
            d.period_start,
            d.period_end,
            d.newest,
            d.rows,
            d.withdrawn,
            d.content,
        )
        for d in state.deliveries.values()
    ]
    kept = ("repeated", "unlinked", "events")
    stated = shape({field.name: field.type for field in DELIVERIES if field.name not in kept})
    con.execute(f"CREATE TABLE delivered AS {values_query(delivered, stated)}")
    query = f"""
        WITH told AS (
            SELECT layout, delivery, max(rows) FILTER (event = -1) AS standing,
                sum(unlinked)::BIGINT AS unlinked, sum(events)::BIGINT AS events
            FROM reconciliation GROUP BY ALL
        )
        SELECT {", ".join(DELIVERIES.names)} FROM (
            SELECT delivered.*, rows - coalesce(standing, 0) AS repeated, coalesce(unlinked, 0) AS unlinked,
                coalesce(events, 0) AS events
            FROM delivered LEFT JOIN told USING (layout, delivery)
        ) ORDER BY layout, delivery"""
    write_sorted(con, query, folder / "provenance" / "deliveries.parquet", DELIVERIES)


def read_counts(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Count]:
    """The lines of a store's `reconciliation.parquet`."""
    path = quote(str(folder / "provenance" / "reconciliation.parquet"))
    return con.execute(f"SELECT * FROM read_parquet({path})").fetchall()


def write_dataset(folder: Path, district: District, state: State, today: date) -> None:
    """Write `dataset.json` (MEDS) and, last of all, the store's state."""
    extensions = [name for name in EVENTS.names if name not in DataSchema.schema().names]
    metadata = DatasetMetadataSchema(
        dataset_name=district.config.name,
        dataset_version=state.digest,
        etl_name="evi.records",
        etl_version=evi.__version__,
        meds_version=version("meds"),
        created_at=datetime.combine(today, time()),
        raw_source_id_columns=["record_id", "delivery"],
        site_id_columns=["source", "place_id"],
        other_extension_columns=[
            n for n in extensions if n not in {"record_id", "delivery", "source", "place_id"}
        ],
    )
    text = json.dumps(metadata.to_dict(), indent=1, sort_keys=True, default=str)
    with replace_file(folder / "dataset.json") as scratch:
        scratch.write_text(text + "\n", encoding="utf-8")
    table = json.loads(state.as_json()) | {"state": state.digest, "reference_day": today.isoformat()}
    with replace_file(folder / STATE) as scratch:
        scratch.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
