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
from evi.care.passports.contributions import place_of, voice_of, writer_of
from evi.care.passports.models import CONSENT, Contribution, Passport, PassportVersion, Revision
from evi.care.passports.parts import chosen_pictures
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
    """A child's passport with these lines, each a revision and a version, in order; inserted in bulk.

    Raises:
        EviError: a line has a section, voice or picture that there isn't.
    """
    lines = list(lines)
    begun = (lines[0].written_at if lines else None) or timezone.now()
    passport, _made = Passport.objects.get_or_create(
        child=child,
        defaults={
            "basis": basis,
            "agreement": agreement,
            "begun_at": begun,
            "begun_by": lines[0].by.user if lines else None,
            "begun_role": lines[0].by.role if lines else "",
        },
    )
    places = {(c.section, c.voice, c.nature, c.holder): c for c in passport.contributions.all()}
    numbers: dict[int, int] = {}
    for revision in Revision.objects.filter(contribution__passport=passport):
        numbers[revision.contribution_id] = max(numbers.get(revision.contribution_id, 0), revision.number)
    last = PassportVersion.objects.filter(passport=passport, number=passport.version).first()
    stands, versions = dict(last.stands) if last else {}, []
    for line in lines:
        visit = Visit.of(line.by)
        taken_down = line.voice != voice_of(visit)
        place = place_of(visit, line.section, line.voice, line.nature, taken_down)
        key = (place.section, place.voice, place.nature, place.holder)
        if key not in places:
            places[key] = Contribution.objects.create(
                passport=passport, section=key[0], voice=key[1], nature=key[2], holder=key[3]
            )
        contribution, writer = places[key], writer_of(visit)
        number = numbers.get(contribution.pk, 0) + 1
        numbers[contribution.pk] = number
        revision = Revision.objects.create(
            contribution=contribution,
            number=number,
            text=clean_text(line.text),
            pictures=list(chosen_pictures(line.section, line.pictures)),
            author=writer.user,
            author_name=writer.name,
            author_role=writer.role,
            organisation=writer.organisation,
            taken_down=taken_down,
            began_from=number - 1,
            written_at=line.written_at or begun,
        )
        stands[str(contribution.pk)] = revision.pk
        passport.version += 1
        versions.append(
            PassportVersion(
                passport=passport,
                number=passport.version,
                stands=dict(stands),
                sections=[line.section],
                made_by=writer.user,
                made_by_name=writer.name,
                made_by_role=writer.role,
                made_at=line.written_at or begun,
            )
        )
    PassportVersion.objects.bulk_create(versions)
    for contribution in places.values():
        contribution.standing_id = stands.get(str(contribution.pk))
    Contribution.objects.bulk_update(places.values(), ["standing"])
    passport.save(update_fields=["version"])
    return passport
