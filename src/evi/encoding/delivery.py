"""One delivery, encoded: a payload without identifiers, linkage codes, what is told in clear, and relations.

Four parts, since no reader needs two of them joined: month of birth beside codes of dates, for one, would
give away the day (docs/threat-model.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding.columns import Column, arrow
from evi.encoding.columns import compute as pc
from evi.encoding.gazetteer import Gazetteer
from evi.encoding.outer import Outer, code_columns, transcoded
from evi.encoding.people import encode_identities
from evi.encoding.tokens import CLEAR, TOKENS, Coder
from evi.feeds import Layout, PersonMap, Reading, common_sql, read_extract
from evi.workspace import replace_file

PARTS = ("payload", "linkage", "about", "relations")
ROW_GROUP_ROWS = 122_880
_CLEAR_ROLES = ("ethnicity", "language")
_OBSERVED: dict[str, pa.DataType] = {
    "feed": pa.string(),
    "layout": pa.string(),
    "delivery": pa.string(),
    "role": pa.string(),
    "person": pa.int64(),
    "observed": pa.date32(),
    "address_from": pa.date32(),
    "times": pa.int64(),
    "birth_year": CLEAR["birth_year"],
    "sex": CLEAR["sex"],
    "household": pa.int64(),  # the home's code in payload, by which the spine names homes
}
LINKAGE_SCHEMA: pa.Schema = arrow.schema(
    [*_OBSERVED.items(), *((name, kind) for name, (kind, _) in TOKENS.items())]
)
_TOLD = ("feed", "person", "birth_month", "sex", "ethnicity", "language", "household", "lsoa")
ABOUT_SCHEMA: pa.Schema = arrow.schema(
    [
        ("feed", pa.string()),
        ("person", pa.int64()),
        ("birth_month", CLEAR["birth_month"]),
        ("sex", CLEAR["sex"]),
        ("ethnicity", pa.string()),
        ("language", pa.string()),
        ("household", pa.int64()),
        ("lsoa", pa.string()),
        ("observed", pa.date32()),
        ("times", pa.int64()),
    ]
)
RELATION_SCHEMA: pa.Schema = arrow.schema(
    [("type", pa.string()), ("person", pa.int64()), ("other", pa.int64()), ("known_at", pa.date32())]
)


@dataclass(frozen=True)
class EncodedDelivery:
    """What one delivery came to: rows by part, and what the reader counted."""

    layout: str
    feed: str
    delivery: str
    period_start: str | None
    period_end: str | None
    rows_in: int
    loaded: int
    rejected: int
    observations: int
    relations: int
    notes: tuple[str, ...]


def part_path(encoded: Path, part: str, layout: str, delivery: str) -> Path:
    """Where one part of an encoded delivery is: `encoded/<part>/<layout>/<delivery>.parquet`."""
    return encoded / part / layout / f"{delivery}.parquet"


def encode_delivery(
    path: Path,
    layout: Layout,
    *,
    encoded: Path,
    con: duckdb.DuckDBPyConnection,
    coder: Coder,
    gazetteer: Gazetteer,
    rejects: Path | None = None,
    outer: Outer | None = None,
) -> EncodedDelivery:
    """Read one extract as one layout and write its encoded parts, under the outer key if there is one.

    Raises:
        RefusedError: the extract is refused whole; nothing is written.
    """
    with read_extract(path, layout, con=con, rejects=rejects) as reading:
        rows = _rows(con, layout, reading)
        payload = _payload(layout, reading, rows, coder, gazetteer)
        observations = [
            _observations(con, layout, reading, person, coder, gazetteer) for person in layout.persons
        ]
        linkage = pa.concat_tables([LINKAGE_SCHEMA.empty_table(), *(codes for codes, _ in observations)])
        about = pa.concat_tables([ABOUT_SCHEMA.empty_table(), *(told for _, told in observations)])
        relations = _relations(layout, rows, payload)
        tables = {"payload": payload, "linkage": linkage, "about": about, "relations": relations}
        for part, table in tables.items():
            target = part_path(encoded, part, layout.name, reading.delivery)
            if part == "relations" and not layout.relations:
                target.unlink(missing_ok=True)
                continue
            if outer is not None:
                table = ordered(transcoded(table, code_columns(part, layout), None, outer), part)  # noqa: PLW2901
            _write(table, target)
        return EncodedDelivery(
            layout=layout.name,
            feed=layout.feed,
            delivery=reading.delivery,
            period_start=str(reading.period_start) if reading.period_start else None,
            period_end=str(reading.period_end) if reading.period_end else None,
            rows_in=reading.rows_in,
            loaded=reading.loaded,
            rejected=reading.rejected,
            observations=linkage.num_rows,
            relations=relations.num_rows,
            notes=tuple(reading.notes),
        )


def _write(table: pa.Table, target: Path) -> None:
    with replace_file(target) as scratch:
        pq.write_table(table, scratch, compression="zstd", row_group_size=ROW_GROUP_ROWS)


def _rows(con: duckdb.DuckDBPyConnection, layout: Layout, reading: Reading) -> pa.Table:
    """The fields of the payload, and the identifiers that its keys are made of."""
    wanted = [each.name for each in layout.payload_fields]
    wanted += [person.local_id for person in layout.persons] + list(layout.record_id)
    wanted += [layout.home] if layout.home else []
    wanted += [name for person in layout.persons[:1] for name in _place_fields(person)]
    births = _birth_dates(layout)
    dates = {each.name for each in layout.payload_fields if each.type == "date"}
    columns = "".join(
        f", {_blunted(name, births)} AS {_quoted(name)}" if name in dates else f", {_quoted(name)}"
        for name in dict.fromkeys(wanted)
        if name
    )
    rows: pa.Table = con.sql(
        f"SELECT row_no, {_blunted('known_at', births)} AS known_at, withdrawn{columns} "
        f"FROM {reading.table} ORDER BY row_no"
    ).to_arrow_table()
    return rows


def _birth_dates(layout: Layout) -> list[str]:
    """The fields of a row that hold a birth date."""
    named = [person.identifies.get("date_of_birth") for person in layout.persons]
    return [name for name in named if name]


def _blunted(name: str, births: Sequence[str]) -> str:
    """SQL of a date that would give a birth date away (a home from birth on): the first day of its month."""
    column = _quoted(name)
    told = " OR ".join(f"{column} = {_quoted(birth)}" for birth in births)
    return (
        f"CASE WHEN {told} THEN CAST(date_trunc('month', {column}) AS DATE) ELSE {column} END"
        if told
        else column
    )


def _place_fields(person: PersonMap) -> list[str]:
    return [person.identifies[role] for role in ("uprn", "postcode", "address") if role in person.identifies]


def _text(table: pa.Table, name: str) -> Column:
    return table[name].combine_chunks().cast(pa.string())


def _payload(
    layout: Layout, reading: Reading, rows: pa.Table, coder: Coder, gazetteer: Gazetteer
) -> pa.Table:
    count = rows.num_rows
    parts = [pc.fill_null(_text(rows, name), "") for name in layout.record_id]
    identity = pc.binary_join_element_wise(*parts, "\x1f") if len(parts) > 1 else parts[0]
    columns: dict[str, Any] = {
        "delivery": pa.array([reading.delivery] * count, pa.string()),
        "row_no": rows["row_no"].cast(pa.int32()),
        "known_at": rows["known_at"],
        "withdrawn": rows["withdrawn"],
        "record": coder.opaque(f"record/{layout.name}", identity),
    }
    for person in layout.persons:
        columns[f"person_{person.role}"] = _person_codes(layout, person, rows, coder)
    place, postcodes = _row_place(layout, rows, gazetteer)
    columns["home"] = coder.home(_text(rows, layout.home)) if layout.home else pa.nulls(count, pa.int64())
    columns["lsoa"] = gazetteer.areas(place, postcodes, count)
    for field in layout.payload_fields:
        if field.type == "reference":
            columns[field.name] = coder.opaque(
                f"reference/{layout.feed}/{field.name}", _text(rows, field.name)
            )
        else:
            columns[field.name] = rows[field.name]
    return pa.table(columns)


def _row_place(layout: Layout, rows: pa.Table, gazetteer: Gazetteer) -> tuple[Column | None, Column | None]:
    """UPRNs and postcodes of the row's own place, or else of the first person it is about."""
    if layout.home:
        return gazetteer.uprns(_text(rows, layout.home), None, None), None
    if not layout.persons:
        return None, None
    return _person_place(layout.persons[0], rows, gazetteer)


def _person_place(
    person: PersonMap, rows: pa.Table, gazetteer: Gazetteer
) -> tuple[Column | None, Column | None]:
    given = {
        role: _text(rows, person.identifies[role])
        for role in ("uprn", "address", "postcode")
        if role in person.identifies
    }
    uprns = gazetteer.uprns(given.get("uprn"), given.get("address"), given.get("postcode"))
    return uprns, given.get("postcode")


def _person_codes(layout: Layout, person: PersonMap, rows: pa.Table, coder: Coder) -> Column:
    """One code for one local id of a feed, in whichever of its layouts it stands."""
    return coder.opaque(f"person/{layout.feed}", _text(rows, person.local_id))


def _observations(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    reading: Reading,
    person: PersonMap,
    coder: Coder,
    gazetteer: Gazetteer,
) -> tuple[pa.Table, pa.Table]:
    """Each distinct identity that the delivery gives a person, with the days on which it was seen.

    Returns:
        Its codes (`LINKAGE_SCHEMA`), and what is told of the person in clear (`ABOUT_SCHEMA`).
    """
    seen = _observed_identities(con, layout, reading, person)
    uprns, _ = _person_place(person, seen, gazetteer)
    identity = {
        role: _identity_column(seen, name)
        for role, name in person.identifies.items()
        if role not in (*_CLEAR_ROLES, "uprn")
    }
    rows = seen.num_rows
    if uprns is not None:
        identity["uprn"] = uprns
    if not identity:
        identity = {"sex": pa.nulls(rows, pa.string())}
    columns: dict[str, Any] = dict(encode_identities(identity, coder))
    columns |= {
        "feed": pa.array([layout.feed] * rows, pa.string()),
        "layout": pa.array([layout.name] * rows, pa.string()),
        "delivery": pa.array([reading.delivery] * rows, pa.string()),
        "role": pa.array([person.role] * rows, pa.string()),
        "person": _person_codes(layout, person, seen, coder),
        "observed": seen["evi_observed"],
        "address_from": seen["evi_from"],
        "times": seen["evi_times"],
        "lsoa": gazetteer.areas(
            uprns,
            _text(seen, person.identifies["postcode"]) if "postcode" in person.identifies else None,
            rows,
        ),
        "household": pa.nulls(rows, pa.int64()) if uprns is None else coder.home(uprns),
    }
    for role in _CLEAR_ROLES:
        named = person.identifies.get(role)
        columns[role] = seen[named] if named else pa.nulls(rows, pa.string())
    made = pa.table({name: columns[name] for name in LINKAGE_SCHEMA.names}).cast(LINKAGE_SCHEMA)
    return ordered(made, "linkage"), ordered(_told(columns), "about")


def ordered(table: pa.Table, part: str) -> pa.Table:
    """The rows of a part by their codes alone: an order by clear names would tell something of them."""
    if part == "payload":
        return table  # as delivered, with the number of each row
    plain = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    first = ["type", "person"] if part == "relations" else ["person"]
    keys = [*first, *(name for name in plain if name not in first)]
    made: pa.Table = table.sort_by([(name, "ascending") for name in keys])
    return made


def _told(columns: Mapping[str, Any]) -> pa.Table:
    """What is told in clear, once for each distinct set of facts."""
    rows: Any = arrow.table({name: columns[name] for name in (*_TOLD, "observed", "times")})
    grouped = rows.group_by(list(_TOLD)).aggregate([("observed", "max"), ("times", "sum")])
    told: pa.Table = grouped.rename_columns(ABOUT_SCHEMA.names).cast(ABOUT_SCHEMA)
    return told


def _identity_column(table: pa.Table, name: str) -> Column:
    column = table[name].combine_chunks()
    return column if pa.types.is_temporal(column.type) else column.cast(pa.string())


def _observed_identities(
    con: duckdb.DuckDBPyConnection, layout: Layout, reading: Reading, person: PersonMap
) -> pa.Table:
    """Distinct identities, in which codes of sex, ethnicity and language have their common values."""
    names = dict.fromkeys([person.local_id, *person.identifies.values()])
    columns = [f"{common_sql(layout.field(name), _quoted(name))} AS {_quoted(name)}" for name in names]
    births = _birth_dates(layout)
    observed = _blunted(person.observed or "period_end", births)
    held_from = _blunted(person.address_from, births) if person.address_from else observed
    seen: pa.Table = con.sql(
        f"""SELECT {", ".join(columns)},
            max(CAST({observed} AS DATE)) AS evi_observed,
            min(CAST(coalesce({held_from}, {observed}) AS DATE)) AS evi_from,
            count(*) AS evi_times
        FROM {reading.table} WHERE {_quoted(person.local_id)} IS NOT NULL
        GROUP BY {", ".join(str(i + 1) for i in range(len(columns)))}"""
    ).to_arrow_table()
    return seen


def _quoted(name: str) -> str:
    return f'"{name}"'


def _relations(layout: Layout, rows: pa.Table, payload: pa.Table) -> pa.Table:
    """Who is whose mother, as the rows say; each pair once, from the day it was first known."""
    tables = [RELATION_SCHEMA.empty_table()]
    for relation in layout.relations:
        table: pa.Table = arrow.table(
            {
                "type": pa.array([relation.type] * rows.num_rows, pa.string()),
                "person": payload[f"person_{relation.subject}"],
                "other": payload[f"person_{relation.other}"],
                "known_at": rows["known_at"],
            }
        ).cast(RELATION_SCHEMA)
        known = pc.and_(pc.is_valid(table["person"]), pc.is_valid(table["other"]))
        tables.append(table.filter(known))
    merged = pa.concat_tables(tables).group_by(["type", "person", "other"]).aggregate([("known_at", "min")])
    named = merged.rename_columns(["type", "person", "other", "known_at"]).cast(RELATION_SCHEMA)
    return ordered(named, "relations")
