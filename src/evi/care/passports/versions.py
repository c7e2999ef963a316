"""Versions of the passport: what changed between two, and putting an earlier one back as a new one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evi.care.children.models import Child
from evi.care.door.visit import Refused, Visit
from evi.care.passports.contributions import (
    PREFIX,
    permitted,
    revisions_of,
    voice_of,
)
from evi.care.passports.differing import Difference, difference
from evi.care.passports.models import (
    CHILD,
    PARENT,
    PRACTITIONER,
    RESTORE,
    Contribution,
    Passport,
    PassportVersion,
    Revision,
)
from evi.care.passports.writing import Writer, locked, next_version, stands_now
from evi.workspace import EviError


@dataclass(frozen=True)
class Changed:
    """One place of the passport whose words differ between two versions.

    `before` and `after` are the revisions that stood (None: nothing did).
    """

    contribution: Contribution
    before: Revision | None
    after: Revision | None
    words: Difference
    pictures_gone: tuple[str, ...]
    pictures_new: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """What putting back did: the passport with its new version, and what was left as it is.

    `kept` are places that differ still, since their words are somebody else's to put back.
    """

    passport: Passport
    changed: tuple[Contribution, ...]
    kept: tuple[Contribution, ...]


def version(child: Child, number: int) -> PassportVersion:
    """A version of a child's passport; number 0 is the empty passport that it began as.

    Raises:
        EviError: there is none with this number.
    """
    if number == 0:
        return PassportVersion(number=0, stands={})
    found = PassportVersion.objects.filter(passport__child=child, number=number).first()
    if found is None:
        raise EviError("there is no such version.", where="version", exit_code=2)
    return found


def compare(visit: Visit, child: Child, earlier: int, later: int) -> list[Changed]:
    """What differs between two versions in the sections that the visit may view, in the order of the page.

    Raises:
        EviError: there is no version with one of these numbers.
    """
    before, after = version(child, earlier), version(child, later)
    keys = {pk for pk in {*before.stands, *after.stands} if before.stands.get(pk) != after.stands.get(pk)}
    wanted = {v.stands[pk] for v in (before, after) for pk in keys if pk in v.stands}
    found = {row.pk: row for row in revisions_of_keys(wanted)}
    chosen = permitted(visit, child)
    changed = []
    for pk in keys:
        old, new = found.get(before.stands.get(pk, 0)), found.get(after.stands.get(pk, 0))
        place = (new or old).contribution  # type: ignore[union-attr]
        if place.section in chosen and not _alike(old, new):
            changed.append(_changed(place, old, new))
    return sorted(changed, key=lambda each: (chosen.index(each.contribution.section), each.contribution.pk))


def revisions_of_keys(keys: Iterable[int]) -> Iterable[Revision]:
    """Revisions by key, with what is needed to show them."""
    return revisions_of(PassportVersion(stands={str(key): key for key in keys}))


def may_put_back(visit: Visit, contribution: Contribution, revisions: Iterable[Revision]) -> bool:
    """Whether these words are this person's to put back.

    A service's are its people's; a parent's own are theirs alone; a child's are the child's, and of whoever
    wrote all of them down.
    """
    own = voice_of(visit)
    if contribution.holder == f"user:{visit.user.public_id}":
        return own == PARENT
    if contribution.holder == f"org:{visit.membership.organisation.code}":
        return own == PRACTITIONER
    if contribution.voice == CHILD and own == CHILD:
        return True
    return contribution.voice != PRACTITIONER and all(
        each.taken_down and each.author_id == visit.user.pk for each in revisions
    )


def restore(visit: Visit, child: Child, number: int, base: int | None = None) -> Restored:
    """Make a new version in which this person's words stand as they did in version `number`.

    Other people's words stay as they are: only they can put them back. Nothing is taken out of the history.

    Args:
        base: the newest version that the person saw; another by now is a mistake, not a conflict of words.

    Raises:
        Refused: the visit may not add to a section that would change.
        EviError: no such version, it is the newest, or another was made meanwhile.
    """
    then = version(child, number)
    sections = _sections_between(child, then)
    if not sections:
        raise EviError("nothing has changed since that version.", where="version", exit_code=2)
    allowed = [each for each in sections if visit.can(child, "contribute", PREFIX + each)]
    if not allowed:
        raise Refused(
            visit.may(child, "contribute", PREFIX + sections[0]), "contribute", PREFIX + sections[0], child
        )
    with visit.writing(child, "contribute", PREFIX + allowed[0], note=f"version {number} put back"):
        visit.items(child, "contribute", [PREFIX + each for each in allowed[1:]])
        passport = locked(Passport.objects.get(child=child))
        if base is not None and passport.version != base:
            raise EviError(
                "somebody has changed the passport since you opened this page.",
                where="version",
                do="Look at the newest version, then put the earlier one back if you still want to.",
                exit_code=2,
            )
        return _put_back(visit, passport, then, allowed)


def _put_back(visit: Visit, passport: Passport, then: PassportVersion, allowed: list[str]) -> Restored:
    now = stands_now(passport)
    differing = [pk for pk in {*now, *then.stands} if now.get(pk) != then.stands.get(pk)]
    found = {row.pk: row for row in revisions_of_keys({*now.values(), *then.stands.values()})}
    changed, kept, stands = [], [], dict(now)
    for pk in sorted(differing, key=int):
        pair = [row for row in (found.get(now.get(pk, 0)), found.get(then.stands.get(pk, 0))) if row]
        place = pair[0].contribution
        if place.section not in allowed or not may_put_back(visit, place, pair):
            kept.append(place)
            continue
        changed.append(place)
        stands.pop(pk, None)
        if pk in then.stands:
            stands[pk] = then.stands[pk]
    if not changed:
        raise EviError(
            "what has changed since that version are other people's words; only they can put them back.",
            where="version",
            exit_code=2,
        )
    passport = next_version(
        passport,
        stands,
        sorted({place.section for place in changed}),
        Writer.of(visit.membership),
        made=RESTORE,
        restored_from=then.number,
    )
    return Restored(passport, tuple(changed), tuple(kept))


def _sections_between(child: Child, then: PassportVersion) -> list[str]:
    passport = Passport.objects.filter(child=child).first()
    now = stands_now(passport) if passport else {}
    keys = {pk for pk in {*now, *then.stands} if now.get(pk) != then.stands.get(pk)}
    rows = Contribution.objects.filter(pk__in=[int(pk) for pk in keys])
    return sorted({row.section for row in rows})


def _alike(old: Revision | None, new: Revision | None) -> bool:
    return (old.text if old else "", old.pictures if old else []) == (
        new.text if new else "",
        new.pictures if new else [],
    )


def _changed(place: Contribution, old: Revision | None, new: Revision | None) -> Changed:
    had, has = (old.pictures if old else []), (new.pictures if new else [])
    return Changed(
        place,
        old,
        new,
        difference(old.text if old else "", new.text if new else ""),
        tuple(each for each in had if each not in has),
        tuple(each for each in has if each not in had),
    )
