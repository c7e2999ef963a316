"""What others use of the passport: begin, write, read and look back, each decided by the visit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from evi.care.children.models import Child, Wish
from evi.care.door.visit import Visit
from evi.care.passports.models import (
    AGREEMENT,
    CHILD,
    CONSENT,
    FACT,
    NATURES,
    PARENT,
    PRACTITIONER,
    VOICES,
    Contribution,
    Passport,
    PassportVersion,
    Revision,
)
from evi.care.passports.parts import chosen_pictures
from evi.care.passports.writing import Place, Words, Writer, put
from evi.care.text import NOTE_LIMIT, clean_text
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

PREFIX = "passport."


@dataclass(frozen=True)
class Origin:
    """Where words came from that were written elsewhere: another installation's passport.

    `holder` is the place's holder there; `source` names the installation or the file.
    """

    source: str
    name: str
    role: str
    written_at: datetime | None = None
    holder: str = ""


def sections() -> tuple[str, ...]:
    """The keys of the parts of a passport, in the order of the vocabulary."""
    return tuple(key.removeprefix(PREFIX) for key in vocabulary().items if key.startswith(PREFIX))


def begin(child: Child, visit: Visit) -> Passport:
    """The child's passport, begun if there is none.

    Raises:
        Refused: the visit may not add to any part of it.
    """
    found = Passport.objects.filter(child=child).first()
    if found is not None:
        visit.check(child, "contribute", "passport.*")
        return found
    with visit.writing(child, "contribute", "passport.*", note="passport begun") as decision:
        consented = (
            Wish.objects.live(visit.day)
            .filter(child=child, kind="consent", about__in=[decision.agreement, "all"])
            .exists()
        )
        passport, _made = Passport.objects.get_or_create(
            child=child,
            defaults={
                "basis": CONSENT if consented else AGREEMENT,
                "agreement": decision.agreement,
                "begun_by": visit.user,
                "begun_role": visit.membership.role,
            },
        )
    return passport


def contribute(
    visit: Visit,
    child: Child,
    section: str,
    voice: str,
    text: str,
    *,
    nature: str = "",
    pictures: Iterable[str] = (),
    taken_down: bool = False,
    base: int | None = None,
    origin: Origin | None = None,
) -> Revision:
    """Write in a part of the child's passport, which begins if there is none.

    Args:
        voice: child, parent or practitioner. nature: fact or opinion, for a practitioner (fact if not said).
        pictures: keys of the child's pictures. taken_down: written down for the child or the parent.
        base: number of the revision that the writer began from (0: none); None takes whatever stands.
        origin: where it comes from, for words that were written elsewhere.

    Raises:
        Refused: the visit may not. Conflict: something else stands by now, see `writing`.
        EviError: no such section or voice, a voice that this person can't write in, or too long a text.
    """
    place = place_of(visit, section, voice, nature, taken_down, origin)
    chosen = chosen_pictures(section, pictures) if voice == CHILD else ()
    words = Words(
        text=checked_text(text),
        pictures=chosen,
        taken_down=taken_down,
        source=origin.source if origin else "",
        written_at=origin.written_at if origin else None,
    )
    passport = begin(child, visit)
    with visit.writing(child, "contribute", PREFIX + section):
        revision, _passport = put(passport, place, words, writer_of(visit, origin), base)
    return revision


def place_of(
    visit: Visit, section: str, voice: str, nature: str, taken_down: bool, origin: Origin | None = None
) -> Place:
    """Where this person writes when they write in this voice.

    Raises:
        EviError: there is no such section or voice, or the voice is not theirs.
    """
    if section not in sections():
        raise EviError(_("the passport has no such section."), where="section", exit_code=2)
    if voice not in VOICES:
        raise EviError(_("there is no such voice."), where="voice", exit_code=2)
    if voice == PRACTITIONER and nature not in ("", *NATURES):
        raise EviError(_("say whether it is a fact or an opinion."), where="nature", exit_code=2)
    nature = (nature or FACT) if voice == PRACTITIONER else ""
    if origin is not None:
        return Place(section, voice, nature, f"from:{origin.source}:{origin.holder or origin.name}"[:80])
    own = voice_of(visit)
    if voice != own and (voice == PRACTITIONER or not taken_down):
        raise EviError(
            _("you can't write as somebody else."),
            where="voice",
            do=_("Say that you wrote it down for them, or write it as your own."),
            exit_code=2,
        )
    return Place(section, voice, nature, _holder(visit, voice, own))


def voice_of(visit: Visit) -> str:
    """The voice that is this person's own."""
    role = visit.membership.role
    return {"young-person": CHILD, "parent": PARENT}.get(role, PRACTITIONER)


def writer_of(visit: Visit, origin: Origin | None = None) -> Writer:
    """Whose name will stand beside the words."""
    if origin is None:
        return Writer.of(visit.membership)
    return Writer(visit.user, origin.name, origin.role, visit.membership.organisation)


def checked_text(text: str) -> str:
    """Text as it will be kept: cleaned of what word processors leave behind.

    Raises:
        EviError: it is too long.
    """
    cleaned = clean_text(text)
    if len(cleaned) > NOTE_LIMIT:
        raise EviError(
            _("this text is too long: it has %(have)d characters, and %(most)d fit.")
            % {"have": len(cleaned), "most": NOTE_LIMIT},
            where="text",
            do=_("Keep what matters most, or put part of it in another section."),
            exit_code=2,
        )
    return cleaned


def permitted(visit: Visit, child: Child, wanted: Iterable[str] | None = None) -> list[str]:
    """Those sections (all) that the visit may view; the others are noted as refused."""
    chosen = sections() if wanted is None else tuple(wanted)
    return [each for each in chosen if visit.may(child, "view", PREFIX + each).permitted]


def standing(
    visit: Visit, child: Child, wanted: Iterable[str] | None = None, version: int | None = None
) -> dict[str, list[Revision]]:
    """What stands in each section that the visit may view, in a version (the newest).

    Returns:
        section: its revisions that say something, the child's first, then parents', then practitioners'.
        A section in which nobody wrote has an empty list; one that may not be viewed is not there.
    """
    chosen = permitted(visit, child, wanted)
    return stands_in(child, chosen, version)


def stands_in(child: Child, chosen: Iterable[str], version: int | None = None) -> dict[str, list[Revision]]:
    """`standing` for sections that were decided already."""
    found: dict[str, list[Revision]] = {section: [] for section in chosen}
    if not found:
        return found
    if version is None:
        rows = [said for row in standing_places(child, found) if (said := said_in(row))]
    else:
        snapshot = PassportVersion.objects.filter(passport__child=child, number=version).first()
        if snapshot is None:
            return found
        rows = list(revisions_of(snapshot).filter(contribution__section__in=list(found)))
    for revision in sorted(rows, key=order):
        if revision.text or revision.pictures:
            found[revision.section].append(revision)
    return found


def standing_places(child: Child, chosen: Iterable[str]) -> QuerySet[Contribution]:
    """The places of these sections with what stands in each, its passport and its organisation."""
    return Contribution.objects.filter(
        passport__child=child, section__in=list(chosen), standing__isnull=False
    ).select_related("passport", "standing", "standing__organisation")


def said_in(place: Contribution) -> Revision | None:
    """What stands in a place of `standing_places`, knowing its place without another query."""
    if place.standing is not None:
        place.standing.contribution = place
    return place.standing


def revisions_of(snapshot: PassportVersion) -> QuerySet[Revision]:
    """The revisions that stood in a version, with what is needed to show them."""
    return Revision.objects.filter(pk__in=list(snapshot.stands.values())).select_related(
        "contribution", "organisation"
    )


def history(visit: Visit, child: Child) -> list[PassportVersion]:
    """The versions that changed something that the visit may view, newest first."""
    seen = set(permitted(visit, child))
    rows = PassportVersion.objects.filter(passport__child=child).defer("stands").order_by("-number")
    return [row for row in rows if seen & set(row.sections)]


def order(revision: Revision) -> tuple[int, str, str, int]:
    """The child's words first, then parents', then practitioners'."""
    place = revision.contribution
    return (VOICES.index(place.voice), place.nature, place.holder, revision.pk)


def _holder(visit: Visit, voice: str, own: str) -> str:
    if voice == CHILD:
        return "child"
    if voice == PARENT:
        return f"user:{visit.user.public_id}" if own == PARENT else "told"
    return f"org:{visit.membership.organisation.code}"


def stands_at(child: Child, place: Place) -> Revision | None:
    """What stands in one place of a child's passport now, if anything ever did."""
    found = (
        standing_places(child, [place.section])
        .filter(voice=place.voice, nature=place.nature, holder=place.holder)
        .first()
    )
    return said_in(found) if found else None
