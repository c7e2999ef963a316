"""Passports of a made-up district, written without asking: only for demonstrations and tests.

Nothing here goes through the door or into the ledger, so it must never run where real children are; the
loader that calls it holds that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.passports.contributions import place_of, voice_of
from evi.care.passports.models import CONSENT, Contribution, Passport, PassportVersion, Revision
from evi.care.passports.parts import chosen_pictures
from evi.care.passports.writing import stands_now
from evi.care.text import clean_text


@dataclass(frozen=True)
class Line:
    """One thing that somebody wrote: as in `contribute`, by a member, at a time (now)."""

    by: Membership
    section: str
    voice: str
    text: str
    nature: str = ""
    pictures: tuple[str, ...] = ()
    written_at: datetime | None = None


@transaction.atomic
def seed(
    child: Child, lines: Iterable[Line], agreement: str = "school-family", basis: str = CONSENT
) -> Passport:
    """A child's passport with these lines, each a revision and a version, in order.

    Raises:
        EviError: a line has a section, voice or picture that there isn't.
    """
    lines = list(lines)
    first = lines[0] if lines else None
    passport, _made = Passport.objects.get_or_create(
        child=child,
        defaults={
            "basis": basis,
            "agreement": agreement,
            "begun_at": (first.written_at if first else None) or timezone.now(),
            "begun_by": first.by.user if first else None,
            "begun_role": first.by.role if first else "",
        },
    )
    stands, versions = stands_now(passport), []
    for line in lines:
        revision = _revision(passport, line)
        stands[str(revision.contribution_id)] = revision.pk
        passport.version += 1
        versions.append(_version(passport, line, stands, revision))
    PassportVersion.objects.bulk_create(versions)
    passport.save(update_fields=["version"])
    return passport


def _revision(passport: Passport, line: Line) -> Revision:
    visit = Visit.of(line.by)
    taken_down = line.voice != voice_of(visit)
    place = place_of(visit, line.section, line.voice, line.nature, taken_down)
    contribution, _made = Contribution.objects.get_or_create(
        passport=passport,
        section=place.section,
        voice=place.voice,
        nature=place.nature,
        holder=place.holder,
    )
    number = contribution.revisions.count()
    contribution.standing = Revision.objects.create(
        contribution=contribution,
        number=number + 1,
        text=clean_text(line.text),
        pictures=list(chosen_pictures(line.section, line.pictures)),
        author=line.by.user,
        author_name=line.by.user.name,
        author_role=line.by.role,
        organisation=line.by.organisation,
        taken_down=taken_down,
        began_from=number,
        written_at=line.written_at or timezone.now(),
    )
    contribution.save(update_fields=["standing"])
    return contribution.standing


def _version(passport: Passport, line: Line, stands: dict[str, int], revision: Revision) -> PassportVersion:
    return PassportVersion(
        passport=passport,
        number=passport.version,
        stands=dict(stands),
        sections=[line.section],
        made_by=line.by.user,
        made_by_name=line.by.user.name,
        made_by_role=line.by.role,
        made_at=revision.written_at,
    )
