"""How far the tour has come: each step is taken when the application itself shows it, and never by a tick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Q
from django.urls import reverse

from evi.care.accounts.models import User
from evi.care.children.models import Wish
from evi.care.circles.models import Joining
from evi.care.door.models import AccessEntry, Blockage, BreakGlass
from evi.care.findings.models import Finding
from evi.care.passports.models import Pack, Passport, Revision
from evi.care.support.models import Plan, Review
from evi.care.tour.making import ADDRESS, HERE, name_of
from evi.care.tour.models import Story
from evi.workspace.declared import read_yaml

STEPS: Path = HERE / "steps.yaml"


@dataclass(frozen=True)
class Step:
    """One step: who takes it, what to do, where, and whether it was taken."""

    number: int
    title: str
    text: str
    name: str
    role: str
    email: str
    url: str
    done: bool


def steps(story: Story) -> list[Step]:
    """The tour of a story, with what was taken."""
    people = read_yaml(HERE / "people.yaml")
    made = []
    for number, row in enumerate(read_yaml(STEPS), 1):
        who = people[row["who"]]
        page, *takes = row["page"]
        url = reverse(page, args=[story.child.public_id for _each in takes])
        email = ADDRESS.format(key=row["who"])
        done = DONE[row["done"]](story)
        made.append(
            Step(
                number,
                row["title"],
                " ".join(row["text"].split()),
                name_of(who["name"], story),
                who["title"],
                email,
                url,
                done,
            )
        )
    return made


def _user(key: str) -> User | None:
    return User.objects.filter(email=ADDRESS.format(key=key)).first()


def _entries(key: str, **only: object) -> bool:
    user = _user(key)
    return user is not None and AccessEntry.objects.filter(actor=user.public_id, **only).exists()


def _wrote(story: Story, key: str) -> bool:
    return Revision.objects.filter(
        contribution__passport__child=story.child, author__email=ADDRESS.format(key=key)
    ).exists()


def _looked_at_list(story: Story) -> bool:
    mine = AccessEntry.objects.filter(child=story.child.public_id, action="view")
    user = _user("parent")
    return user is not None and any(
        "access-list" in row for row in mine.filter(actor=user.public_id).values_list("permitted", flat=True)
    )


DONE: Mapping[str, Callable[[Story], bool]] = {
    "looked": lambda s: (
        Finding.objects.filter(child=s.child, release__organisation=s.school).exclude(outcome="").exists()
    ),
    "searched": lambda s: _entries("next-senco", action="search"),
    "consented": lambda s: Wish.objects.live().filter(child=s.child, kind="consent").exists(),
    "begun": lambda s: Passport.objects.filter(child=s.child).exists() and _wrote(s, "teacher"),
    "parent-wrote": lambda s: _wrote(s, "parent"),
    "invited": lambda s: Joining.objects.filter(
        child=s.child, membership__user__email=ADDRESS.format(key="health-visitor")
    ).exists(),
    "health-wrote": lambda s: _wrote(s, "health-visitor"),
    "planned": lambda s: Plan.objects.filter(child=s.child).exists(),
    "reviewed": lambda s: Review.objects.filter(plan__child=s.child).exists(),
    "raised": lambda s: Blockage.objects.filter(child=s.child).exists(),
    "decided": lambda s: Blockage.objects.filter(~Q(closed_how=""), child=s.child).exists(),
    "broke-glass": lambda s: BreakGlass.objects.filter(child=s.child).exists(),
    "camhs-searched": lambda s: _entries("camhs", action="search"),
    "other-parent-looked": lambda s: _entries("other-parent", child=s.child.public_id, action="view"),
    "sent": lambda s: Pack.objects.filter(child=s.child).exists(),
    "acknowledged": lambda s: Pack.objects.filter(child=s.child, acknowledged_at__isnull=False).exists(),
    "read-list": _looked_at_list,
}
"""What shows that a step was taken."""
