"""A list and a decision never disagree: on random worlds of children, people, ties and wishes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

import pytest
from django.db.models import Q
from django.utils import timezone

from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.children.models import Child, Tie, Wish, Withheld
from evi.care.door import querying
from evi.care.door.querying import Facts, facts, to_q
from evi.sharing.agreements import EXAMPLES
from evi.sharing.decisions import Actor, Door, Request
from evi.sharing.residual import residual_of
from evi.sharing.vocabulary import vocabulary

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

DAY = date(2026, 11, 26)
CHILDREN = 45
PEOPLE = (
    ("senco", "hill", "1A"), ("class-teacher", "hill", "1B"), ("head-teacher", "lake", ""),
    ("health-visitor", "visitors", "north"), ("camhs-clinician", "camhs", ""),
    ("social-worker", "care", "duty"), ("key-worker", "club", ""),
    ("parent", "families", ""), ("data-guardian", "board", ""),
)  # fmt: skip
KINDS = {
    "hill": "school", "lake": "school", "visitors": "health-visiting", "camhs": "camhs",
    "care": "social-care", "club": "voluntary", "families": "family", "board": "partnership",
}  # fmt: skip
TEAMS = {"1A": "hill", "1B": "hill", "north": "visitors", "duty": "care"}
ASKED = tuple(
    product(
        ("view", "contribute"),
        (
            "identity",
            "contact",
            "passport.health",
            "plan",
            "chronology.health",
            "chronology.police",
            "finding",
        ),
        ("", "safeguarding", "emergency"),
    )
)


@pytest.fixture(scope="module")
def door() -> Door:
    return Door.open([EXAMPLES])


def make_world(seed: int) -> list[Membership]:
    """Children with random ties, wishes and withheld items; many over, not begun, or somebody else's."""
    rng = random.Random(seed)
    there = {
        code: Organisation.objects.create(code=code, name=code, kind=kind) for code, kind in KINDS.items()
    }
    teams = {name: Team.objects.create(organisation=there[code], name=name) for name, code in TEAMS.items()}
    members = []
    for number, (role, code, team) in enumerate(PEOPLE):
        user = User.objects.create(email=f"{number}@example.org", name=role)
        member = Membership.objects.create(user=user, role=role, organisation=there[code], since=DAY)
        member.teams.add(*[teams[team]] if team else [])
        members.append(member)
    users, kinds = [member.user for member in members], list(vocabulary().relationships)
    items, names = (
        list(vocabulary().items),
        ["all", "school-family", "school-health", "early-help", "governance"],
    )

    def days() -> dict[str, date | None]:
        since = DAY + timedelta(days=rng.choice((-90, -30, -1, 0, 0, 1)))
        until = rng.choice((None, None, DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)))
        return {"since": since, "until": until}

    children = Child.objects.bulk_create(
        Child(
            given_name="A",
            family_name="B",
            birth_date=date(2020, 1, 1),
            moved_out_on=rng.choice(
                (None, None, None, DAY - timedelta(days=1), DAY, DAY + timedelta(days=1))
            ),
        )
        for _ in range(CHILDREN)
    )
    ties = []
    for child in children:
        for _ in range(rng.randint(0, 6)):
            code = rng.choice(list(there))
            own = [team for name, team in teams.items() if TEAMS[name] == code]
            team = rng.choice([None, *own])
            user = rng.choice((None, rng.choice(users)))
            kind = rng.choice(kinds)
            shared = rng.sample(items, 3) if kind == "shared-with" else []
            ties.append(
                Tie(
                    child=child,
                    organisation=there[code],
                    team=team,
                    user=user,
                    kind=kind,
                    items=shared,
                    **days(),
                )
            )
    Tie.objects.bulk_create(ties)
    Wish.objects.bulk_create(
        Wish(
            child=child,
            kind=rng.choice(("consent", "objection", "opt-out")),
            about=rng.choice(names),
            said_by="parent",
            **days(),
        )
        for child in children
        for _ in range(rng.randint(0, 2))
    )
    Withheld.objects.bulk_create(
        Withheld(child=child, user=rng.choice(users), items=rng.sample(items, 8), **days())
        for child in children
        for _ in range(rng.randint(0, 3))
    )
    opted, kept = Child.objects.bulk_create(
        Child(given_name="C", family_name="D", birth_date=date(2021, 1, 1)) for _ in range(2)
    )
    for child in (opted, kept):
        Tie.objects.create(child=child, organisation=there["hill"], kind="on-roll", since=DAY)
    Wish.objects.create(child=opted, kind="opt-out", said_by="parent", since=DAY)
    Withheld.objects.create(child=kept, user=users[0], items=["contact", "plan"], since=DAY)
    return members


def questions(members: list[Membership]) -> Iterator[tuple[Membership, Actor, str, str, str]]:
    for member in members:
        actor = Actor(member.role, member.organisation.code, member.organisation.kind)
        usual = vocabulary().roles[member.role].purpose
        for action, item, purpose in ASKED:
            if purpose != "emergency" or action == "view":
                yield member, actor, action, item, purpose or usual


def listed(q: Q) -> set[int]:
    return set(Child.objects.filter(q).values_list("pk", flat=True))


def decided(
    door: Door, known: dict[int, Facts], actor: Actor, action: str, item: str, purpose: str
) -> set[int]:
    asked = {pk: Request(actor, action, item, purpose, DAY, **vars(each)) for pk, each in known.items()}
    return {pk for pk, request in asked.items() if door.permitting(request)}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_query_and_the_engine_never_disagree(door: Door, seed: int) -> None:
    members = make_world(seed)
    children = list(Child.objects.all())
    known = {member.pk: facts(member, children, DAY) for member in members}
    permitted = 0
    for member, actor, action, item, purpose in questions(members):
        left = door.residual(actor, action, item, purpose, DAY)
        wanted = decided(door, known[member.pk], actor, action, item, purpose)
        assert listed(to_q(left, member, DAY, item)) == wanted, (actor, action, item, purpose)
        permitted += 0 < len(wanted) < len(children)
    assert permitted > 30, "the world must be one in which the questions have different answers"


def test_a_wrong_compiler_is_caught(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chained conditions, forgotten days, forgotten wishes: each lets somebody in, and this test sees it."""
    members = make_world(3)
    children = list(Child.objects.all())
    known = {member.pk: facts(member, children, DAY) for member in members}
    cases = [
        (member, left, item, decided(door, known[member.pk], actor, action, item, purpose))
        for member, actor, action, item, purpose in questions(members)
        if (left := door.residual(actor, action, item, purpose, DAY))
        and action == "view"
        and purpose != "emergency"
    ]

    def wrong() -> int:
        return sum(listed(to_q(left, member, DAY, item)) != wanted for member, left, item, wanted in cases)

    assert wrong() == 0
    with monkeypatch.context() as patch:
        patch.setattr(querying, "held_by", lambda member: Q(organisation=member.organisation_id))
        assert wrong() > 0, "a tie of a colleague is not one's own"
    with monkeypatch.context() as patch:
        patch.setattr(type(Tie.objects.all()), "live", lambda self, day=None: self.filter(since__lte=day))
        assert wrong() > 0, "what has ended has ended"
    with monkeypatch.context() as patch:
        patch.setattr(querying, "OPT_OUT", "nothing")
        assert wrong() > 0, "the opt-out counts"
    parsed = residual_of(door.policies.replace("context.withheld.contains(resource)", "1 == 2"))
    lefts = [
        (
            member,
            parsed.left(actor.role, actor.kind, actor.organisation, action, item, purpose, 20261126),
            item,
        )
        for member, actor, action, item, purpose in questions(members)
        if action == "view" and purpose != "emergency"
    ]
    found = [listed(to_q(left, member, DAY, item)) for member, left, item in lefts]
    assert found != [wanted for *_, wanted in cases], "what is withheld is withheld"


def test_chained_filters_would_let_an_ended_tie_in(door: Door) -> None:
    """The trap itself: one's own ended tie and another's live one on the same child."""
    mine, other = make_world(4)[:2]
    child = Child.objects.create(given_name="C", family_name="D", birth_date=date(2021, 1, 1))
    over = DAY - timedelta(days=1)
    for member, until in ((mine, over), (other, None)):
        Tie.objects.create(
            child=child, organisation=member.organisation, user=member.user, kind="on-roll",
            since=date(2024, 1, 1), until=until,
        )  # fmt: skip
    chained = Child.objects.filter(ties__user=mine.user, ties__kind="on-roll").filter(
        ties__until__isnull=True
    )
    assert child in chained
    actor = Actor(mine.role, mine.organisation.code, mine.organisation.kind)
    left = door.residual(actor, "view", "plan", "direct-support", DAY)
    assert child.pk not in listed(to_q(left, mine, DAY, "plan"))
    assert child.pk in listed(to_q(left, mine, over - timedelta(days=1), "plan"))


def test_a_person_who_changes_organisation_leaves_ties_behind(door: Door) -> None:
    hill, lake = make_world(5)[0], Organisation.objects.get(code="lake")
    child = Child.objects.create(given_name="C", family_name="D", birth_date=date(2021, 1, 1))
    Tie.objects.create(
        child=child, organisation=hill.organisation, user=hill.user, kind="in-circle", since=DAY
    )
    moved = Membership.objects.create(user=hill.user, role="senco", organisation=lake, since=DAY)
    assert facts(hill, [child], DAY)[child.pk].ties == {"in-circle"}
    assert facts(moved, [child], DAY)[child.pk].ties == set()


def test_facts_are_one_query_for_any_number(door: Door, django_assert_num_queries) -> None:
    member = make_world(6)[0]
    children = list(Child.objects.all())
    with django_assert_num_queries(1):
        found = facts(member, children, DAY)
    assert len(found) == len(children)
    with django_assert_num_queries(0):
        assert facts(member, [], timezone.localdate()) == {}


def test_a_list_is_one_query(door: Door, django_assert_num_queries) -> None:
    member = make_world(7)[0]
    left = door.residual(Actor("senco", "hill", "school"), "view", "identity", "direct-support", DAY)
    with django_assert_num_queries(1):
        assert listed(to_q(left, member, DAY, "identity"))
