"""Writes every encrypted value anew under the newest key, so that an old key can be taken away.

It goes table by table in small steps, each one transaction, and touches only values of older keys: it can be
stopped at any time and started again, while people work. A value that somebody changes meanwhile is under the
newest key already, and is left as they wrote it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from evi.care import fields
from evi.care.accounts.signing import SECRETS
from evi.workspace.progress import SILENT, Progress

ROWS = 500
"""How many rows a step holds."""

MFA = ("mfa", "Authenticator")
_SECRETS_OF_STEPS = ("secret", "seed")


@dataclass(frozen=True)
class Rotated:
    """What was done: rows looked at, values rewritten, and how many values each key has afterwards."""

    rows: int
    values: int
    keys: dict[int, int]


def renew(progress: Progress = SILENT) -> Rotated:
    """Add a key, and write everything anew under it."""
    fields.add_key()
    return rotate(progress)


def rotate(progress: Progress = SILENT) -> Rotated:
    """Rewrite what is under older keys.

    Raises:
        EviError: a value can't be read with the keys that are there; what was done until then stays done.
    """
    newest = len(fields.keys()) - 1
    rows = values = 0
    for model, columns in encrypted_columns():
        table = model._meta.db_table
        with progress.task(table, model._base_manager.count()) as advance:
            for chunk in _chunks(table, columns):
                values += _rewrite(table, columns, chunk, newest)
                rows += len(chunk)
                advance(len(chunk))
    values += _second_steps(newest)
    return Rotated(rows, values, count_by_key())


def retire() -> list[int]:
    """Take away older keys under which nothing is stored any more; gives their numbers.

    Not in the same breath as `renew`: somebody may be in the middle of saving under the key from before. A
    backup from before holds values under older keys: keep the key file that belongs to it.
    """
    return fields.retire_keys(count_by_key())


def encrypted_columns() -> Iterator[tuple[type[models.Model], list[tuple[str, fields.EncryptedTextField]]]]:
    """Each table with its encrypted columns."""
    for model in apps.get_models(include_auto_created=True):
        found = [
            (str(field.column), field)
            for field in model._meta.local_concrete_fields
            if isinstance(field, fields.EncryptedTextField)
        ]
        if found and not model._meta.proxy and model._meta.managed:
            yield model, found


def count_by_key() -> dict[int, int]:
    """How many stored values each key has: a key with none can be taken away."""
    found: dict[int, int] = {}
    for model, columns in encrypted_columns():
        for chunk in _chunks(model._meta.db_table, columns):
            for _, *stored in chunk:
                for value in stored:
                    if value is not None:
                        number = bytes(value)[0]
                        found[number] = found.get(number, 0) + 1
    for _, secrets in _stored_secrets():
        for value in secrets.values():
            number = base64.b64decode(value)[0]
            found[number] = found.get(number, 0) + 1
    return found


def _chunks(table: str, columns: list[tuple[str, Any]]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in the order of their keys, as they are stored."""
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column, _ in columns)
    after: Any = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {quote('id')}, {names} FROM {quote(table)} "
                f"WHERE {quote('id')} > %s ORDER BY {quote('id')} LIMIT {ROWS}",
                [after],
            )
            chunk = cursor.fetchall()
        if not chunk:
            return
        yield chunk
        after = chunk[-1][0]


def _bytes(value: bytes) -> Any:
    return connection.Database.Binary(value)  # type: ignore[attr-defined]


def _rewrite(table: str, columns: list[tuple[str, Any]], chunk: list[tuple[Any, ...]], newest: int) -> int:
    quote = connection.ops.quote_name
    done = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for key, *stored in chunk:
            for (column, _), value in zip(columns, stored, strict=True):
                if value is None or bytes(value)[0] == newest:
                    continue
                place = f"{table}.{column}"
                again = fields.encrypt(fields.decrypt(value, place), place)
                # Only if it is still what was read: somebody may have written since.
                cursor.execute(
                    f"UPDATE {quote(table)} SET {quote(column)} = %s "
                    f"WHERE {quote('id')} = %s AND {quote(column)} = %s",
                    [_bytes(again), key, _bytes(bytes(value))],
                )
                done += cursor.rowcount
    return done


def _stored_secrets() -> Iterator[tuple[Any, dict[str, str]]]:
    """Each second step with the secrets that it keeps."""
    for step in apps.get_model(*MFA)._default_manager.order_by("pk"):
        kept = {name: step.data[name] for name in _SECRETS_OF_STEPS if step.data.get(name)}
        if kept:
            yield step, kept


def _second_steps(newest: int) -> int:
    done = 0
    for found, _ in list(_stored_secrets()):
        with transaction.atomic():
            step = apps.get_model(*MFA)._default_manager.select_for_update().filter(pk=found.pk).first()
            if step is None:
                continue
            for name in _SECRETS_OF_STEPS:
                stored = base64.b64decode(step.data.get(name) or "")
                if stored and stored[0] != newest:
                    again = fields.encrypt(fields.decrypt(stored, SECRETS), SECRETS)
                    step.data[name] = base64.b64encode(again).decode()
                    done += 1
            step.save(update_fields=["data"])
    return done
