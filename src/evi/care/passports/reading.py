"""The passport as one person may read it: the newest version, section by section, and what they saw last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.passports.contributions import PREFIX, revisions_of
from evi.care.passports.models import VOICES, Look, PassportVersion, Revision
from evi.care.passports.parts import Part, parts


@dataclass(frozen=True)
class Shown:
    """A section as the page shows it: what stands, and in which voices this person can add."""

    part: Part
    revisions: list[Revision]
    can_write: bool


def newest_version(child: Child, visit: Visit) -> PassportVersion | None:
    """The newest version with its passport, and `seen`: the version that this person saw last."""
    looks = Look.objects.filter(passport=OuterRef("passport"), user=visit.user)
    return (
        PassportVersion.objects.filter(passport__child=child)
        .select_related("passport")
        .annotate(seen=Subquery(looks.values("version")[:1]))
        .order_by("-number")
        .first()
    )


def decided(
    visit: Visit, child: Child, newest: PassportVersion | None
) -> tuple[list[Shown], dict[str, list[str]]]:
    """The sections that may be seen with what stands; titles of the others by the sentence that says why."""
    by_section: dict[str, list[Revision]] = defaultdict(list)
    shown: list[Shown] = []
    hidden: dict[str, list[str]] = defaultdict(list)
    allowed = []
    for part in parts().sections.values():
        decision = visit.may(child, "view", PREFIX + part.key)
        if decision.permitted:
            allowed.append(part)
        else:
            hidden[decision.sentence].append(_(part.title))
    if newest is not None and allowed:
        rows = revisions_of(newest).filter(contribution__section__in=[part.key for part in allowed])
        for row in rows:
            if row.text or row.pictures:
                by_section[row.section].append(row)
    for part in allowed:
        rows_of_part = sorted(
            by_section[part.key], key=lambda row: (VOICES.index(row.voice), row.nature, row.pk)
        )
        shown.append(Shown(part, rows_of_part, visit.can(child, "contribute", PREFIX + part.key)))
    return shown, dict(hidden)


def look(newest: PassportVersion, visit: Visit) -> None:
    """Remember what this person has seen, if it is new."""
    if getattr(newest, "seen", None) != newest.number:
        Look.objects.update_or_create(
            passport=newest.passport, user=visit.user, defaults={"version": newest.number}
        )
