"""A place of an earlier version, with people's data in it, is brought to this version when it is served.

The earlier version is the one before the ledger's refusals (`door.0002_append_only`): then the database let
an entry be changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.care.postgresql import UnavailableError, server
from tests.care.test_backup import FILL, READ, Place

BACK = """
from evi.care import boot
boot.open_care()
from django.core.management import call_command
from django.db import connection
call_command("migrate", "door", "0001", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("UPDATE door_accessentry SET note = note")
    print("changed", cursor.rowcount)
"""
FORWARD = """
from evi.care import boot
boot.open_care()
boot.migrate()
from django.core.management import call_command
from django.db import connection, transaction
call_command("migrate", check_unapplied=True, verbosity=0)
for statement in ("UPDATE door_accessentry SET note = note", "DELETE FROM door_accessentry"):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        print("changed")
    except Exception as error:
        print("refused")
"""


def upgraded(place: Place) -> None:
    """Fill a place, take it back to the version before, bring it to this one, and read everything."""
    child = place.run(FILL)
    assert place.run(BACK) == "changed 2"
    assert place.run(FORWARD).splitlines() == ["refused", "refused"]
    first, second = place.run(READ).splitlines()
    assert first == f"{child} Zoë Łuk Builds towers, آسمان تک None 1"
    assert second == "3 True"


def test_a_place_of_an_earlier_version_keeps_its_data_and_gets_what_is_new(tmp_path: Path):
    upgraded(Place(tmp_path / "care"))


def test_the_same_on_postgresql(tmp_path: Path):
    try:
        with server() as address:
            upgraded(Place(tmp_path / "care", address))
    except UnavailableError as missing:
        pytest.skip(str(missing))
