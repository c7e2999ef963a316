"""Lets tests that commit be cleared up after: the ledger's triggers refuse what Django's `flush` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from evi.care.door import triggers


@pytest.fixture(scope="session", autouse=True)
def flush_takes_the_ledger_too() -> Iterator[None]:
    """Between such tests the triggers go and come back with the flush; inside them they stand."""
    patch = pytest.MonkeyPatch()
    operations = type(connection.ops)
    original = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: Any, **how: Any) -> list[str]:
        statements = original(self, style, tables, **how)
        if not statements or triggers.ENTRY not in tables:
            return statements
        return [*triggers.DROP[connection.vendor], *statements, *triggers.CREATE[connection.vendor]]

    patch.setattr(operations, "sql_flush", sql_flush)
    yield
    patch.undo()
