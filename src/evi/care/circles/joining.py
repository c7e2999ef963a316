"""Joining a circle by invitation or on request, leaving it, being taken out, and who leads it.

Every function writes through the visit, so that the change and its entry in the ledger are kept together.
"""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership
from evi.care.children.models import Child, Tie
from evi.care.circles.models import Joining, Lead, Place
from evi.care.circles.people import IN_CIRCLE, in_circle
from evi.care.door import querying
from evi.care.door.rows import every_row
from evi.care.door.rules import door
from evi.care.door.visit import Refused, Visit
from evi.care.text import LINE_LIMIT, NOTE_LIMIT, clean_line, clean_text
from evi.sharing.decisions import Decision, Request
from evi.sharing.vocabulary import vocabulary

PART_LIMIT = 120


def put_in(
    child: Child,
    membership: Membership,
    how: str,
    *,
    part: str = "",
    rule: str = "",
    day: date | None = None,
) -> Place:
    """Tie a person to the child's circle from a day on; the place that they have, if they are in it already.

    This asks nobody: the functions below do, and rules need not.
    """
    day = day or timezone.localdate()
    there = (
        Tie.objects.live(day)
        .filter(child=child, kind=IN_CIRCLE, user=membership.user_id, organisation=membership.organisation_id)
        .select_related("place")
        .first()
    )
    if there is None:
        there = Tie.objects.create(
            child=child,
            kind=IN_CIRCLE,
            organisation=membership.organisation,
            user=membership.user,
            since=day,
        )
    place, _made = Place.objects.get_or_create(
        tie=there,
        defaults={"child": child, "membership": membership, "how": how, "part": part, "rule": rule},
    )
    return place


def take_out(tie: Tie, how: str, by: Membership | None = None, day: date | None = None) -> None:
    """End a tie at once: from now on it permits nothing. The lead of the circle ends with it."""
    day = day or timezone.localdate()
    Place.objects.filter(tie=tie).update(ended_how=how, ended_by=by)
    Lead.objects.filter(child=tie.child_id, membership__user=tie.user_id, until=None).update(until=day)
    tie.until = day
    tie.save(update_fields=["until"])  # last: whoever leaves sees the other rows no more


def would_permit(child: Child, membership: Membership, day: date) -> Decision:
    """What the door would say to a person in the circle: may they see who else is in it?"""
    facts = querying.facts(membership, [child], day)[child.pk]
    visit = Visit.of(membership, day)
    request = Request(
        visit.actor,
        "view",
        "circle",
        visit.purpose,
        day,
        ties=facts.ties | {IN_CIRCLE},
        shared=facts.shared,
        consents=facts.consents,
        objections=facts.objections,
        withheld=facts.withheld,
        moved_out=facts.moved_out,
    )
    return door().decide(request)


def invite(visit: Visit, child: Child, membership: Membership, *, part: str = "", why: str = "") -> Joining:
    """Ask somebody to join; they answer.

    Raises:
        Refused: the visitor may not invite to this circle.
        ValidationError: the person is in it, was asked already, or no agreement would let them see anything.
    """
    with visit.writing(child, "invite", "circle", note="somebody invited"):
        _hold_not_in(child, membership, visit.day)
        decision = would_permit(child, membership, visit.day)
        if not decision.permitted:
            raise ValidationError({"email": _why_not(membership, decision)})
        return _joining(Joining.Kind.INVITATION, visit, child, membership, part, why)


def answer(visit: Visit, joining: Joining, *, accept: bool) -> None:
    """The invited person says yes or no.

    Raises:
        Refused: it is somebody else's invitation, or agreements no longer let the person in.
        ValidationError: it was answered or taken back before.
    """
    if joining.membership_id != visit.membership.pk or joining.kind != Joining.Kind.INVITATION:
        raise _refused(_("This invitation is for somebody else."))
    child = joining.child
    with every_row(), transaction.atomic():  # until they are in, the database hides the child from them
        _close(joining, Joining.Status.ACCEPTED if accept else Joining.Status.DECLINED, visit.membership)
        if accept:
            put_in(child, visit.membership, Place.How.INVITED, part=joining.part, day=visit.day)
            visit.forget(child)
            visit.check(child, "view", "circle")
        visit.record("view", child, note="invitation accepted" if accept else "invitation declined")
        visit.write_ledger()


def ask(visit: Visit, child: Child, *, part: str = "", why: str) -> Joining:
    """Ask to be let in; whoever may invite to the circle decides.

    Raises:
        Refused: the visitor may not know of the child.
        ValidationError: they are in the circle or have asked already, or gave no reason.
    """
    if not clean_text(why):
        raise ValidationError({"why": _("Write why you ask, so that the circle can decide.")})
    with visit.writing(child, "view", "identity", note="asked to join the circle"):
        _hold_not_in(child, visit.membership, visit.day)
        return _joining(Joining.Kind.REQUEST, visit, child, visit.membership, part, why)


def decide(visit: Visit, joining: Joining, *, accept: bool, reason: str = "") -> None:
    """The circle's answer to a request to join.

    Raises:
        Refused: the visitor may not invite to this circle.
        ValidationError: no reason for a no; answered before; or no agreement would let the person in.
    """
    if not accept and not clean_text(reason):
        raise ValidationError({"reason": _("Say why not. The person who asked will read it.")})
    child, note = joining.child, "request to join accepted" if accept else "request to join declined"
    with visit.writing(child, "invite", "circle", note=note):
        joining.answer = clean_text(reason)
        _close(joining, Joining.Status.ACCEPTED if accept else Joining.Status.DECLINED, visit.membership)
        if accept:
            decision = would_permit(child, joining.membership, visit.day)
            if not decision.permitted:
                raise ValidationError(_why_not(joining.membership, decision))
            put_in(child, joining.membership, Place.How.ASKED, part=joining.part, day=visit.day)


def withdraw(visit: Visit, joining: Joining) -> None:
    """Take back an invitation that was not answered yet."""
    with visit.writing(joining.child, "invite", "circle", note="invitation taken back"):
        _close(joining, Joining.Status.WITHDRAWN, visit.membership)


def remove(visit: Visit, child: Child, place: Place) -> None:
    """Take somebody out of the circle, at once."""
    with visit.writing(child, "invite", "circle", note="somebody taken out"):
        take_out(place.tie, Place.End.REMOVED, visit.membership, visit.day)


def leave(visit: Visit, child: Child, place: Place) -> None:
    """Leave the circle.

    Raises:
        Refused: it is somebody else's place.
    """
    if place.membership_id != visit.membership.pk:
        raise _refused(_("You can only leave for yourself."), child)
    with visit.writing(child, "view", "circle", note="left the circle"):
        take_out(place.tie, Place.End.LEFT, visit.membership, visit.day)


def set_lead(visit: Visit, child: Child, membership: Membership) -> Lead:
    """Make somebody the lead; whoever led before stays in the history.

    Raises:
        ValidationError: the person is not in the circle, or is of the family.
    """
    with visit.writing(child, "invite", "circle", note="lead practitioner named"):
        Child.objects.select_for_update().only("pk").get(pk=child.pk)
        if not in_circle(child, membership, visit.day):
            raise ValidationError({"lead": _("The lead must be somebody in the circle.")})
        if vocabulary().roles[membership.role].purpose != "direct-support":
            raise ValidationError({"lead": _("The lead must be somebody who works with the child.")})
        Lead.objects.filter(child=child, until=None).update(until=visit.day)
        return Lead.objects.create(
            child=child, membership=membership, set_by=visit.membership, since=visit.day
        )


def _refused(sentence: str, child: Child | None = None) -> Refused:
    return Refused(Decision(False, "", "", "", sentence, "no-relationship"), "view", "circle", child)


def _why_not(membership: Membership, decision: Decision) -> str:
    role = {"role": vocabulary().roles[membership.role].title}
    if decision.why == "consent-needed":
        return _("The family must first say yes to sharing with this %(role)s's service.") % role
    return _("No agreement lets a %(role)s into this child's circle.") % role


def _hold_not_in(child: Child, membership: Membership, day: date) -> None:
    tied = Tie.objects.live(day).filter(child=child, kind=IN_CIRCLE, user=membership.user_id)
    if tied.filter(organisation=membership.organisation_id).exists():
        raise ValidationError(_("This person is in the circle already."))
    if Joining.objects.filter(child=child, membership=membership, status=Joining.Status.WAITING).exists():
        raise ValidationError(_("There is already an invitation or a request that waits for an answer."))


def _joining(kind: str, visit: Visit, child: Child, membership: Membership, part: str, why: str) -> Joining:
    part, why = clean_line(part), clean_text(why)
    if len(part) > min(PART_LIMIT, LINE_LIMIT) or len(why) > NOTE_LIMIT:
        raise ValidationError(_("That is too long."))
    return Joining.objects.create(
        child=child, kind=kind, membership=membership, part=part, why=why, made_by=visit.membership
    )


def _close(joining: Joining, status: str, by: Membership) -> None:
    """Answer it once: whoever is second is told."""
    waiting = Joining.objects.filter(pk=joining.pk, status=Joining.Status.WAITING)
    if not waiting.update(status=status, answered_by=by, answered_at=timezone.now()):
        raise ValidationError(_("This was answered or taken back already."))
    joining.refresh_from_db(fields=["status", "answered_by", "answered_at"])
    Joining.objects.filter(pk=joining.pk).update(answer=joining.answer)
