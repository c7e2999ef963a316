"""Messages and tasks of a circle: what can be said and asked, read by whom, answered once. No free chat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.circles.models import Acknowledgement, Message, Task
from evi.care.circles.people import in_circle, members
from evi.care.door.visit import Visit
from evi.care.text import LINE_LIMIT, NOTE_LIMIT, clean_line, clean_text

FARTHEST = timedelta(days=366 * 2)


def readable(visit: Visit, child: Child) -> QuerySet[Message]:
    """The messages about a child that the visitor may read: to all, to them by name, or from them.

    Decide first whether they may see `messages` of the child at all.
    """
    mine = Q(to_all=True) | Q(named=visit.user) | Q(by__user=visit.user)
    return (
        Message.objects.filter(mine, child=child)
        .select_related("by__user", "by__organisation", "closed_by__user")
        .prefetch_related("named", "acknowledgements__user")
        .distinct()
    )


def send(
    visit: Visit,
    child: Child,
    *,
    kind: str,
    subject: str,
    text: str,
    named: Sequence[Membership] = (),
    answer_by: date | None = None,
) -> Message:
    """Say something to the circle, or to named members of it.

    Raises:
        Refused: no agreement permits it.
        ValidationError: by field: an empty or too long text, somebody who is not in the circle, a past day.
    """
    subject, text = clean_line(subject), clean_text(text)
    faults = _written(subject=(subject, LINE_LIMIT), text=(text, NOTE_LIMIT))
    if kind not in Message.Kind:
        faults["kind"] = _("Choose what kind of message it is.")
    if kind == Message.Kind.UPDATE:
        answer_by = None
    elif fault := _ahead(answer_by, visit.day):
        faults["answer_by"] = fault
    with visit.writing(child, "contribute", "messages", note=f"message sent: {kind}"):
        known = {each.pk for each in members(child, visit.day)} if named else set()
        if any(each.pk not in known for each in named):
            faults["named"] = _("A message can only be for people in the child's circle.")
        _raise(faults)
        message = Message.objects.create(
            child=child,
            kind=kind,
            subject=subject,
            text=text,
            to_all=not named,
            by=visit.membership,
            answer_by=answer_by,
        )
        message.named.set([each.user for each in named])
    return message


def acknowledge(visit: Visit, message: Message) -> None:
    """Say that it was read; saying so twice is once."""
    with visit.writing(message.child, "view", "messages", note="message acknowledged"):
        Acknowledgement.objects.get_or_create(message=message, user=visit.user)


def close(visit: Visit, message: Message, outcome: str) -> None:
    """Write the answer to a question, or what was decided. It is written once, and stays.

    Raises:
        ValidationError: nothing is written, it is an update, or somebody else was faster.
    """
    outcome = clean_text(outcome)
    _raise(_written(outcome=(outcome, NOTE_LIMIT)))
    if message.kind == Message.Kind.UPDATE:
        raise ValidationError(_("An update needs no answer."))
    with visit.writing(message.child, "contribute", "messages", note="message answered"):
        open_still = Message.objects.filter(pk=message.pk, closed_at=None)
        if not open_still.update(outcome=outcome, closed_by=visit.membership, closed_at=timezone.now()):
            raise ValidationError(_("Somebody has answered already. Read their answer first."))


def give_task(visit: Visit, child: Child, *, what: str, who: Membership | None, due: date | None) -> Task:
    """Note what somebody in the circle will do, and by when.

    Raises:
        Refused: no agreement permits it.
        ValidationError: by field.
    """
    what = clean_text(what)
    faults = _written(what=(what, NOTE_LIMIT))
    if due is None:
        faults["due"] = _("Write the day by which it will be done.")
    elif fault := _ahead(due, visit.day):
        faults["due"] = fault
    with visit.writing(child, "contribute", "tasks", note="task given"):
        if who is None or not in_circle(child, who, visit.day):
            faults["who"] = _("Choose somebody in the child's circle.")
        if faults or who is None or due is None:
            raise ValidationError({name: [fault] for name, fault in faults.items()})
        return Task.objects.create(child=child, what=what, who=who, due=due, made_by=visit.membership)


def end_task(visit: Visit, task: Task, *, done: bool, note: str = "") -> None:
    """Note that a task is done, or not needed any more (then say why).

    Whoever may see the tasks can end their own; to end another's they must be permitted to contribute.

    Raises:
        ValidationError: no reason for dropping it, or it was ended before.
    """
    note = clean_text(note)
    if not done and not note:
        raise ValidationError({"note": _("Say why it is not needed any more.")})
    if len(note) > NOTE_LIMIT:
        raise ValidationError({"note": _too_long(NOTE_LIMIT)})
    status = Task.Status.DONE if done else Task.Status.DROPPED
    action = "view" if task.who.user_id == visit.user.pk else "contribute"
    with visit.writing(task.child, action, "tasks", note=f"task {status}"):
        still = Task.objects.filter(pk=task.pk, status=Task.Status.OPEN)
        if not still.update(status=status, note=note, ended_by=visit.membership, ended_at=timezone.now()):
            raise ValidationError(_("This task was ended already."))


def tasks_of(child: Child) -> QuerySet[Task]:
    """Every task for a child, with who does it and who gave it."""
    return Task.objects.filter(child=child).select_related(
        "who__user", "who__organisation", "made_by__user", "ended_by__user"
    )


def _written(**texts: tuple[str, int]) -> dict[str, str]:
    faults = {name: _too_long(limit) for name, (text, limit) in texts.items() if len(text) > limit}
    return faults | {name: _("Write something here.") for name, (text, _limit) in texts.items() if not text}


def _too_long(limit: int) -> str:
    return _("That is too long. Keep it under %(limit)s characters.") % {"limit": f"{limit:,}"}


def _ahead(day: date | None, today: date) -> str:
    if day is not None and day < today:
        return _("That day has passed.")
    if day is not None and day > today + FARTHEST:
        return _("That day is too far off. Check the year.")
    return ""


def _raise(faults: dict[str, str]) -> None:
    if faults:
        raise ValidationError({name: [fault] for name, fault in faults.items()})
