"""A made-up district for the load on the application: many children, few of them with much written of them.

Nothing of it comes from the synthetic district: what matters here is how many rows there are and who is tied
to whom. Names are drawn from short lists, so that a search has many who fit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count, cycle, islice

from django.db import transaction
from django.utils import timezone

from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.children.models import Child, Entry, IndexRow, Tie, set_name_keys
from evi.care.passports.models import Contribution, Passport, PassportVersion, Revision
from evi.care.support.models import Action, Need, Outcome, Plan

NOW = timezone.now()
TODAY, START = date.today(), date(2020, 1, 1)  # noqa: DTZ011 - the server's own day
GIVEN = [
    "Amir",
    "Zara",
    "Tom",
    "Lily",
    "Aisha",
    "Jakub",
    "Noah",
    "Maya",
    "Omar",
    "Eve",
    "Imran",
    "Sofia",
    "Daniel",
    "Hana",
    "Leo",
    "Ruby",
    "Adam",
    "Nadia",
]
FAMILY = [
    "Iqbal",
    "Smith",
    "Khan",
    "Nowak",
    "Hussain",
    "Jones",
    "Ahmed",
    "Brown",
    "Patel",
    "Taylor",
    "Ali",
    "Clark",
    "Begum",
    "Hall",
    "Shah",
    "Lewis",
]
ENDINGS = [
    "son",
    "ton",
    "well",
    "by",
    "ford",
    "ley",
    "worth",
    "man",
    "field",
    "wood",
    "dale",
    "ham",
    "more",
    "shaw",
    "kin",
    "ridge",
]
SECTIONS = ("about-me", "strengths", "communication", "sensory", "learning", "works")
SERVICES = {"health-visiting": "chronology.health", "social-care": "chronology.social-care"}
BATCH, PUPILS, CLASS = 2_000, 690, 30


@dataclass
class World:
    """What was made: people by role, to be drawn from."""

    members: dict[str, list[Membership]] = field(default_factory=dict)
    organisations: dict[str, Organisation] = field(default_factory=dict)
    classes: list[Team] = field(default_factory=list)


def make(children: int, users: int, seed: int = 1) -> World:
    """Fill an empty database."""
    draw = random.Random(seed)
    world = World()
    _organisations(world, children)
    _people(world, users)
    for first in range(0, children, BATCH):
        with transaction.atomic():
            made = _children(draw, min(BATCH, children - first))
            _ties(world, draw, made, first)
            _writings(world, draw, made)
    return world


def _organisations(world: World, children: int) -> None:
    named = [(f"school-{n}", f"School {n}", "school") for n in range(max(1, children // PUPILS))]
    named += [
        ("health-visiting", "Health visiting", "health-visiting"),
        ("camhs", "Mental health service", "camhs"),
        ("social-care", "Children's social care", "social-care"),
        ("families", "Families", "family"),
    ]
    made = Organisation.objects.bulk_create(Organisation(code=c, name=n, kind=k) for c, n, k in named)
    world.organisations = {each.code: each for each in made}
    schools = [each for each in made if each.kind == "school"]
    teams = [
        Team(organisation=school, name=f"Class {n}") for school in schools for n in range(PUPILS // CLASS)
    ]
    world.classes = Team.objects.bulk_create(teams)


def _people(world: World, users: int) -> None:
    roles = _roles(world)
    chosen = list(islice(roles, users))
    accounts = User.objects.bulk_create(
        (User(email=f"user{n}@example.org", name=f"Person {n}", password="!") for n in range(len(chosen))),
        batch_size=BATCH,
    )
    members = Membership.objects.bulk_create(
        (
            Membership(user=user, role=role, organisation=organisation, since=START)
            for user, (role, organisation, _team) in zip(accounts, chosen, strict=True)
        ),
        batch_size=BATCH,
    )
    through = Membership.teams.through
    through.objects.bulk_create(
        (
            through(membership_id=member.pk, team_id=team.pk)
            for member, (_role, _organisation, team) in zip(members, chosen, strict=True)
            if team is not None
        ),
        batch_size=BATCH,
    )
    for member in members:
        world.members.setdefault(member.role, []).append(member)


def _roles(world: World) -> Iterator[tuple[str, Organisation, Team | None]]:
    """For every class its teacher, for every school a SENCO, and people of the services between them."""
    others = cycle(
        [
            ("health-visitor", "health-visiting"),
            ("social-worker", "social-care"),
            ("camhs-clinician", "camhs"),
            ("parent", "families"),
        ]
    )
    of_school: dict[int, Organisation] = {each.pk: each for each in world.organisations.values()}
    for number, team in enumerate(world.classes):
        school = of_school[team.organisation_id]
        yield "class-teacher", school, team
        if number % (PUPILS // CLASS) == 0:
            yield "senco", school, None
        if number % 5 == 0:
            role, code = next(others)
            yield role, world.organisations[code], None


def _children(draw: random.Random, many: int) -> list[Child]:
    made = [
        Child(
            given_name=draw.choice(GIVEN),
            family_name=draw.choice(FAMILY) + (draw.choice(ENDINGS) if draw.random() < 0.7 else ""),
            birth_date=TODAY - timedelta(days=draw.randrange(18 * 365)),
            postcode="ZZ1 1ZZ",
            sex=draw.choice("FM"),
            nhs_number=f"999{draw.randrange(10**7):07d}",
        )
        for _ in range(many)
    ]
    for child in made:
        child.set_blinds()
    Child.objects.bulk_create(made, batch_size=BATCH)
    set_name_keys(made)
    return made


def _ties(world: World, draw: random.Random, children: list[Child], first: int) -> None:
    ties, parents = [], world.members.get("parent", [])
    for number, child in zip(count(first), children):
        team = world.classes[number // CLASS % len(world.classes)]
        school = team.organisation_id
        ties.append(Tie(child=child, kind="on-roll", organisation_id=school, since=START))
        ties.append(Tie(child=child, kind="teaches", organisation_id=school, team=team, since=START))
        if draw.random() < 0.25:
            ties.append(_with(child, "on-caseload", draw.choice(world.members["health-visitor"])))
        if draw.random() < 0.04:
            ties.append(_with(child, "on-caseload", draw.choice(world.members["social-worker"])))
        if draw.random() < 0.04:
            ties.append(_with(child, "on-caseload", draw.choice(world.members["camhs-clinician"])))
        if parents and draw.random() < 0.01:
            ties.append(_with(child, "parent-of", draw.choice(parents)))
    Tie.objects.bulk_create(ties, batch_size=BATCH)


def _with(child: Child, kind: str, member: Membership) -> Tie:
    return Tie(
        child=child, kind=kind, organisation_id=member.organisation_id, user_id=member.user_id, since=START
    )


def _writings(world: World, draw: random.Random, children: list[Child]) -> None:
    schools = [each for each in world.organisations.values() if each.kind == "school"]
    entries = []
    for child in children:
        for _ in range(draw.randrange(4, 12)):
            code = draw.choice([*SERVICES, "school"])
            source = draw.choice(schools) if code == "school" else world.organisations[code]
            days = draw.randrange(2_000)
            entries.append(
                Entry(
                    child=child,
                    item=SERVICES.get(code, "chronology.education"),
                    nature=draw.choice(("fact", "opinion")),
                    happened_on=TODAY - timedelta(days=days),
                    recorded_at=NOW - timedelta(days=days),
                    title="A visit, as noted",
                    source=source,
                    author_name="Person",
                    author_role="practitioner",
                )
            )
    Entry.objects.bulk_create(entries, batch_size=BATCH)
    writer = world.members["senco"][0]
    with_passport = [child for child in children if draw.random() < 0.1]
    _passports(with_passport, writer)
    _plans([child for child in with_passport if draw.random() < 0.5], writer)
    reasons = [
        {
            "indicator": "x",
            "title": "Speech below the expected level",
            "domain": "early-years",
            "since": "2026-07-01",
            "service": "school",
            "why": "An assessment at the end of Reception",
        }
    ]
    IndexRow.objects.bulk_create(
        (
            IndexRow(
                child=child,
                day=TODAY,
                band="some",
                n_present=1,
                n_assessable=40,
                run_id="load",
                reasons=reasons,
                domains=[],
                not_known=[],
            )
            for child in children
        ),
        batch_size=BATCH,
    )


def _passports(children: list[Child], writer: Membership) -> None:
    passports = Passport.objects.bulk_create(
        Passport(child=child, version=len(SECTIONS), begun_by=writer.user) for child in children
    )
    places = Contribution.objects.bulk_create(
        Contribution(
            passport=each,
            section=section,
            voice="practitioner",
            nature="fact",
            holder=f"org:{writer.organisation.code}",
        )
        for each in passports
        for section in SECTIONS
    )
    words = Revision.objects.bulk_create(
        Revision(
            contribution=place,
            number=1,
            text="Likes trains, and a quiet place after lunch. " * 4,
            author=writer.user,
            author_name="Person",
            author_role="SENCO",
            organisation=writer.organisation,
        )
        for place in places
    )
    stands: dict[int, dict[str, int]] = {}
    for place, revision in zip(places, words, strict=True):
        stands.setdefault(place.passport_id, {})[str(place.pk)] = revision.pk
    PassportVersion.objects.bulk_create(
        PassportVersion(
            passport=each,
            number=len(SECTIONS),
            stands=stands[each.pk],
            sections=list(SECTIONS),
            made_by=writer.user,
            made_by_name="Person",
            made_by_role="SENCO",
        )
        for each in passports
    )


def _plans(children: list[Child], writer: Membership) -> None:
    due = TODAY + timedelta(days=40)
    plans = Plan.objects.bulk_create(Plan(child=child, made_by=writer, review_due=due) for child in children)
    needs = Need.objects.bulk_create(
        Need(plan=plan, by=writer, area="communication", text="Finds it hard to follow spoken instructions")
        for plan in plans
    )
    goals = Outcome.objects.bulk_create(
        Outcome(
            plan=need.plan,
            need=need,
            by=writer,
            text="Follows two-step instructions",
            measure="Counted by the teacher in a week",
            target="8 of 10",
            by_when=due,
        )
        for need in needs
    )
    Action.objects.bulk_create(
        Action(
            plan=goal.plan,
            outcome=goal,
            by=writer,
            what="Picture cards with each instruction",
            who=writer,
            start=TODAY,
            until=due,
        )
        for goal in goals
    )
