"""The database itself refuses to change or delete an entry of the access ledger."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

from evi.care.door import triggers


def create(apps: Any, schema_editor: Any) -> None:
    """Set the refusals up."""
    triggers.create(schema_editor.connection)


def drop(apps: Any, schema_editor: Any) -> None:
    """Take them away."""
    triggers.drop(schema_editor.connection)


class Migration(migrations.Migration):
    """After the tables are there."""

    dependencies: ClassVar = [("door", "0001_initial")]
    operations: ClassVar = [migrations.RunPython(create, drop)]
