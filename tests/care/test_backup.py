"""Backup and restore onto another machine: the ledger holds, names can be read, other keys are refused."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import psycopg
import pytest

from tests.care.postgresql import UnavailableError, server

FILL = """
from datetime import date
from evi.care import boot
boot.open_care()
from evi.care.door.rules import install_examples
install_examples()
boot.migrate()
from evi.care.accounts.models import Membership, Organisation, User
from evi.care.children.models import Child, Tie
from evi.care.door import ledger
from evi.care.door.visit import Visit
from evi.care.passports.seeding import Line, seed
school = Organisation.objects.create(code="hill", name="Hill", kind="school")
user = User.objects.create(email="t@example.org", name="Tom")
member = Membership.objects.create(user=user, organisation=school, role="senco", since=date(2020, 1, 1))
child = Child.objects.create(given_name="Zoë", family_name="Łuk", birth_date=date(2018, 5, 1))
Tie.objects.create(child=child, organisation=school, kind="on-roll", since=date(2020, 1, 1))
seed(child, [Line(member, "strengths", "practitioner", "Builds towers, آسمان تک", nature="opinion")])
visit = Visit.of(member)
for item in ("identity", "passport.strengths", "chronology.police"):
    visit.may(child, "view", item)
visit.write_ledger()
ledger.append(actor=ledger.SYSTEM, action="release", child=child.public_id, permitted=["finding"])
ledger.anchor()
print(child.public_id)
"""
READ = """
from evi.care import boot
boot.open_care()
from evi.care.children.models import Child
from evi.care.door import ledger
from evi.care.passports.models import Revision
child = Child.objects.get()
print(child.public_id, child.name, Revision.objects.get().text, ledger.check().fault, len(ledger.anchors()))
ledger.append(actor=ledger.SYSTEM, action="view", child=child.public_id, permitted=["identity"])
print(ledger.check().entries, Child.objects.create(given_name="New").pk > child.pk)
"""


class Place:
    """A machine of its own: a care folder, and perhaps a PostgreSQL database."""

    def __init__(self, folder: Path, database: str = "") -> None:
        self.folder, self.database = folder, database

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("EVI_", "DJANGO_"))}
        env |= {"EVI_CARE_HOME": str(self.folder), "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
        env |= {"EVI_CARE_DATABASE": self.database} if self.database else {}
        return subprocess.run(
            [sys.executable, *arguments],
            env=env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def run(self, code: str) -> str:
        done = self.python("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def evi(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "evi", *map(str, arguments))


@pytest.fixture(scope="module")
def backed(tmp_path_factory):
    """A filled place, its child's public id, and a backup of it."""
    folder = tmp_path_factory.mktemp("old")
    place = Place(folder / "care")
    child = place.run(FILL)
    done = place.evi("care", "backup", folder / "b.tgz")
    assert done.returncode == 0, done.stdout + done.stderr
    return child, folder / "b.tgz"


def read_again(place: Place, child: str) -> None:
    first, second = place.run(READ).splitlines()
    assert first == f"{child} Zoë Łuk Builds towers, آسمان تک None 1"
    assert second == "3 True"


def test_a_backup_is_restored_onto_a_new_machine(backed, tmp_path):
    child, file = backed
    place = Place(tmp_path / "care")
    done = place.evi("care", "restore", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the ledger holds: 2 entries" in done.stdout
    read_again(place, child)
    again = place.evi("care", "restore", file)
    assert again.returncode == 2
    assert "not empty" in again.stdout + again.stderr
    (tmp_path / "care" / "fields.keys").unlink()
    gone = place.evi("care", "backup", tmp_path / "again.tgz")
    assert gone.returncode == 2
    assert "key file" in gone.stdout + gone.stderr
    assert not (tmp_path / "care" / "fields.keys").exists()


def test_the_backup_holds_no_key_and_its_files_are_for_their_owner_alone(backed):
    _child, file = backed
    keys = file.with_name("b.tgz.keys")
    with tarfile.open(file) as kept:
        names = kept.getnames()
    assert "care.sqlite3" in names
    assert "manifest.json" in names
    assert not [name for name in names if name.endswith((".key", ".keys"))]
    assert [path.stat().st_mode & 0o077 for path in (file, keys)] == [0, 0]


def test_other_keys_are_refused_and_nothing_is_written(backed, tmp_path):
    _child, file = backed
    with tarfile.open(tmp_path / "other.keys", "w:gz") as kept:
        for name in ("fields.keys", "secret.key"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            kept.addfile(entry, io.BytesIO(b"else"))
    done = Place(tmp_path / "care").evi("care", "restore", file, "--keys", tmp_path / "other.keys")
    assert done.returncode == 2
    assert "not the ones that belong" in done.stdout + done.stderr
    assert not (tmp_path / "care" / "care.sqlite3").exists()
    assert not (tmp_path / "care" / "fields.keys").exists()


def test_a_damaged_backup_is_refused(backed, tmp_path):
    _child, file = backed
    bad = tmp_path / "bad.tgz"
    bad.write_bytes(file.read_bytes()[:-200])
    done = Place(tmp_path / "care").evi("care", "restore", bad, "--keys", file.with_name("b.tgz.keys"))
    assert done.returncode == 2
    assert "damaged" in done.stdout + done.stderr


def test_the_same_on_postgresql(tmp_path):
    try:
        with server() as address:
            with psycopg.connect(address, autocommit=True) as session:
                session.execute("CREATE DATABASE other")
            old = Place(tmp_path / "old", address)
            child = old.run(FILL)
            done = old.evi("care", "backup", tmp_path / "b.tgz")
            assert done.returncode == 0, done.stdout + done.stderr
            new = Place(tmp_path / "new", address.removesuffix("/evi") + "/other")
            done = new.evi("care", "restore", tmp_path / "b.tgz")
            assert done.returncode == 0, done.stdout + done.stderr
            read_again(new, child)
    except UnavailableError as error:
        pytest.skip(str(error))
