"""The passport: voices, revisions that are never overwritten, two writers at once, laws of versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.care.door.visit import Refused
from evi.care.passports import contributions, versions
from evi.care.passports.contributions import Origin, begin, contribute, history, standing
from evi.care.passports.differing import SAME, difference, merged
from evi.care.passports.models import Contribution, Passport, PassportVersion, Revision
from evi.care.passports.parts import parts
from evi.care.passports.writing import Conflict
from evi.care.text import NOTE_LIMIT
from evi.workspace import EviError
from tests.care import conftest

TEXT = st.text(alphabet=st.sampled_from("ab c.\né😀م"), max_size=40)


def write(world: Any, who: str, section: str, text: str, **more: Any) -> Revision:
    voice = more.pop("voice", "practitioner")
    return contribute(world.visit(who), world.children["amir"], section, voice, text, **more)


def test_each_voice_has_its_own_place(world):
    write(world, "class-teacher", "learning", "Reads short words.")
    write(world, "class-teacher", "learning", "I think he hears badly.", nature="opinion")
    write(world, "parent", "home", "He loves trains.", voice="parent")
    write(world, "class-teacher", "home", "I like my cat", voice="child", taken_down=True, pictures=["pet"])
    found = standing(world.visit("senco"), world.children["amir"], ["learning", "home"])
    assert [(row.nature, row.text) for row in found["learning"]] == [
        ("fact", "Reads short words."),
        ("opinion", "I think he hears badly."),
    ]
    assert [(row.voice, row.author_name, row.taken_down) for row in found["home"]] == [
        ("child", "Tom Reed", True),
        ("parent", "Parveen Iqbal", False),
    ]
    assert found["home"][0].pictures == ["pet"]


def test_words_are_encrypted_where_they_are_kept(world):
    revision = write(world, "class-teacher", "learning", "Loves Saturn")
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM passports_revision WHERE id = %s", [revision.pk])
        assert b"Saturn" not in bytes(cursor.fetchone()[0])


def test_the_second_of_two_writers_is_told_and_nothing_is_lost(world):
    first = write(world, "class-teacher", "learning", "Reads short words.", base=0)
    write(world, "senco", "learning", "Reads short words and likes maps.", base=first.number)
    with pytest.raises(Conflict) as told:
        write(world, "class-teacher", "learning", "Reads long words.", base=first.number)
    assert told.value.began_from == first
    assert told.value.stands.text == "Reads short words and likes maps."
    assert told.value.words.text == "Reads long words."
    assert Revision.objects.count() == 2
    assert Passport.objects.get().version == 2


def test_people_of_two_services_do_not_collide(world):
    write(world, "class-teacher", "health", "Wears glasses.", base=0)
    write(world, "health-visitor", "health", "Asthma, blue inhaler.", base=0)
    assert len(standing(world.visit("senco"), world.children["amir"], ["health"])["health"]) == 2


def test_the_same_words_again_make_no_version(world):
    first = write(world, "senco", "works", "Quiet corner")
    assert write(world, "class-teacher", "works", "Quiet corner", base=0) == first
    assert Passport.objects.get().version == 1


@pytest.mark.parametrize(
    ("who", "voice", "taken_down", "nature"),
    [
        ("class-teacher", "child", False, ""),
        ("class-teacher", "parent", False, ""),
        ("parent", "child", False, ""),
        ("parent", "practitioner", True, ""),
        ("class-teacher", "headmaster", False, ""),
        ("class-teacher", "practitioner", False, "gossip"),
    ],
)
def test_nobody_writes_as_somebody_else(world, who, voice, taken_down, nature):
    with pytest.raises(EviError):
        write(world, who, "home", "Words", voice=voice, taken_down=taken_down, nature=nature)
    assert not Revision.objects.exists()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\u200fمحمد\u200f بن عبد الله", "محمد بن عبد الله"),
        ("Likes 🦕 & <b>bold</b><script>alert(1)</script>", "Likes 🦕 & bold"),
        ('<p class="MsoNormal">One<o:p></o:p></p><p>Two</p>', "One\n\nTwo"),
        ("w" * 10_000, "w" * 10_000),
    ],
)
def test_what_people_paste_is_kept_readable(world, text, kept):
    found = write(world, "class-teacher", "about-me", text)
    found.refresh_from_db()
    assert found.text.replace("\u200f", "") == kept


def test_bad_input_is_refused_whole(world):
    for section, text, more in (
        ("no-such-section", "x", {}),
        ("about-me", "x" * (NOTE_LIMIT + 1), {}),
        ("about-me", "", {"voice": "child", "taken_down": True, "pictures": ["medicine"]}),
        ("learning", "", {"voice": "child", "taken_down": True, "pictures": ["face-ok", "face-hard"]}),
    ):
        with pytest.raises(EviError):
            write(world, "class-teacher", section, text, **more)
    assert not Passport.objects.exists()


def test_only_those_permitted_begin_write_and_read(world):
    amir = world.children["amir"]
    with pytest.raises(Refused):
        begin(amir, world.visit("other-senco"))
    with pytest.raises(Refused):
        contribute(world.visit("police-officer"), amir, "health", "practitioner", "x")
    with pytest.raises(Refused):
        contribute(world.visit("midwife"), amir, "learning", "practitioner", "x")
    write(world, "class-teacher", "health", "Wears glasses.")
    assert standing(world.visit("other-senco"), amir) == {}
    assert history(world.visit("other-senco"), amir) == []


def test_a_passport_says_on_what_ground_it_began(world):
    passport = begin(world.children["amir"], world.visit("class-teacher"))
    assert (passport.basis, passport.agreement) == ("agreement", "school-family")
    assert begin(world.children["amir"], world.visit("senco")) == passport
    world.children["cy"].wishes.create(kind="consent", about="all", said_by="mother")
    assert begin(world.children["cy"], world.visit("senco")).basis == "consent"


def test_words_from_elsewhere_keep_their_author(world):
    origin = Origin(source="Leeds", name="Ann Lee", role="SENCO", holder="org:leeds-1")
    found = write(world, "senco", "works", "A timer", origin=origin)
    assert (found.author_name, found.source, found.author) == (
        "Ann Lee",
        "Leeds",
        world.members["senco"].user,
    )
    write(world, "senco", "works", "A quiet seat")
    assert Contribution.objects.count() == 2


def test_an_earlier_version_comes_back_as_a_new_one(world):
    amir, visit = world.children["amir"], world.visit("senco")
    for text in ("One", "Two", "Three"):
        write(world, "senco", "works", text)
    done = versions.restore(visit, amir, 1, base=3)
    assert (done.passport.version, done.kept) == (4, ())
    assert standing(visit, amir, ["works"])["works"][0].text == "One"
    assert versions.compare(visit, amir, 1, 4) == []
    newest = history(visit, amir)[0]
    assert (newest.number, newest.restored_from) == (4, 1)
    assert Revision.objects.count() == 3
    write(world, "class-teacher", "works", "Four", base=1)
    assert Revision.objects.get(number=4).text == "Four"
    with pytest.raises(EviError):
        versions.restore(visit, amir, 2, base=3)
    with pytest.raises(EviError):
        versions.restore(visit, amir, 9)


def test_nobody_takes_back_what_others_wrote(world):
    amir = world.children["amir"]
    write(world, "senco", "home", "Lives with mum.")
    write(world, "parent", "home", "And gran.", voice="parent")
    write(world, "senco", "home", "Lives with mum and gran.")
    done = versions.restore(world.visit("senco"), amir, 1)
    assert [place.voice for place in done.kept] == ["parent"]
    texts = [row.text for row in standing(world.visit("senco"), amir, ["home"])["home"]]
    assert texts == ["And gran.", "Lives with mum."]
    with pytest.raises(EviError):
        versions.restore(world.visit("class-teacher"), amir, 1)


@pytest.mark.django_db
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["works", "home", "hopes"]), TEXT, st.integers(0, 9)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=12, deadline=None)
def test_laws_of_versions(steps):
    """Nothing is ever deleted or changed; restoring n and comparing with n shows nothing."""
    with transaction.atomic():
        world = _small_world()
        amir, visit = world.children["amir"], world.visit("senco")
        seen: dict[int, str] = {}
        for section, text, back in steps:
            passport = Passport.objects.filter(child=amir).first()
            if back >= 7 and passport and passport.version > 1:
                number = back % passport.version + 1
                if versions.compare(visit, amir, number, passport.version):
                    done = versions.restore(visit, amir, number)
                    assert versions.compare(visit, amir, number, done.passport.version) == []
            else:
                contribute(visit, amir, section, "practitioner", text)
            now = {row.pk: row.text for row in Revision.objects.all()}
            assert seen.items() <= now.items()
            seen = now
            newest = PassportVersion.objects.order_by("-number").first()
            places = Contribution.objects.filter(standing__isnull=False)
            assert {str(row.pk): row.standing_id for row in places} == newest.stands
            numbers = list(PassportVersion.objects.values_list("number", flat=True))
            assert numbers == list(range(1, len(numbers) + 1))
        transaction.set_rollback(True)


def _small_world() -> Any:
    return conftest.world.__wrapped__(None)


@given(before=TEXT, after=TEXT)
def test_a_difference_is_both_texts_in_pieces(before, after):
    found = difference(before, after)
    assert "".join(piece.text for piece in found.before) == before
    assert "".join(piece.text for piece in found.after) == after
    assert found.any == (before != after)
    same = ["".join(p.text for p in side if p.kind == SAME) for side in (found.before, found.after)]
    assert same[0] == same[1]


@given(base=TEXT, mine=TEXT)
def test_merging_with_no_change_gives_the_change(base, mine):
    assert merged(base, mine, base) == merged(base, base, mine) == merged(base, mine, mine) == mine


def test_changes_in_two_places_merge_and_in_one_do_not():
    base = "Likes trains. Sleeps well. Eats little."
    assert merged(base, base.replace("trains", "buses"), base.replace("little", "more")) == (
        "Likes buses. Sleeps well. Eats more."
    )
    assert merged(base, base.replace("trains", "buses"), base.replace("trains", "boats")) is None


def test_long_and_hostile_texts_are_compared_in_time():
    assert difference("a b " * 5_000, "b a " * 5_000).any
    assert difference("word " * 4_000, "word " * 3_999 + "end").any


@pytest.mark.both_databases
def test_eight_writers_at_once_lose_nothing(tmp_path):
    """Each begins from an empty page; whoever is late is told, adds to what stands, and writes again."""
    said = trial(tmp_path, 8)
    assert said["codes"] == [0] * 8
    assert said["revisions"] == said["versions"] == list(range(1, 9))
    assert said["last"] == [f"[{number}]" for number in range(8)]
    assert said["told"]
    assert said["ledger"] == 8


def trial(folder: Path, writers: int) -> dict[str, Any]:
    """What `passport_trial` saw, in a database of its own."""
    address = os.environ.get("EVI_CARE_DATABASE", "")
    if address:
        with psycopg.connect(address, autocommit=True) as session:
            session.execute("CREATE DATABASE passport_trial")
        address = address.rsplit("/", 1)[0] + "/passport_trial"
    places = {"EVI_CARE_HOME": str(folder), "EVI_CARE_DATABASE": address}
    done = subprocess.run(
        [sys.executable, "-m", "tests.care.passport_trial", str(writers)],
        env=os.environ | places | {"DJANGO_SETTINGS_MODULE": "tests.care.settings"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_contributions_names_every_section_of_the_vocabulary():
    assert set(contributions.sections()) == set(parts().sections)
