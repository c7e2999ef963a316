"""Transition packs and hand-overs: sent with what the next service needs, and owed a receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from django.db.models import Exists, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership, Organisation, Team
from evi.care.children.models import Child, Tie
from evi.care.door import workdays
from evi.care.door.querying import held_by
from evi.care.door.visit import Visit
from evi.care.passports.contributions import checked_text
from evi.care.passports.models import Pack, PackQuestion, Passport
from evi.care.passports.shares import SHARED_WITH, end_tie, shareable_items
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

HERE = Path(__file__).parent
FAMILY_ROLES = ("parent", "young-person")
HERE_NOW = ("on-roll", "on-caseload", "teaches")
"""Ties that say that the receiver has the child now, so that a pack need not hold the door open."""


@dataclass(frozen=True)
class Kind:
    """A kind of pack.

    Attributes:
        senders, receivers: kinds of organisation. sections, plan, profile: what goes along at first.
        checklist: key: what the sender ticks. acknowledge_working_days: within which a receipt is owed.
        open_days: how long it stays open to the receiver at most.
    """

    key: str
    title: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    sections: tuple[str, ...]
    plan: bool
    profile: bool
    checklist: Mapping[str, str]
    acknowledge_working_days: int
    open_days: int


@cache
def kinds() -> Mapping[str, Kind]:
    """The kinds, by key.

    Raises:
        EviError: the file breaks its schema.
    """
    path = HERE / "packs.yaml"
    table = read_yaml(path)
    check_against(table, HERE / "packs.schema.json", path.name)
    return {
        key: Kind(
            key,
            senders=tuple(row.pop("from")),
            receivers=tuple(row.pop("to")),
            **{**row, "sections": tuple(row["sections"])},
        )
        for key, row in table.items()
    }


def kinds_for(organisation_kind: str) -> list[Kind]:
    """The kinds that such an organisation sends."""
    return [kind for kind in kinds().values() if organisation_kind in kind.senders]


def send(
    visit: Visit,
    child: Child,
    kind: str,
    to: Organisation,
    *,
    team: Team | None = None,
    sections: Iterable[str] | None = None,
    with_plan: bool = False,
    with_profile: bool = False,
    checklist: Iterable[str] = (),
    note: str = "",
) -> Pack:
    """Send a pack; it opens its items to the receiver until the kind's last day.

    Raises:
        Refused: the visit may not share packs, or may not view and share something in this one.
        EviError: no such kind, a receiver that it isn't for, or one that already has a pack to acknowledge.
    """
    chosen = kinds().get(kind)
    if chosen is None or visit.membership.organisation.kind not in chosen.senders:
        raise EviError(_("your service doesn't send this kind of pack."), where="kind", exit_code=2)
    _check_receiver(visit, child, chosen, to, team)
    passport = Passport.objects.filter(child=child).first()
    pack = Pack(
        child=child,
        kind=kind,
        from_organisation=visit.membership.organisation,
        to_organisation=to,
        to_team=team,
        sections=list(chosen.sections if sections is None else dict.fromkeys(sections)),
        with_plan=with_plan,
        with_profile=with_profile,
        checklist=[key for key in chosen.checklist if key in set(checklist)],
        note=checked_text(note),
        version=passport.version if passport else 0,
        sent_by=visit.user,
        sent_by_name=visit.user.name,
        sent_by_role=visit.membership.role,
        due_on=workdays.after(visit.day, chosen.acknowledge_working_days),
    )
    shareable_items(visit, child, [item for item in pack.items() if item != "packs"])
    with visit.writing(child, "share", "packs", note=f"pack {kind} sent"):
        pack.tie = Tie.objects.create(
            child=child,
            organisation=to,
            team=team,
            kind=SHARED_WITH,
            items=pack.items(),
            since=visit.day,
            until=visit.day + timedelta(days=chosen.open_days),
            why=f"pack {pack.public_id}",
        )
        pack.save()
    return pack


def visible(visit: Visit, child: Child) -> QuerySet[Pack]:
    """The packs of a child that this person may know of, newest first.

    Someone whom only a pack brought here sees the packs that were sent to their organisation and no others.
    """
    holds = Tie.objects.live(visit.day).filter(held_by(visit.membership), child=child)
    here = Exists(holds.exclude(kind=SHARED_WITH))
    return (
        Pack.objects.filter(child=child)
        .filter(here | addressed_to(visit.membership))
        .select_related("from_organisation", "to_organisation", "to_team", "tie")
    )


def addressed_to(membership: Membership) -> Q:
    """Packs that were sent to this person's organisation or team."""
    whom = Q(to_team__isnull=True) | Q(to_team__in=membership.teams.values("pk"))
    return Q(to_organisation=membership.organisation_id) & whom


def is_receiver(visit: Visit, pack: Pack) -> bool:
    """Whether it was sent to this person's organisation or team."""
    if pack.to_organisation_id != visit.membership.organisation_id:
        return False
    return pack.to_team_id is None or pack.to_team_id in [t.pk for t in visit.membership.teams.all()]


def pack(visit: Visit, child: Child, public_id: str) -> Pack:
    """One pack.

    Raises:
        EviError: there is none that this person may know of.
    """
    found = visible(visit, child).filter(public_id=public_id).first()
    if found is None:
        raise EviError(_("there is no such pack."), where="pack", exit_code=2)
    return found


def acknowledge(visit: Visit, pack: Pack) -> Pack:
    """Say that it has arrived and was read; only the receiver can, and once.

    Raises:
        Refused: the visit may not view it. EviError: it was sent to others, or was taken back.
    """
    if not is_receiver(visit, pack):
        raise EviError(_("only those to whom a pack was sent can acknowledge it."), where="pack", exit_code=2)
    if pack.withdrawn_at is not None:
        raise EviError(_("this pack was taken back."), where="pack", exit_code=2)
    with visit.writing(pack.child, "view", "packs", note="pack acknowledged"):
        Pack.objects.filter(pk=pack.pk, acknowledged_at__isnull=True).update(
            acknowledged_at=timezone.now(),
            acknowledged_by_name=visit.user.name,
            acknowledged_by_role=visit.membership.role,
        )
        pack.refresh_from_db()
        close_if_settled(pack, visit.day)
    return pack


def close_if_settled(pack: Pack, day: date) -> bool:
    """Close a pack's own door once it is acknowledged and the receiver has the child on roll or caseload."""
    if pack.acknowledged_at is None or pack.tie is None or (pack.tie.until and pack.tie.until <= day):
        return False
    here = Tie.objects.live(day).filter(
        child=pack.child_id, organisation=pack.to_organisation_id, kind__in=HERE_NOW
    )
    if not here.exists():
        return False
    end_tie(pack.tie, day)
    return True


def close_settled(day: date) -> int:
    """`close_if_settled` for every pack, for the nightly work; gives how many doors closed."""
    waiting = Pack.objects.filter(acknowledged_at__isnull=False, tie__until__gt=day).select_related("tie")
    return sum(close_if_settled(pack, day) for pack in waiting)


def ask(visit: Visit, pack: Pack, text: str) -> PackQuestion:
    """Ask the sender something about it.

    Raises:
        Refused: the visit may not view it. EviError: nothing was asked, or it was sent to others.
    """
    asked = checked_text(text)
    if not is_receiver(visit, pack):
        raise EviError(_("only those to whom a pack was sent can ask about it."), where="pack", exit_code=2)
    if not asked:
        raise EviError(_("write your question."), where="text", exit_code=2)
    with visit.writing(pack.child, "view", "packs", note="question about a pack"):
        return PackQuestion.objects.create(
            pack=pack,
            text=asked,
            asked_by_name=visit.user.name,
            asked_by_role=visit.membership.role,
            organisation=visit.membership.organisation,
        )


def answer(visit: Visit, pack: Pack, question: str, text: str) -> PackQuestion:
    """Answer a question; only the sender's organisation can.

    Raises:
        Refused: the visit may not share packs. EviError: no such question, no answer, or sent by others.
    """
    said = checked_text(text)
    found = pack.questions.filter(public_id=question).first()
    if found is None or pack.from_organisation_id != visit.membership.organisation_id:
        raise EviError(_("there is no such question for you to answer."), where="question", exit_code=2)
    if not said:
        raise EviError(_("write an answer."), where="text", exit_code=2)
    with visit.writing(pack.child, "share", "packs", note="answer about a pack"):
        found.answer, found.answered_at = said, timezone.now()
        found.answered_by_name, found.answered_by_role = visit.user.name, visit.membership.role
        found.save()
    return found


def withdraw(visit: Visit, pack: Pack) -> Pack:
    """Take back a pack that nobody has acknowledged yet; its door closes at once.

    Raises:
        Refused: the visit may not share packs. EviError: it is others', or was acknowledged.
    """
    if pack.from_organisation_id != visit.membership.organisation_id:
        raise EviError(_("only those who sent a pack can take it back."), where="pack", exit_code=2)
    if pack.acknowledged_at is not None:
        raise EviError(_("it was acknowledged, so it can't be taken back."), where="pack", exit_code=2)
    with visit.writing(pack.child, "share", "packs", note="pack taken back"):
        pack.withdrawn_at = timezone.now()
        pack.save(update_fields=["withdrawn_at"])
        if pack.tie is not None:
            end_tie(pack.tie, visit.day)
    return pack


def _check_receiver(visit: Visit, child: Child, kind: Kind, to: Organisation, team: Team | None) -> None:
    if to.kind not in kind.receivers or to == visit.membership.organisation:
        raise EviError(_("this kind of pack doesn't go there."), where="to", exit_code=2)
    if team is not None and team.organisation_id != to.pk:
        raise EviError(_("this team belongs to another organisation."), where="team", exit_code=2)
    owed = Pack.objects.filter(
        child=child,
        kind=kind.key,
        to_organisation=to,
        acknowledged_at__isnull=True,
        withdrawn_at__isnull=True,
    )
    if owed.exists():
        raise EviError(
            _("a pack of this kind waits there already."),
            where="to",
            do=_("Take that one back first if it should say something else."),
            exit_code=2,
        )
