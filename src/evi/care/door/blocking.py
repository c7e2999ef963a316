"""Blockages as they are kept: raised, moved on by time, seen by who decides, closed in one of two ways."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership, Organisation
from evi.care.children.models import Child
from evi.care.door import ledger, workdays
from evi.care.door.models import Blockage, BlockageEvent
from evi.care.door.rules import door
from evi.care.door.visit import Visit
from evi.sharing.blockages import BOTH, CHANGED, DISTRICT, OWN, SAID_NO, Case, Figures, Stage, figures, stages
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

if TYPE_CHECKING:
    from evi.sharing.decisions import Decision

ACTION = "blockage"
RAISED, ESCALATED, CLOSED = "raised", "escalated", "closed"
PARTNERSHIP = "partnership"


def raise_blockage(
    visit: Visit, child: Child | None, action: str, item: str, decision: Decision, harm: str
) -> Blockage:
    """Keep a refusal as a blockage; the same one again, while it is open, is the same blockage.

    Args:
        child: None where there is no such child, which whoever raised it must not learn.
        harm: why it stops this person from helping.
    """
    now, first = timezone.now(), stages().first
    with transaction.atomic():
        same = Blockage.objects.filter(
            child=child, action=action, item=item, raised_by=visit.membership, closed_at=None
        ).first()
        if same and child is not None:
            _happened(same, RAISED, visit.membership, harm)
            return same
        blockage = Blockage.objects.create(
            child=child,
            action=action,
            item=item,
            purpose=visit.purpose,
            agreement=decision.agreement,
            why=decision.why,
            sentence=decision.sentence,
            rules=door().fingerprint,
            raised_by=visit.membership,
            holder=next(iter(vocabulary().items[item].held_by), ""),
            harm=harm,
            opened_at=now,
            stage=first.key,
            stage_since=now,
            stage_due=_due(now, first),
        )
        _happened(blockage, RAISED, visit.membership, harm)
        note = f"blockage {blockage.public_id} raised"
        ledger.append_for(visit, ACTION, child, refused=[item], agreement=decision.agreement, note=note)
    return blockage


def _due(opened_at: datetime, stage: Stage) -> date:
    """The day on which the next stage begins; of the last stage the day on which it began."""
    following = stages().after(stage.key) or stage
    return workdays.after(timezone.localdate(opened_at), following.after_working_days)


def _happened(blockage: Blockage, what: str, by: Membership | None, text: str = "") -> None:
    BlockageEvent.objects.create(blockage=blockage, what=what, stage=blockage.stage, by=by, text=text)


def escalate(now: datetime) -> int:
    """Move every open blockage on to the stage that its age has reached; how many moved. Safe to repeat."""
    moved, today = 0, timezone.localdate(now)
    for pk in Blockage.objects.filter(closed_at=None, stage_due__lte=today).values_list("pk", flat=True):
        with transaction.atomic():
            blockage = Blockage.objects.select_for_update(of=("self",)).select_related("child").get(pk=pk)
            age = workdays.between(timezone.localdate(blockage.opened_at), today)
            stage = stages().at(age)
            if blockage.closed_at is not None or stage.key == blockage.stage:
                continue
            blockage.stage, blockage.stage_since, blockage.stage_due = (
                stage.key,
                now,
                _due(blockage.opened_at, stage),
            )
            blockage.save(update_fields=["stage", "stage_since", "stage_due"])
            _happened(blockage, ESCALATED, None)
            ledger.append(
                actor=ledger.SYSTEM,
                action=ACTION,
                child=blockage.child.public_id if blockage.child else "",
                note=f"blockage {blockage.public_id} moved on to stage {stage.key}",
            )
            moved += 1
    return moved


def seen_by(membership: Membership) -> QuerySet[Blockage]:
    """Blockages on the board of this membership: the district's for the partnership, else those that were
    raised in its organisation or are about what that holds of the child."""
    rows = Blockage.objects.select_related(
        "child", "raised_by__user", "raised_by__organisation", "closed_by__user"
    )
    organisation = membership.organisation
    if organisation.kind == PARTNERSHIP:
        return rows
    return rows.filter(_concerns(organisation))


def _concerns(organisation: Organisation) -> Q:
    held = [item.key for item in vocabulary().items.values() if organisation.kind in item.held_by]
    holds = Q(item__in=held, child__local_records__organisation=organisation)
    ids = Blockage.objects.filter(holds).values("pk")
    return Q(raised_by__organisation=organisation) | Q(pk__in=ids)


def may_decide(membership: Membership, blockage: Blockage) -> bool:
    """Whether this membership, on whose board the blockage is, decides at its stage.

    Nobody decides on what they raised themselves.
    """
    if blockage.closed_at is not None or blockage.raised_by.user_id == membership.user_id:
        return False
    stage, organisation = stages().stages[blockage.stage], membership.organisation
    if membership.role in stages().always:
        return True
    reach = {
        OWN: organisation.pk == blockage.raised_by.organisation_id,
        BOTH: True,
        DISTRICT: organisation.kind == PARTNERSHIP,
    }
    return membership.role in stage.roles and reach[stage.whose]


def to_decide(membership: Membership) -> list[Blockage]:
    """Open blockages that wait for this membership's decision, oldest first."""
    keys = [stage.key for stage in stages().stages.values() if membership.role in stage.roles]
    if membership.role in stages().always:
        keys = list(stages().stages)
    if not keys:
        return []
    waiting = seen_by(membership).filter(closed_at=None, stage__in=keys)
    return [each for each in waiting if may_decide(membership, each)]


def decided_now(blockage: Blockage) -> Decision | None:
    """What the agreements of today say to the same question by the same person; None for no such child."""
    if blockage.child is None:
        return None
    asking = Visit.of(blockage.raised_by)
    asking.purpose = blockage.purpose
    return asking.decision(blockage.child, blockage.action, blockage.item)


def close_by_agreement(visit: Visit, blockage: Blockage, reason: str) -> None:
    """Close it because the agreements changed since it was raised, and permit now: the engine is asked again.

    Raises:
        EviError: they are the same as then, or they still refuse.
    """
    if door().fingerprint == blockage.rules:
        raise EviError(_("The agreements are the same as when this was raised."), exit_code=2)
    decision = decided_now(blockage)
    if decision is None or not decision.permitted:
        why = decision.sentence if decision else ""
        raise EviError(_("The agreements of today still refuse it. %(why)s") % {"why": why}, exit_code=2)
    _close(visit, blockage, CHANGED, reason, decision)


def close_with_no(visit: Visit, blockage: Blockage, reason: str) -> None:
    """Close it with a no: `reason` says why, and the person who raised it reads it.

    Raises:
        EviError: there is no reason.
    """
    if not reason.strip():
        raise EviError(_("Say why, in words that the person who asked can use."), exit_code=2)
    _close(visit, blockage, SAID_NO, reason, None)


def _close(visit: Visit, blockage: Blockage, how: str, reason: str, decision: Decision | None) -> None:
    with transaction.atomic():
        waiting = (
            Blockage.objects.select_for_update(of=("self",)).filter(pk=blockage.pk, closed_at=None).first()
        )
        if waiting is None:
            raise EviError(_("Somebody closed it before you."), exit_code=2)
        waiting.closed_at, waiting.closed_by, waiting.closed_how = timezone.now(), visit.membership, how
        waiting.closing_reason = reason
        if decision is not None:
            waiting.closing_agreement, waiting.closing_rules = decision.agreement, door().fingerprint
        waiting.save()
        _happened(waiting, CLOSED, visit.membership, reason)
        note = f"blockage {waiting.public_id} closed: {how}"
        agreement = decision.agreement if decision else waiting.agreement
        ledger.append_for(visit, ACTION, blockage.child, agreement=agreement, note=note)


def board_figures(membership: Membership) -> Figures:
    """The board's statistics of what this membership sees."""
    rows = seen_by(membership).values_list("item", "stage", "opened_at", "closed_at", "closed_how")
    cases = [
        Case(item, stage, timezone.localdate(opened), timezone.localdate(closed) if closed else None, how)
        for item, stage, opened, closed, how in rows
    ]
    return figures(cases, timezone.localdate())
