"""`evi ledger`: what its commands print, and what they end with."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from typer.testing import CliRunner

from evi.care.door import ledger, triggers
from evi.care.home import home
from evi.cli.app import app
from evi.cli.ledger import TAMPERED, ledger_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def evi(tmp_path, monkeypatch):
    """Run `evi ledger …` on a care folder of its own."""
    keys = home() / "fields.keys"
    if keys.is_file():
        (tmp_path / "fields.keys").write_text(keys.read_text())
    monkeypatch.setenv("EVI_CARE_HOME", str(tmp_path))

    def run(*said):
        return CliRunner().invoke(ledger_app, [*said, "--care", str(tmp_path)], catch_exceptions=False)

    return run


def test_it_is_a_verb_of_evi():
    assert "ledger" in [group.name for group in app.registered_groups]


def test_verify_and_anchor(evi):
    assert evi("anchor").exit_code == 2
    for _ in range(3):
        ledger.append(actor="a", action="view", rules="r")
    line = evi("anchor").stdout.strip()
    assert line.startswith("eVI ledger 3 ")
    found = evi("verify", "--anchor", line)
    assert "3 entries, none changed; 2 anchors held" in " ".join(found.stdout.split())
    assert evi("verify", "--anchor", "eVI").exit_code == 2
    triggers.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM door_accessentry WHERE number = 2")
    broken = evi("verify")
    assert broken.exit_code == TAMPERED
    assert "deleted at entry 2" in broken.stdout
    assert json.loads(evi("verify", "--json").stdout)["fault"]["kind"] == "deleted"


def test_who_looked_and_unusual(evi, world):
    amir = world.children["amir"]
    visit = world.visit("senco")
    for _ in range(12):
        ledger.append_for(visit, "view", amir, permitted=["plan"], agreement="school-health", rules="r")
        ledger.append_for(visit, "view", amir, refused=["chronology.police"], rules="r")
    said = json.loads(evi("who-looked", amir.public_id, "--json").stdout)
    assert [(line["who"], line["times"]) for line in said] == [("Sana Mahmood", 12)] * 2
    assert next(iter(ledger.entries(action="export"))).permitted == ("access-list",)
    assert evi("who-looked", "nobody").exit_code == 2
    [finding] = json.loads(evi("unusual", "--json").stdout)
    assert (finding["rule"], finding["count"]) == ("refusals", 12)
    assert "Amir" not in evi("unusual").stdout


def test_a_folder_that_is_not_there_is_explained(tmp_path, monkeypatch):
    monkeypatch.delenv("EVI_CARE_HOME", raising=False)
    found = CliRunner().invoke(ledger_app, ["verify", "--district", str(tmp_path)])
    assert found.exit_code == 2
