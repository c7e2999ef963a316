"""The ledger in the database: nobody changes it, tampering is found, writers never fork it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from evi.care.door import ledger, triggers
from evi.care.door.models import AccessEntry, AppendOnlyError
from evi.care.home import home
from evi.sharing.ledger import Anchor
from evi.workspace import EviError

pytestmark = pytest.mark.both_databases

CHANGES = {
    "edit": "UPDATE door_accessentry SET note = 'nothing' WHERE number = 3",
    "delete": "DELETE FROM door_accessentry WHERE number = 3",
    "delete all": "DELETE FROM door_accessentry",
    "fork": "INSERT INTO door_accessentry SELECT number + 1, at, actor, role, organisation, action, child, "
    "permitted, refused, purpose, decision, agreement, clause, rules, note, before, hash "
    "FROM door_accessentry WHERE number = 6",
}
TAMPERING = {
    "edited": (CHANGES["edit"],),
    "deleted": (CHANGES["delete"],),
    "moved": (
        "UPDATE door_accessentry SET number = -3 WHERE number = 3",
        "UPDATE door_accessentry SET number = 3 WHERE number = 4",
        "UPDATE door_accessentry SET number = 4 WHERE number = -3",
    ),
    "truncated": ("DELETE FROM door_accessentry WHERE number > 3",),
    "inserted": (CHANGES["fork"],),
}


@pytest.fixture
def six(db, tmp_path, monkeypatch):
    """A ledger of six entries, and a care folder of its own for the anchors."""
    monkeypatch.setenv("EVI_CARE_HOME", str(tmp_path))
    for turn in range(6):
        ledger.append(
            actor=f"a{turn}", action="view", child="c", permitted=["plan"], refused=["index"], rules="r"
        )


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_the_ledger(six, change):
    with pytest.raises(DatabaseError, match="ledger"), transaction.atomic():
        run(CHANGES[change])
    assert ledger.check().entries == 6
    assert ledger.check().fault is None


def test_so_does_the_model(six):
    first = AccessEntry.objects.get(number=1)
    for change in (
        first.save,
        first.delete,
        AccessEntry.objects.all().delete,
        lambda: AccessEntry.objects.update(note="x"),
    ):
        with pytest.raises(AppendOnlyError):
            change()


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_by_whoever_owns_the_database_is_found(six, kind):
    triggers.drop(connection)
    run(*TAMPERING[kind])
    found = ledger.check().fault
    assert found is not None
    assert (found.kind, found.number) == (kind, {"truncated": 4, "inserted": 7}.get(kind, 3))


def test_a_cut_end_with_its_head_moved_back_is_found_by_the_anchor(six):
    printed = ledger.anchor().line()
    assert ledger.check().anchors == 1
    triggers.drop(connection)
    run("DELETE FROM door_accessentry WHERE number > 3")
    run("UPDATE door_ledgerhead SET number = 3, hash = (SELECT hash FROM door_accessentry WHERE number = 3)")
    found = ledger.check().fault
    assert found is not None
    assert (found.kind, found.number) == ("truncated", 4)
    (home() / ledger.ANCHORS).unlink()
    (home() / ledger.ANCHORS).with_suffix(".head.json").unlink()
    assert ledger.check().fault is None  # the place outside the database was cleared as well …
    assert ledger.check([Anchor.of_line(printed)]).fault is not None  # … and the printed line still tells


def test_an_edited_file_of_anchors_is_refused(six):
    ledger.anchor()
    path = home() / ledger.ANCHORS
    path.write_text(path.read_text().replace('"entry": 6', '"entry": 5'))
    with pytest.raises(EviError, match="changed by something other than eVI"):
        ledger.check()


def test_nothing_is_added_to_a_ledger_that_lost_its_head(six):
    run("DELETE FROM door_ledgerhead")
    with pytest.raises(EviError, match="head of the access ledger is gone"):
        ledger.append(actor="a", action="view", rules="r")


def test_an_entry_goes_with_the_data_it_speaks_of(six):
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.append(actor="a", action="contribute", rules="r")
        raise RuntimeError
    assert ledger.check().entries == 6


def test_eight_writers_do_not_fork_it_and_a_killed_one_leaves_nothing(tmp_path):
    said = trial(tmp_path)
    assert said["together"]["entries"] == 200
    assert said["together"]["fault"] is None
    assert said["killed"] == {"data": 0, "entries": 0}
    assert said["after"]["entries"] == 201
    assert said["after"]["fault"] is None


def trial(tmp_path):
    """What `ledger_trial` saw with 8 writers of 25 entries, in a database of its own."""
    address = os.environ.get("EVI_CARE_DATABASE", "")
    if address:
        with psycopg.connect(address, autocommit=True) as session:
            session.execute("CREATE DATABASE trial")
        address = address.rsplit("/", 1)[0] + "/trial"
    places = {"EVI_CARE_HOME": str(tmp_path), "EVI_CARE_DATABASE": address}
    done = subprocess.run(
        [sys.executable, "-m", "tests.care.ledger_trial", "8", "25"],
        env=os.environ | places | {"DJANGO_SETTINGS_MODULE": "tests.care.settings"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_tests_that_commit_can_be_cleared_up_after(turn):
    """Twice: the second begins with an empty ledger whose triggers stand."""
    assert ledger.append(actor="a", action="view", rules="r").number == 1
    with pytest.raises(DatabaseError, match="ledger"):
        run(CHANGES["delete all"])
