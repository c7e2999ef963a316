"""What the passport shows elsewhere: a card on the child's page, and lines of My work."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.pages import Card, WorkItem
from evi.care.passports import packs as packing
from evi.care.passports.contributions import PREFIX, stands_in
from evi.care.passports.models import CHILD, Look, Pack, Passport, PassportVersion, Share
from evi.care.passports.parts import parts
from evi.care.passports.rendering import drawn

ON_CARD = ("about-me", "works", "strengths")
"""In their own words, what helps, what they are good at."""

ENDS_SOON_DAYS = 7


def child_card(visit: Visit, child: Child) -> Card | None:
    """Who this child is in their own words, what helps, and strengths; None if none of it may be seen."""
    seen = [each for each in ON_CARD if visit.can(child, "view", PREFIX + each)]
    if not seen:
        return None
    visit.items(child, "view", [PREFIX + each for each in seen])
    found = stands_in(child, seen)
    begun = any(found.values()) or Passport.objects.filter(child=child).exists()
    return Card(
        _("In their own words"),
        "passports/card.html",
        {
            "sections": found,
            "known": parts(),
            **drawn(),
            "begun": begun,
            "child_voice": CHILD,
            "can_begin": not begun and visit.can(child, "contribute", "passport.*"),
            "child": child,
        },
        reverse("passports:passport", args=[child.public_id]),
        order=10,
    )


def work(visit: Visit) -> list[WorkItem]:
    """What is new in passports that this person reads, shares that end soon, and packs that wait."""
    return [*_new(visit), *_ending(visit), *_packs(visit)]


def _new(visit: Visit) -> list[WorkItem]:
    mine = visit.children("view", "passport.about-me")
    own = PassportVersion.objects.filter(
        passport=OuterRef("passport"), number=OuterRef("passport__version"), made_by=visit.user
    )
    rows = (
        Look.objects.filter(user=visit.user, version__lt=F("passport__version"), passport__child__in=mine)
        .exclude(Exists(own))
        .select_related("passport__child")
    )
    return [
        WorkItem(
            "new",
            _("The passport has new words"),
            reverse("passports:changes", args=[row.passport.child.public_id])
            + f"?from={row.version}&to={row.passport.version}",
            row.passport.child,
        )
        for row in rows[:50]
    ]


def _ending(visit: Visit) -> list[WorkItem]:
    soon = visit.day + timedelta(days=ENDS_SOON_DAYS)
    rows = Share.objects.filter(
        shared_by=visit.user,
        tie__until__gt=visit.day,
        tie__until__lte=soon,
        child__in=visit.children("share", "passport.about-me"),
    ).select_related("child", "tie")
    return [
        WorkItem(
            "due",
            _("A share that you made ends soon"),
            reverse("passports:shares", args=[row.child.public_id]),
            row.child,
            row.tie.until - timedelta(days=1) if row.tie.until else None,
        )
        for row in rows[:50]
    ]


def _packs(visit: Visit) -> list[WorkItem]:
    mine = packing.addressed_to(visit.membership)
    rows = (
        Pack.objects.filter(withdrawn_at__isnull=True, child__in=visit.children("view", "packs"))
        .filter((mine & Q(acknowledged_at__isnull=True)) | Q(sent_by=visit.user))
        .filter(
            Q(acknowledged_at__isnull=True) | Q(questions__answered_at__isnull=True, questions__isnull=False)
        )
        .select_related("child")
        .distinct()
    )
    lines = []
    for row in rows[:100]:
        url = reverse("passports:pack", args=[row.child.public_id, row.public_id])
        title = _(packing.kinds()[row.kind].title) if row.kind in packing.kinds() else row.kind
        if row.sent_by_id != visit.user.pk:
            text = _("Acknowledge a pack: %(kind)s") % {"kind": title}
            lines.append(WorkItem("acknowledge", text, url, row.child, row.due_on))
        elif row.acknowledged_at is not None:
            lines.append(
                WorkItem("request", _("A question about a pack: %(kind)s") % {"kind": title}, url, row.child)
            )
        else:
            late = row.due_on < visit.day
            text = (
                _("Not acknowledged in time: %(kind)s") if late else _("Waits to be acknowledged: %(kind)s")
            )
            lines.append(WorkItem("waiting", text % {"kind": title}, url, row.child, row.due_on))
    return lines
