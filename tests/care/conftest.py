"""A small made-up world for tests of the application: two schools and the services round a few children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.assets_build import build_assets
from evi.care.children.models import Child, LocalRecord, Tie
from evi.care.door.middleware import ACTING_AS
from evi.care.door.rules import install_examples
from evi.care.door.visit import Visit
from tests.care.flushing import flush_takes_the_ledger_too  # noqa: F401 - a fixture

ORGANISATIONS = {
    "hill-school": ("Hill Primary School", "school"),
    "lake-school": ("Lake Academy", "school"),
    "little-oaks": ("Little Oaks Nursery", "nursery"),
    "health-visiting": ("Health visiting service", "health-visiting"),
    "maternity": ("Maternity service", "maternity"),
    "camhs": ("Child and adolescent mental health service", "camhs"),
    "social-care": ("Children's social care", "social-care"),
    "police": ("Police", "police"),
    "families": ("Families", "family"),
    "partnership": ("Safeguarding partnership", "partnership"),
}

PEOPLE = {
    "senco": ("Sana Mahmood", "senco", "hill-school"),
    "class-teacher": ("Tom Reed", "class-teacher", "hill-school"),
    "other-senco": ("Olive Grant", "senco", "lake-school"),
    "nursery-worker": ("Nia Hope", "nursery-worker", "little-oaks"),
    "health-visitor": ("Hana Vale", "health-visitor", "health-visiting"),
    "midwife": ("Mina Shaw", "midwife", "maternity"),
    "camhs-clinician": ("Cora Lind", "camhs-clinician", "camhs"),
    "social-worker": ("Sol Wright", "social-worker", "social-care"),
    "police-officer": ("Pat Oduya", "police-officer", "police"),
    "parent": ("Parveen Iqbal", "parent", "families"),
    "other-parent": ("Otto Iqbal", "parent", "families"),
    "data-guardian": ("Dee Guard", "data-guardian", "partnership"),
    "partnership-manager": ("Pam Lead", "partnership-manager", "partnership"),
    "administrator": ("Ade Min", "administrator", "hill-school"),
}
"""Key: name, role, organisation."""


@dataclass
class World:
    """What the fixture made, by key."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    members: dict[str, Membership] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)

    def visit(self, key: str, day: date | None = None) -> Visit:
        """A visit by one of the people."""
        return Visit.of(self.members[key], day)

    def tie(self, child: str, kind: str, organisation: str, **more: Any) -> Tie:
        """Tie a child to somebody from the start of 2020 on."""
        return Tie.objects.create(
            child=self.children[child],
            kind=kind,
            organisation=self.organisations[organisation],
            **{"since": date(2020, 1, 1), **more},
        )


@pytest.fixture(scope="session", autouse=True)
def assets() -> Path:
    """The style sheets, scripts and translations, built once for all test runs of this version."""
    return build_assets()


@pytest.fixture
def world(db: None) -> World:
    """Organisations, people of every role, and three children.

    `amir` is on the roll of Hill School, taught in class 1A by Tom Reed, on the caseload of the health
    visitor, and the child of Parveen Iqbal; `bea` is at Lake Academy and known to social care; `cy` is at
    Hill School in another class.
    """
    install_examples()
    made = World()
    for code, (name, kind) in ORGANISATIONS.items():
        made.organisations[code] = Organisation.objects.create(code=code, name=name, kind=kind)
    for name in ("1A", "1B"):
        made.teams[name] = Team.objects.create(organisation=made.organisations["hill-school"], name=name)
    for key, (name, role, organisation) in PEOPLE.items():
        user = User.objects.create(email=f"{key}@example.org", name=name)
        made.members[key] = Membership.objects.create(
            user=user, role=role, organisation=made.organisations[organisation], since=date(2020, 1, 1)
        )
    made.members["class-teacher"].teams.add(made.teams["1A"])
    for key, given, family in (
        ("amir", "Amir", "Iqbal"),
        ("bea", "Bea", "Stone"),
        ("cy", "Cy", "Marsh"),
    ):
        made.children[key] = Child.objects.create(
            given_name=given, family_name=family, birth_date=date(2020, 3, 9), postcode="BD1 1AA", sex="M"
        )
    made.tie("amir", "on-roll", "hill-school")
    made.tie("amir", "teaches", "hill-school", team=made.teams["1A"])
    made.tie("amir", "on-caseload", "health-visiting")
    made.tie("amir", "parent-of", "families", user=made.members["parent"].user)
    made.tie("bea", "on-roll", "lake-school")
    made.tie("bea", "on-caseload", "social-care")
    made.tie("cy", "on-roll", "hill-school")
    made.tie("cy", "teaches", "hill-school", team=made.teams["1B"])
    for child, organisation, feed in (
        ("amir", "hill-school", "school_census"),
        ("amir", "health-visiting", "csds_persons"),
        ("bea", "lake-school", "school_census"),
        ("cy", "hill-school", "school_census"),
    ):
        LocalRecord.objects.create(
            child=made.children[child],
            organisation=made.organisations[organisation],
            feed=feed,
            code=f"{feed}-{child}",
        )
    return made


@pytest.fixture
def as_role(world: World) -> Callable[[str], Client]:
    """A client signed in as one of `PEOPLE`."""

    def signed_in(key: str) -> Client:
        client = Client()
        membership = world.members[key]
        client.force_login(membership.user, backend="evi.care.accounts.backend.Backend")
        session = client.session
        session[ACTING_AS] = membership.pk
        session.save()
        return client

    return signed_in
