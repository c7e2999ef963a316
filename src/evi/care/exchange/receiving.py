"""A file comes in for a child: read, checked, held against who the child is, then added or kept waiting.

A child is matched only by NHS number or UPN together with the birth date, and only where the visit may see
those of the child. A name and a birth date match nobody: two children can share them. Then a person decides.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.exchange import adding, isp
from evi.care.exchange.dossier import Dossier
from evi.care.exchange.files import File
from evi.care.exchange.models import Incoming
from evi.care.fields import blind
from evi.encoding import normalise
from evi.workspace import EviError


def proves(visit: Visit, child: Child, dossier: Dossier) -> bool:
    """Whether a file proves to be about a child: the same number and birth date, and no other number.

    Where the visit may not see the child's numbers, nothing is proved.
    """
    if not visit.may(child, "view", "identifiers").permitted:
        return False
    who = dossier.identity
    pairs = [
        (normalise.nhs_number(who.nhs_number), normalise.nhs_number(child.nhs_number)),
        (normalise.upn(who.upn), normalise.upn(child.upn)),
    ]
    told = [(theirs, ours) for theirs, ours in pairs if theirs and ours]
    return bool(told) and all(a == b for a, b in told) and who.birth_date == child.birth_date


def find_child(visit: Visit, dossier: Dossier) -> Child | None:
    """The one child whom the visit may see and whom the file proves to be about."""
    allowed = visit.children("view", "identifiers")
    who = dossier.identity
    found: dict[int, Child] = {}
    for name, number in (("nhs", normalise.nhs_number(who.nhs_number)), ("upn", normalise.upn(who.upn))):
        if number:
            for child in allowed.filter(**{f"{name}_blind": blind(number, name)})[:3]:
                found[child.pk] = child
    right = [child for child in found.values() if proves(visit, child, dossier)]
    return right[0] if len(right) == 1 else None


def receive(visit: Visit, child: Child, file: File) -> Incoming:
    """Take a file in for a child: add it if it proves to be about them, else let it wait for a person.

    The same file again gives what became of it the first time.

    Raises:
        Refused: the visit may add nothing of it.
    """
    visit.check(child, "contribute", "passport.*")
    before = (
        Incoming.objects.filter(child=child, digest=file.digest)
        .exclude(status=Incoming.Status.REFUSED)
        .first()
    )
    if before is not None:
        return before
    proved = proves(visit, child, file.dossier)
    with transaction.atomic():
        incoming = Incoming.objects.create(
            child=child,
            kind=file.kind,
            digest=file.digest,
            sender=file.dossier.sender,
            content=isp.plain(file.dossier),
            not_taken=[[fault.place, fault.what] for fault in file.not_taken],
            received_by=visit.membership,
        )
        note = f"a file came in ({file.kind})" + ("" if proved else ", waits for a match")
        visit.record("contribute", child, note=note)
        if proved:
            _add(visit, incoming, file.dossier)
    return incoming


def decide(visit: Visit, incoming: Incoming, same: bool, why: str) -> Incoming:
    """A person says whether a waiting file is about the child, and why they are sure.

    Raises:
        Refused: the visit may add nothing of it.
        EviError: it was decided before, or no reason is given.
    """
    if not why.strip():
        raise EviError(_("say how you know."), where="why", exit_code=2)
    with transaction.atomic():
        incoming = Incoming.objects.select_for_update().select_related("child").get(pk=incoming.pk)
        if incoming.status != Incoming.Status.WAITING:
            raise EviError(_("this was decided already."), exit_code=2)
        incoming.decided_by, incoming.decided_at, incoming.why = visit.membership, timezone.now(), why
        if same:
            visit.record("contribute", incoming.child, note="a person matched a file that came in")
            _add(visit, incoming, isp.whole(Dossier, incoming.content))
        else:
            visit.record("contribute", incoming.child, note="a file that came in is not about this child")
            incoming.status, incoming.content = Incoming.Status.REFUSED, {}
            incoming.save()
    return incoming


def _add(visit: Visit, incoming: Incoming, dossier: Dossier) -> None:
    added = adding.add(visit, incoming, dossier)
    incoming.added = dict(added.counts)
    incoming.not_taken = [*incoming.not_taken, *([fault.place, fault.what] for fault in added.not_taken)]
    incoming.status = Incoming.Status.ADDED
    incoming.save()


def circle_there(incoming: Incoming) -> list[dict[str, Any]]:
    """Who was round the child where the file came from: shown, and nobody is put into the circle here."""
    return list(incoming.content.get("circle", []))
