"""Emergency views (break-glass): opened with a reason, short, loud, few items, and reviewed afterwards."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.door import ledger, workdays
from evi.care.door.models import BreakGlass
from evi.care.door.visit import Refused
from evi.care.fields import blind
from evi.sharing.emergency import PURPOSE, emergency_rules
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

EMERGENCY_ON = "emergency"
"""In the session: until when a view may be on (POSIX time), so that without one nothing is asked."""

GUARDIAN, PARTNERSHIP = "data-guardian", "partnership"
ACTION = "break-glass"

_log = logging.getLogger(__name__)


def live(membership: Membership, now: datetime | None = None) -> dict[int, BreakGlass]:
    """Emergency views of a membership that are on, by child."""
    views = BreakGlass.objects.filter(membership=membership, ends_at__gt=now or timezone.now())
    return {view.child_id: view for view in views.select_related("child")}


def find(
    nhs_number: str = "", upn: str = "", born: date | None = None, names: tuple[str, str] = ("", "")
) -> Child | None:
    """The one child with exactly these identifiers; None if there is none, or more than one.

    A number alone is enough; without one, given name, family name and birth date together.
    """
    if nhs_number or upn:
        wanted = Q()
        for number, place, column in ((nhs_number, "nhs", "nhs_blind"), (upn, "upn", "upn_blind")):
            if number:
                wanted &= Q(**{column: blind("".join(number.split()).upper(), place)})
        found = list(Child.objects.filter(wanted)[:2])
    elif born and all(names):
        same_day = Child.objects.filter(born_blind=blind(born.isoformat(), "born"))
        found = [child for child in same_day if _same_name(child, names)]
    else:
        return None
    return found[0] if len(found) == 1 else None


def _same_name(child: Child, names: tuple[str, str]) -> bool:
    given, family = (name.strip().casefold() for name in names)
    return child.family_name.strip().casefold() == family and given in {
        child.given_name.strip().casefold(),
        child.known_as.strip().casefold(),
    }


def open_view(visit: Visit, child: Child, reason: str) -> BreakGlass:
    """Open an emergency view; the data guardian sees it at once.

    Raises:
        Refused: the agreements give this role nothing in an emergency.
        EviError: the reason is too short.
    """
    rules, now = emergency_rules(), timezone.now()
    if not rules.enough(reason):
        raise EviError(_("Say in a few words what the emergency is."), exit_code=2)
    decision = visit.decision(child, "view", "identity", PURPOSE)
    if not decision.permitted:
        visit.may(child, "view", "identity", PURPOSE)
        raise Refused(decision, "view", "identity")
    items = [item for item in vocabulary().items if visit.decision(child, "view", item, PURPOSE).permitted]
    with transaction.atomic():
        view = BreakGlass.objects.create(
            child=child,
            membership=visit.membership,
            reason=reason,
            items=items,
            opened_at=now,
            ends_at=now + timedelta(minutes=rules.minutes),
            review_due=workdays.after(timezone.localdate(now), rules.review_working_days),
        )
        ledger.append_for(
            visit,
            ACTION,
            child,
            permitted=items,
            purpose=PURPOSE,
            agreement=decision.agreement,
            clause=decision.clause,
            note=f"emergency view {view.public_id} opened for {rules.minutes} minutes",
        )
        transaction.on_commit(lambda: _ask_for_notice(view))
    visit.emergencies[child.pk] = view
    return view


def end(visit: Visit, view: BreakGlass) -> None:
    """End a view early: the one who opened it needs it no more."""
    with transaction.atomic():
        BreakGlass.objects.filter(pk=view.pk, ends_at__gt=timezone.now()).update(ends_at=timezone.now())
        ledger.append_for(
            visit, ACTION, view.child, purpose=PURPOSE, note=f"emergency view {view.public_id} ended"
        )


def guardians(view: BreakGlass) -> QuerySet[Membership]:
    """Who is told and reviews: data guardians of the partnership, and of the organisation concerned."""
    theirs = Q(organisation__kind=PARTNERSHIP) | Q(organisation_id=view.membership.organisation_id)
    return Membership.objects.live().filter(theirs, role=GUARDIAN).select_related("user")


def to_review(membership: Membership) -> QuerySet[BreakGlass]:
    """Views that this data guardian may review, newest first, reviewed ones too."""
    views = BreakGlass.objects.select_related(
        "child", "membership__user", "membership__organisation", "reviewed_by__user"
    )
    if membership.organisation.kind == PARTNERSHIP:
        return views
    return views.filter(membership__organisation_id=membership.organisation_id)


def review(visit: Visit, view: BreakGlass, justified: bool, note: str) -> bool:
    """Record the review; False if somebody else reviewed it before."""
    with transaction.atomic():
        waiting = (
            BreakGlass.objects.select_for_update(of=("self",)).filter(pk=view.pk, reviewed_at=None).first()
        )
        if waiting is None:
            return False
        waiting.reviewed_at, waiting.reviewed_by = timezone.now(), visit.membership
        waiting.justified, waiting.review_note = justified, note
        waiting.save(update_fields=["reviewed_at", "reviewed_by", "justified", "review_note"])
        said = "justified" if justified else "not justified"
        ledger.append_for(visit, "review", view.child, note=f"emergency view {view.public_id} found {said}")
    return True


def send_notice(view_id: int) -> bool:
    """Write to the data guardians that a view was opened; once, whoever calls. No name is in the letter.

    Returns:
        Whether it was sent now.
    """
    mine = BreakGlass.objects.filter(pk=view_id, noticed_at=None).update(noticed_at=timezone.now())
    view = BreakGlass.objects.select_related("membership__organisation").filter(pk=view_id).first()
    if not mine or view is None:
        return False
    try:
        for user in {each.user for each in guardians(view)}:
            with override(user.language):
                send_mail(_("An emergency view was opened"), _letter(view), None, [user.email])
    except OSError:
        BreakGlass.objects.filter(pk=view_id).update(noticed_at=None)  # the next round tries again
        _log.warning("the notice of emergency view %s could not be sent", view.public_id)
        return False
    return True


def _letter(view: BreakGlass) -> str:
    said = _(
        "Somebody opened a child's record as an emergency at %(time)s. Please sign in to %(product)s, "
        "look at My work, and review it by %(day)s. This letter holds no name on purpose."
    )
    opened = timezone.localtime(view.opened_at)
    return said % {
        "time": formats.date_format(opened, "H:i"),
        "product": settings.EVI_PRODUCT,
        "day": formats.date_format(view.review_due, "j F Y"),
    }


def _ask_for_notice(view: BreakGlass) -> None:
    from evi.care.door.jobs import notify  # noqa: PLC0415 - it asks for this module

    notify.enqueue(view.pk)
