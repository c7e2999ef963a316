"""How the passport is written: a revision in a place, and a new numbered version, under one lock.

Nothing here asks whether it may: `contributions` does. Every change locks the passport's row first, so that
two people who write at once are one after the other; whoever began from a text that no longer stands is told,
and nothing of theirs or of the other's is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from evi.care.accounts.models import Membership, Organisation, User
from evi.care.passports.models import (
    CHANGE,
    Contribution,
    Passport,
    PassportVersion,
    Revision,
)


@dataclass(frozen=True)
class Writer:
    """Who writes, as it will stand beside the words."""

    user: User | None
    name: str
    role: str
    organisation: Organisation | None

    @classmethod
    def of(cls, membership: Membership) -> Writer:
        """Somebody who acts as a member of an organisation."""
        return cls(membership.user, membership.user.name, membership.role, membership.organisation)


@dataclass(frozen=True)
class Place:
    """Where in a passport somebody writes: the key of a `Contribution`."""

    section: str
    voice: str
    nature: str
    holder: str


@dataclass(frozen=True)
class Words:
    """What is written there."""

    text: str
    pictures: tuple[str, ...] = ()
    taken_down: bool = False
    source: str = ""
    written_at: datetime | None = None


class Conflict(Exception):  # noqa: N818 - the word of the field
    """Somebody else changed the same place while this was being written; nothing was kept of it yet.

    Attributes:
        began_from: what stood when the writer began, `stands` what stands now (None: nothing),
        words: what the writer wrote.
    """

    def __init__(self, began_from: Revision | None, stands: Revision | None, words: Words) -> None:
        self.began_from, self.stands, self.words = began_from, stands, words
        super().__init__("somebody else has changed this since you began")


def locked(passport: Passport) -> Passport:
    """The passport as it is now, held against other writers until the transaction ends."""
    return Passport.objects.select_for_update().get(pk=passport.pk)


def stands_now(passport: Passport) -> dict[str, int]:
    """Which revision stands in each place in the newest version."""
    found = PassportVersion.objects.filter(passport=passport, number=passport.version).first()
    return dict(found.stands) if found else {}


def put(
    passport: Passport, place: Place, words: Words, writer: Writer, base: int | None
) -> tuple[Revision, Passport]:
    """Write a revision and make the next version; inside a transaction.

    Args:
        base: number of the revision that the writer began from; 0 for none, None to take what stands.

    Returns:
        the revision, and the passport with its new version. The same words again make no new revision.

    Raises:
        Conflict: another revision stands by now.
    """
    passport = locked(passport)
    contribution, _ = Contribution.objects.get_or_create(
        passport=passport,
        section=place.section,
        voice=place.voice,
        nature=place.nature,
        holder=place.holder,
    )
    stands = stands_now(passport)
    revisions = {revision.pk: revision for revision in contribution.revisions.all()}
    current = revisions.get(stands.get(str(contribution.pk), 0))
    if base is not None and base != (current.number if current else 0):
        began = next((each for each in revisions.values() if each.number == base), None)
        if not _same(current, words):
            raise Conflict(began, current, words)
    if current is not None and _same(current, words):
        return current, passport
    revision = Revision.objects.create(
        contribution=contribution,
        number=1 + max((each.number for each in revisions.values()), default=0),
        text=words.text,
        pictures=list(words.pictures),
        author=writer.user,
        author_name=writer.name,
        author_role=writer.role,
        organisation=writer.organisation,
        taken_down=words.taken_down,
        source=words.source,
        began_from=current.number if current else 0,
        written_at=words.written_at or timezone.now(),
    )
    made = next_version(
        passport,
        stands | {str(contribution.pk): revision.pk},
        [place.section],
        writer,
        made_at=words.written_at,
    )
    return revision, made


def next_version(
    passport: Passport,
    stands: Mapping[str, int],
    sections: list[str],
    writer: Writer,
    *,
    made: str = CHANGE,
    restored_from: int | None = None,
    made_at: datetime | None = None,
) -> Passport:
    """Add the next version to a passport that is locked, count it, and let what it says stand."""
    before = stands_now(passport)
    for pk in {*before, *stands}:
        if before.get(pk) != stands.get(pk):
            Contribution.objects.filter(pk=int(pk)).update(standing=stands.get(pk))
    passport.version += 1
    PassportVersion.objects.create(
        passport=passport,
        number=passport.version,
        stands=dict(stands),
        sections=sections,
        made=made,
        restored_from=restored_from,
        made_by=writer.user,
        made_by_name=writer.name,
        made_by_role=writer.role,
        made_at=made_at or timezone.now(),
    )
    passport.save(update_fields=["version"])
    return passport


def _same(current: Revision | None, words: Words) -> bool:
    return (
        current is not None
        and current.text == words.text
        and tuple(current.pictures) == words.pictures
        and current.taken_down == words.taken_down
    )
