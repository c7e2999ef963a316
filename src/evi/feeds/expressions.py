"""Check the SQL of a layout before anything is read: what it names, and what it gives.

Events are made from the encoded payload, which has no identifiers. An expression that names one is refused
here, by binding it against the columns that it will have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from evi.feeds.layout import ROW_DATES, Layout

_STATEMENT = re.compile(r"\b(select|from|copy|attach|install|load|pragma|set|call)\b|--|/\*|;", re.IGNORECASE)
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*|U?INTEGER")


@dataclass(frozen=True)
class _Expression:
    what: str
    sql: str
    gives: str


def faults(layout: Layout, con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Sentences that say what is wrong with the layout's expressions; none if they can be used."""
    leaving = {each.name: each.sql_type for each in layout.payload_fields} | dict.fromkeys(ROW_DATES, "DATE")
    every = {each.name: each.sql_type for each in layout.fields} | dict.fromkeys(ROW_DATES[1:], "DATE")
    first = {name: kind for name, kind in leaving.items() if name != "known_at"}
    yield from _bind(layout, con, [_Expression("known_at", layout.known_at, "DATE")], first)
    home = {"home": "BIGINT"} if layout.home else {}
    yield from _bind(layout, con, _of_events(layout), leaving | home)
    rules = [_Expression(f"rule {rule.name}", rule.when, "BOOLEAN") for rule in layout.rules]
    refusals = [_Expression("refuse", refusal.when, "BOOLEAN") for refusal in layout.refusals]
    yield from _bind(layout, con, [*rules, *refusals], every)


def _of_events(layout: Layout) -> list[_Expression]:
    found = [_Expression("withdrawn", layout.withdrawn, "BOOLEAN")]
    if layout.coverage and layout.coverage.kind == "person":
        found += [_Expression("coverage from", layout.coverage.start, "DATE")]
        found += [_Expression("coverage to", layout.coverage.end, "DATE")]
    for event in layout.events:
        found += [
            _Expression(f"{event.code}, code", event.code_sql, "VARCHAR"),
            _Expression(f"{event.code}, when", event.when, "BOOLEAN"),
            _Expression(f"{event.code}, time", event.time, "DATE"),
            _Expression(f"{event.code}, end_time", event.end_time, "DATE"),
            _Expression(f"{event.code}, value", event.value, "number"),
            _Expression(f"{event.code}, text", event.text, "VARCHAR"),
            _Expression(f"{event.code}, place", event.place_sql, "VARCHAR"),
            _Expression(f"{event.code}, known_at", event.known_at, "DATE"),
        ]
    return found


def _bind(
    layout: Layout, con: duckdb.DuckDBPyConnection, wanted: Sequence[_Expression], columns: Mapping[str, str]
) -> Iterator[str]:
    """Bind all at once; only if that fails, one by one, to say which."""
    for each in wanted:
        if _STATEMENT.search(each.sql):
            yield f"{each.what}: an expression over one row is wanted, not a statement."
            return
    try:
        found = _types(con, [each.sql for each in wanted], columns)
    except duckdb.Error:
        for each in wanted:
            try:
                _types(con, [each.sql], columns)
            except duckdb.Error as error:
                yield _why(layout, each, columns, error)
        return
    for each, kind in zip(wanted, found, strict=True):
        fits = _NUMBERS.fullmatch(kind) if each.gives == "number" else kind == each.gives
        if not fits:
            yield f"{each.what} gives {kind}, where {each.gives} is wanted."


def _types(
    con: duckdb.DuckDBPyConnection, expressions: Sequence[str], columns: Mapping[str, str]
) -> list[str]:
    if not expressions:
        return []
    table = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in columns.items())
    wanted = ", ".join(f"({sql})" for sql in expressions)
    result = con.execute(f"SELECT {wanted} FROM (SELECT {table}) LIMIT 0").description
    return [str(column[1]) for column in result or ()]


def _why(layout: Layout, each: _Expression, columns: Mapping[str, str], error: duckdb.Error) -> str:
    hidden = [field.name for field in layout.fields if field.name not in columns]
    named = [name for name in hidden if re.search(rf"\b{name}\b", each.sql)]
    if named:
        return f"{each.what} names {', '.join(named)}, which never leaves the agency: use other fields."
    return f"{each.what} is no expression over the layout's fields ({str(error).splitlines()[0]})"
