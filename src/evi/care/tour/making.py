"""Make the demonstration: sign-ins and one child's story. Only where every person is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.children.models import Child, LocalRecord, Tie, Withheld
from evi.care.circles.rules import keep_in_step
from evi.care.findings.models import Finding
from evi.care.publicid import new_public_id
from evi.care.tour.models import Story
from evi.workspace import District, EviError
from evi.workspace.declared import read_yaml

HERE = Path(__file__).parent
ADDRESS = "{key}@example.org"
"""Addresses of example.org, which reach nobody (RFC 2606)."""
WITHHELD = ["contact"]
LATER = ("health-visiting", "camhs", "social-care")
"""Services whose people are tied to the story's child by what happens in it, or not at all."""
SEVEN = ("senco", "teacher", "health-visitor", "camhs", "social-worker", "parent", "guardian")


@dataclass(frozen=True)
class SignIn:
    """One of the people who can sign in."""

    key: str
    name: str
    title: str
    email: str
    organisation: str


@dataclass(frozen=True)
class Demonstration:
    """What was made: who can sign in, the one password of all, and the story."""

    sign_ins: tuple[SignIn, ...]
    password: str
    story: Story

    @property
    def seven(self) -> tuple[SignIn, ...]:
        """The seven of the first page."""
        return tuple(each for each in self.sign_ins if each.key in SEVEN)


def make_demonstration(district: District) -> Demonstration:
    """Make the people, with a new password, and the story if there is none yet.

    Raises:
        EviError: the district is not synthetic, or no finding was released to a school with somewhere to go.
    """
    if not district.config.synthetic:
        raise EviError(
            "sign-ins with one password are for made-up districts alone.",
            where=str(district.root),
            do="Invite people by `evi care invite`; see docs/care-demo.md.",
            exit_code=2,
        )
    with transaction.atomic():
        _name_places()
        story = Story.objects.first() or _story()
        password = f"demo-{new_public_id()}"
        members = _people(story, password)
        _tie(story, members)
    people = read_yaml(HERE / "people.yaml")
    sign_ins = tuple(
        SignIn(
            key,
            members[key].user.name,
            each["title"],
            members[key].user.email,
            members[key].organisation.name,
        )
        for key, each in people.items()
    )
    return Demonstration(sign_ins, password, story)


def _name_places() -> None:
    """Names for schools that only have a number, and organisations that no extract has."""
    words = read_yaml(HERE / "names.yaml")
    for code, said in words["organisations"].items():
        Organisation.objects.get_or_create(code=code, defaults=dict(said))
    rest = {kind: list(words[kind]) for kind in ("primary", "secondary", "special")}
    for school in Organisation.objects.filter(kind="school").order_by("code").prefetch_related("teams"):
        teams = {team.name for team in school.teams.all()}
        both = {"Year 3", "Year 9"} <= teams
        kind = "special" if both else "secondary" if "Year 9" in teams else "primary"
        if school.name == f"School {school.code}" and rest[kind]:
            school.name = rest[kind].pop(0)
            school.save(update_fields=["name"])


def _story() -> Story:
    """A child of a released finding whom several services know, on nobody's caseload who comes in later."""
    findings = Finding.objects.filter(
        release__organisation__kind="school", release__retracted_at=None
    ).select_related("child", "release__organisation")
    feeds: dict[int, set[str]] = {}
    for child, feed in LocalRecord.objects.filter(child__in=findings.values("child")).values_list(
        "child", "feed"
    ):
        feeds.setdefault(child, set()).add(feed)
    tied = set(Tie.objects.live().filter(kind="teaches").values_list("child", flat=True))
    cases = set(
        Tie.objects.live()
        .filter(kind="on-caseload", organisation__code__in=LATER)
        .values_list("child", flat=True)
    )
    choices = [each for each in findings if each.child_id in tied - cases and not _is_special(each)]
    if not choices:
        raise EviError(
            "no finding was released to a school, so there is no story to tell.",
            do="Make a larger district: `evi demo --people 20000`.",
            exit_code=2,
        )
    best = max(choices, key=lambda each: (len(feeds.get(each.child_id, ())), -each.child_id))
    school = best.release.organisation
    later = Organisation.objects.filter(kind="school", teams__name="Year 9").exclude(teams__name="Year 3")
    others = Organisation.objects.filter(kind="school").exclude(pk=school.pk).order_by("code")
    following = later.exclude(pk=school.pk).order_by("code").first() or others.first()
    if following is None:
        raise EviError("there is one school only, so nobody can move on.", do="Make a larger district.")
    return Story.objects.create(child=best.child, school=school, next_school=following)


def name_of(name: str, story: Story) -> str:
    """A person's name, with the family name of the story's child where it belongs."""
    return name.replace("{family}", story.child.family_name)


def _is_special(finding: Finding) -> bool:
    names = set(finding.release.organisation.teams.values_list("name", flat=True))
    return {"Year 3", "Year 9"} <= names


def _people(story: Story, password: str) -> dict[str, Membership]:
    members = {}
    places = {"school": story.school, "next-school": story.next_school}
    for key, said in read_yaml(HERE / "people.yaml").items():
        organisation = places.get(said["at"]) or Organisation.objects.get(code=said["at"])
        user = User.objects.filter(email=ADDRESS.format(key=key)).first()
        user = user or User(email=ADDRESS.format(key=key))
        user.name = name_of(said["name"], story)
        user.set_password(password)
        user.save()
        members[key], _made = Membership.objects.get_or_create(
            user=user,
            organisation=organisation,
            role=said["role"],
            defaults={"since": timezone.localdate() - timedelta(days=365)},
        )
    return members


def _tie(story: Story, members: Mapping[str, Membership]) -> None:
    """The teacher to the child's class; both parents to the child, one of whom may not know the address."""
    child: Child = story.child
    classes = Team.objects.filter(tie__child=child, tie__kind="teaches", organisation=story.school)
    members["teacher"].teams.set(classes)
    for key in ("parent", "other-parent"):
        _once(child, members[key])
    keep_in_step([child])
    Withheld.objects.get_or_create(
        child=child,
        user=members["other-parent"].user,
        defaults={"items": WITHHELD, "why": "A court order, in this made-up story"},
    )


def _once(child: Child, member: Membership) -> None:
    said: dict[str, Any] = {"child": child, "kind": "parent-of", "user": member.user}
    Tie.objects.get_or_create(
        **said, organisation=member.organisation, defaults={"since": child.birth_date or timezone.localdate()}
    )
