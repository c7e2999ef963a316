"""Every table of a PostgreSQL database out and in again, exactly as it is, in one consistent view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

from evi.care.door import triggers


def copy_out() -> Iterator[tuple[str, bytes]]:
    """Each table's name and rows, in the text format of PostgreSQL's COPY, as of one moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for name in _tables():
            columns = _columns(name)
            with cursor.copy(f"COPY {_quoted(name)} ({columns}) TO STDOUT") as copy:
                rows = b"".join(bytes(part) for part in copy)
            yield name, columns.encode() + b"\n" + rows


def copy_in(rows: Mapping[str, bytes]) -> None:
    """Fill a migrated, empty database with what `copy_out` gave, within the caller's transaction."""
    there = _tables()
    triggers.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for name in reversed(there):
            cursor.execute(f"DELETE FROM {_quoted(name)}")
        for name in (each for each in there if each in rows):
            columns, _newline, data = rows[name].partition(b"\n")
            with cursor.copy(f"COPY {_quoted(name)} ({columns.decode()}) FROM STDIN") as copy:
                copy.write(data)
        for statement in connection.ops.sequence_reset_sql(
            no_style(), apps.get_models(include_auto_created=True)
        ):
            cursor.execute(statement)
    triggers.create(connection)


def _tables() -> list[str]:
    """Tables of the application, without the list of migrations, which `migrate` writes itself."""
    models = apps.get_models(include_auto_created=True)
    made = set(connection.introspection.table_names())
    return [name for name in dict.fromkeys(each._meta.db_table for each in models) if name in made]


def _columns(table: str) -> str:
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    return ", ".join(_quoted(column.name) for column in described)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
