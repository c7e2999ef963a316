"""What programs write: entries, words of the passport, shares that end, rolls and caseloads, blockages."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _

from evi.care.api import shapes
from evi.care.api.operations import Made, PublicId, Word, operation
from evi.care.api.reading import words_out
from evi.care.children import chronology, ties
from evi.care.children.address import Address
from evi.care.children.forms import PREGNANCY
from evi.care.children.models import Child, Tie
from evi.care.circles.rules import keep_in_step
from evi.care.door import rows
from evi.care.door.blocking import raise_blockage
from evi.care.door.visit import Refused, Visit
from evi.care.fields import blind
from evi.care.passports import contributions
from evi.care.passports import shares as sharing
from evi.encoding import normalise
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

ROLLS = {"school": "on-roll", "nursery": "on-roll"}
CASELOADS = ("health-visiting", "maternity", "camhs", "general-practice", "social-care")
"""Kinds of organisation that tell who is on their caseload."""


@operation(
    "POST",
    "/children/{child}/chronology/{kind}",
    shapes.ChronologyOut,
    action="contribute",
    item="chronology.{kind}",
    once=True,
    status=201,
)
def add_entry(visit: Visit, child: Child, kind: Word, sent: shapes.EntryIn) -> Made:
    """Add an entry to the chronology: one for the fact, one for the opinion."""
    if sent.happened_on > visit.day:
        raise EviError(_("the day is in the future."), where="happened_on", exit_code=2)
    if child.birth_date and sent.happened_on < child.birth_date - PREGNANCY:
        raise EviError(_("the day is before this child's life began."), where="happened_on", exit_code=2)
    if not (sent.fact or sent.opinion):
        raise EviError(_("write a fact, an opinion or both."), where="fact", exit_code=2)
    made = chronology.add(visit, child, item=f"chronology.{kind}", **sent.model_dump())
    entries = [
        shapes.EntryOut(
            item=row.item,
            nature=row.nature,
            happened_on=row.happened_on,
            title=row.title,
            text=row.text,
            source=row.source.name,
            author=row.author_name,
            author_role=row.author_role,
            recorded_at=row.recorded_at,
        )
        for row in made
    ]
    return Made(shapes.ChronologyOut(entries=entries, more=False))


@operation(
    "POST",
    "/children/{child}/passport/{section}",
    shapes.WordsOut,
    action="contribute",
    item="passport.{section}",
    once=True,
    status=201,
)
def add_words(visit: Visit, child: Child, section: Word, sent: shapes.WordsIn) -> Made:
    """Write in a section of the passport; what stood there is kept as an earlier version."""
    made = contributions.contribute(
        visit,
        child,
        section,
        sent.voice,
        sent.text,
        nature=sent.nature,
        taken_down=sent.taken_down,
        base=sent.base,
    )
    return Made(words_out(made, Address.kept_from(visit, child)))


@operation(
    "DELETE",
    "/children/{child}/shares/{share}",
    shapes.ShareOut,
    action="view",
    item="circle",
)
def end_share(visit: Visit, child: Child, share: PublicId) -> shapes.ShareOut:
    """End a share now; what was seen stays in the ledger."""
    if not sharing.shares_of(child).filter(public_id=share).exists():
        raise Http404
    ended = sharing.end(visit, child, share)
    tie = ended.tie
    return shapes.ShareOut(
        id=ended.public_id,
        items=tie.items,
        organisation=tie.organisation.name,
        with_whom=tie.user.name if tie.user else str(tie.team or tie.organisation),
        since=tie.since,
        last_day=tie.until,
        shared_by=ended.shared_by_name,
        ended=True,
    )


@operation("PUT", "/roll", shapes.RollsOut, duty="manage-organisation")
def put_roll(visit: Visit, sent: shapes.RollsIn) -> shapes.RollsOut:
    """Say who is on the organisation's roll or caseload, and from when to when."""
    kind = _kind_of(visit)
    with rows.every_row(), transaction.atomic():
        found = [_match(line) for line in sent.children]
        lines = []
        for number, (line, child) in enumerate(zip(sent.children, found, strict=True), start=1):
            result = _set(visit, child, kind, line.since, line.until) if child else "not-known"
            lines.append(shapes.RollOut(line=number, result=result, id=child.public_id if child else None))
        keep_in_step({child.pk: child for child in found if child}.values(), visit.day)
    visit.record("invite", note=f"{len(lines)} lines of a roll or caseload")
    return shapes.RollsOut(kind=kind, lines=lines)


@operation("POST", "/children/{child}/blockages", shapes.BlockageOut, once=True, status=201)
def blockage(visit: Visit, child: PublicId, sent: shapes.BlockageIn) -> Made:
    """Raise a refusal as a blockage of sharing, which moves up by time until it is decided."""
    words = vocabulary()
    if sent.action not in words.actions or sent.item not in words.items:
        raise EviError(_("there is no such action or item."), where="item", exit_code=2)
    try:
        visit.child(child, sent.action, sent.item)
    except Refused as refused:
        decision = refused.decision
    else:
        raise EviError(_("this is not refused."), do=_("Ask for it again."), exit_code=2)
    with rows.every_row():  # whether there is such a child must not be learnt from the answer
        found = Child.objects.filter(public_id=child).first()
    raised = raise_blockage(visit, found, sent.action, sent.item, decision, sent.harm)
    return Made(shapes.BlockageOut(id=raised.public_id, stage=raised.stage, sentence=raised.sentence))


def _kind_of(visit: Visit) -> str:
    kind = visit.membership.organisation.kind
    if kind in ROLLS:
        return ROLLS[kind]
    if kind in CASELOADS:
        return "on-caseload"
    raise EviError(_("this organisation has no roll and no caseload."), exit_code=2)


def _match(line: shapes.RollIn) -> Child | None:
    """The child with this number and this birth date: both, or nobody."""
    upn, nhs = normalise.upn(line.upn), normalise.nhs_number(line.nhs_number)
    found: set[int] = set()
    for name, value, place in (("upn_blind", upn, "upn"), ("nhs_blind", nhs, "nhs")):
        if value:
            found |= set(Child.objects.filter(**{name: blind(value, place)}).values_list("pk", flat=True))
    if len(found) != 1:
        return None
    child = Child.objects.get(pk=found.pop())
    return child if child.birth_date == line.birth_date else None


def _set(visit: Visit, child: Child, kind: str, since: date, until: date | None) -> str:
    if until is not None and until <= since:
        raise EviError(_("a line ends before it begins."), where="until", exit_code=2)
    organisation = visit.membership.organisation
    same = {"child": child, "kind": kind, "organisation": organisation, "team": None, "user": None}
    open_tie = Tie.objects.filter(**same, until=None).first()
    known = open_tie or Tie.objects.filter(**same, since=since).first()
    if known is None:
        ties.tie(child, kind, organisation=organisation, since=since, until=until, why="by the interface")
        result = "begun"
    elif known.until == until:
        return "same"
    elif until is not None:
        ties.end_tie(known, until)
        result = "ended"
    else:
        known.until = None
        known.save(update_fields=["until"])
        result = "changed"
    visit.record("invite", child, ["identity"], note=f"{kind}: {result} by the interface")
    return result
