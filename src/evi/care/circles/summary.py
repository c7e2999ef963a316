"""What this room adds to a child's page and to My work."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.children.address import Address
from evi.care.children.models import Tie
from evi.care.circles.models import Acknowledgement, Joining, Message, Task
from evi.care.circles.people import IN_CIRCLE, people
from evi.care.dated import live_on
from evi.care.door.rows import every_row
from evi.care.pages import Card, WorkItem
from evi.sharing.vocabulary import FAMILY

if TYPE_CHECKING:
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit

SHOWN = 6
"""People on the card; the page shows all."""
LATELY = timedelta(days=90)
"""How far back a message can be and still be owed an acknowledgement; a request's answer is shown as long."""
MOST = 50
"""Lines of one kind on My work."""


def child_card(visit: Visit, child: Child) -> Card | None:
    """Who is round the child, and what the circle has to do."""
    if not visit.may(child, "view", "circle").permitted:
        return None
    here = people(child, visit.day)
    context = {
        "people": here[:SHOWN],
        "more": len(here) - SHOWN if len(here) > SHOWN else 0,
        "tasks": 0,
        "due": None,
    }
    if visit.can(child, "view", "tasks"):
        visit.may(child, "view", "tasks")
        due = list(child.tasks.filter(status=Task.Status.OPEN).values_list("due", flat=True))
        context |= {"tasks": len(due), "due": min(due, default=None)}
    url = reverse("circles:circle", args=[child.public_id])
    return Card(_("Who is round this child"), "circles/card.html", context, url, order=30)


def work(visit: Visit) -> list[WorkItem]:
    """Invitations and requests that wait, messages to acknowledge or answer, tasks to do."""
    return [*_joinings(visit), *_messages(visit), *_tasks(visit)]


def due(visit: Visit, children: Collection[Child]) -> list[WorkItem]:
    """The open tasks of each child's circle, for lists: one query."""
    seen = {child.pk: child for child in children if visit.can(child, "view", "tasks")}
    found = Task.objects.filter(status=Task.Status.OPEN, child__in=seen).order_by("due") if seen else ()
    return [
        WorkItem(
            "due",
            Address.kept_from(visit, seen[task.child_id]).hide(task.what)[:120],
            reverse("circles:tasks", args=[seen[task.child_id].public_id]),
            seen[task.child_id],
            task.due,
        )
        for task in found
    ]


def _joinings(visit: Visit) -> list[WorkItem]:
    waiting = Q(status=Joining.Status.WAITING)
    mine = Q(membership=visit.membership)
    deciding = Q(kind=Joining.Kind.REQUEST, child__in=visit.children("invite", "circle")) & ~mine
    told = mine & Q(
        kind=Joining.Kind.REQUEST,
        status=Joining.Status.DECLINED,
        answered_at__gt=timezone.now() - timedelta(days=14),
    )
    found = Joining.objects.filter(
        waiting & mine & Q(kind=Joining.Kind.INVITATION) | waiting & deciding | told
    ).select_related("child", "membership__user", "made_by__user")
    with every_row():  # an invitation is to a circle whose child the database hides from them
        lines = list(found[:MOST])
    return [_joining(visit, one) for one in lines]


def _joining(visit: Visit, one: Joining) -> WorkItem:
    child = one.child
    if one.kind == Joining.Kind.INVITATION:
        text = _("%(name)s invites you to join a circle") % {"name": one.made_by.user.name}
        url = reverse("circles:invitation", args=[child.public_id, one.public_id])
        return WorkItem("request", text, url)
    if one.status == Joining.Status.DECLINED:
        text = _("You asked to join the circle. The answer is no: %(why)s") % {"why": one.answer}
        return WorkItem("new", text, reverse("children:child", args=[child.public_id]), child)
    text = _("%(name)s asks to join the circle") % {"name": one.membership.user.name}
    return WorkItem("request", text, reverse("circles:decide", args=[child.public_id, one.public_id]), child)


def _messages(visit: Visit) -> list[WorkItem]:
    member = Tie.objects.filter(live_on(visit.day), child=OuterRef("child"), kind=IN_CIRCLE, user=visit.user)
    read = Acknowledgement.objects.filter(message=OuterRef("pk"), user=visit.user)
    named = Message.named.through.objects.filter(message=OuterRef("pk"), user=visit.user)
    mine = Q(Exists(named)) | Q(to_all=True) & Q(Exists(member))
    owed = Q(answer_by__isnull=False, closed_at=None) | ~Exists(read)
    found = (
        Message.objects.filter(mine, owed, child__in=visit.children("view", "messages"))
        .filter(at__gt=timezone.now() - LATELY)
        .exclude(by__user=visit.user)
        .select_related("child")
        .annotate(was_read=Exists(read))
    )
    return [_message(one) for one in found[:MOST]]


def _message(one: Message) -> WorkItem:
    url = reverse("circles:message", args=[one.child.public_id, one.public_id])
    if one.answer_by is not None and one.closed_at is None:
        text = _("Answer: %(subject)s") % {"subject": one.subject}
        return WorkItem("due", text, url, one.child, one.answer_by)
    return WorkItem("acknowledge", one.subject, url, one.child)


def _tasks(visit: Visit) -> list[WorkItem]:
    found = Task.objects.filter(
        who__user=visit.user, status=Task.Status.OPEN, child__in=visit.children("view", "tasks")
    ).select_related("child")
    tasks = list(found[:MOST])
    if visit.membership.organisation.kind == FAMILY:
        visit.learn({one.child for one in tasks})
        hide = {one.child: Address.kept_from(visit, one.child).hide for one in tasks}
    else:
        hide = {}
    return [_task(one, hide.get(one.child, str)) for one in tasks]


def _task(one: Task, hide: Callable[[str], str]) -> WorkItem:
    url = reverse("circles:tasks", args=[one.child.public_id])
    return WorkItem("due", hide(one.what)[:120], url, one.child, one.due)
