"""A care folder for browser tests, made by a process of its own: `python -m tests.care.browser.place FOLDER`.

The small world of `tests.care.conftest` with one of everything about Amir, and Dua, whose story is told in
`test_story`: she is on the roll of Hill School, taught in class 1A, and the child of Parveen Iqbal. A
release of one finding about her lies ready to be taken in. What a test must know is printed as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

RELEASE = "first-weeks"
PASSWORD = "bright-larch-morning-walk"
REASON = "The total of the 17 early learning goals is 21"
RELEASED = date(2026, 9, 1)
HOME, SETTINGS = "EVI_CARE_HOME", "evi.care.settings"


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of everything that runs in this care folder."""
    return {**os.environ, HOME: str(folder), "EVI_CARE_DEMO": "1", "DJANGO_SETTINGS_MODULE": SETTINGS}


def make(folder: Path) -> dict[str, Any]:
    """Tables, people, children and the release; gives sessions by person and public ids."""
    from django.core.management import call_command
    from django.db import transaction

    from evi.care.assets_build import build_assets
    from tests.care import conftest, everything

    build_assets()
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        world = conftest.world.__wrapped__(None)
        _dua(world)
        samples = everything.make(world)
        senco = world.members["senco"].user
        senco.set_password(PASSWORD)
        senco.save()
        sessions = {key: _session(world.members[key]) for key in conftest.PEOPLE}
    district = folder / "district"
    district.mkdir()
    (district / "district.toml").write_text('[district]\nname = "Made up"\nsynthetic = true\n')
    _release(folder / "releases")
    return {
        "sessions": sessions,
        "samples": samples,
        "dua": world.children["dua"].public_id,
        "release": str(folder / "releases" / RELEASE),
    }


def _dua(world: Any) -> None:
    from evi.care.children.models import Child, Entry, LocalRecord
    from evi.care.tour.models import Story

    child = Child.objects.create(
        given_name="Dua", family_name="Iqbal", birth_date=date(2016, 3, 9), postcode="BD1 1AA", sex="F"
    )
    world.children["dua"] = child
    world.tie("dua", "on-roll", "hill-school")
    world.tie("dua", "teaches", "hill-school", team=world.teams["1A"])
    world.tie("dua", "parent-of", "families", user=world.members["parent"].user)
    hill, health = world.organisations["hill-school"], world.organisations["health-visiting"]
    Story.objects.create(child=child, school=hill, next_school=world.organisations["lake-school"])
    LocalRecord.objects.create(child=child, organisation=hill, feed="school_census", code="school_census-dua")
    for item, source, title in (
        ("chronology.education", hill, "Joined Hill Primary School"),
        ("chronology.health", health, "Two-year review"),
    ):
        Entry.objects.create(
            child=child, item=item, nature="fact", happened_on=date(2020, 9, 1), title=title, source=source
        )


def _session(membership: Any) -> str:
    """The session of somebody who has signed in, for its cookie."""
    from django.test import Client

    from evi.care.door.middleware import ACTING_AS

    client = Client()
    client.force_login(membership.user, backend="evi.care.accounts.backend.Backend")
    session = client.session
    session[ACTING_AS] = membership.pk
    session.save()
    return str(session.session_key)


def _release(folder: Path) -> None:
    """What the hub releases to Hill School about Dua, and to another school that has no such child."""
    from evi.sharing.agreements import EXAMPLES
    from evi.sharing.chain import Chain
    from evi.sharing.decisions import Door
    from evi.sharing.packages import write_release
    from evi.sharing.release import Case, Cohort, Reason, Recipient, plan_release

    cohort = Cohort(
        "autism-2026", "Has anyone looked?", ("autism v1",), "run-1", RELEASED, ("It is no diagnosis.",)
    )
    case = Case(
        (Reason(REASON, ("chronology.education",)),),
        {"hill-school": (("school_census", "school_census-dua"),)},
        next_step="Talk with the family",
    )
    schools = (
        Recipient("hill-school", "school", "Hill Primary School"),
        Recipient("lake-school", "school", "Lake Academy"),
    )
    plan = plan_release(Door.open([EXAMPLES]), "casefinding-release", cohort, [case], schools, RELEASED)
    ledger = Chain(folder.parent / "releases.jsonl")
    write_release(plan, RELEASE, folder, ledger, datetime(2026, 9, 1, 8, tzinfo=UTC))


if __name__ == "__main__":
    import django

    django.setup()
    sys.stdout.write(json.dumps(make(Path(sys.argv[1])), default=str))
