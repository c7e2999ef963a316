"""Messages and tasks of a made-up district, on past days and past the door. Nothing goes into the ledger.

Who is in a circle comes from `rules.keep_in_step` and `joining.put_in`, with a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.circles.models import Acknowledgement, Message, Task
from evi.care.text import clean_line, clean_text


def seed_message(
    child: Child,
    by: Membership,
    at: datetime,
    *,
    kind: str,
    subject: str,
    text: str,
    named: Sequence[Membership] = (),
    read_by: Sequence[Membership] = (),
    answer_by: date | None = None,
    outcome: str = "",
    closed_by: Membership | None = None,
    closed_at: datetime | None = None,
) -> Message:
    """A message as it would have been sent, read and answered."""
    message = Message.objects.create(
        child=child,
        kind=Message.Kind(kind),
        subject=clean_line(subject),
        text=clean_text(text),
        to_all=not named,
        by=by,
        at=at,
        answer_by=answer_by,
        outcome=clean_text(outcome),
        closed_by=closed_by,
        closed_at=closed_at,
    )
    message.named.set([each.user for each in named])
    Acknowledgement.objects.bulk_create(
        Acknowledgement(message=message, user=each.user, at=at) for each in read_by
    )
    return message


def seed_task(
    child: Child,
    by: Membership,
    at: datetime,
    *,
    what: str,
    who: Membership,
    due: date,
    done_at: datetime | None = None,
    note: str = "",
) -> Task:
    """A task, done if `done_at` says when."""
    return Task.objects.create(
        child=child,
        what=clean_text(what),
        who=who,
        due=due,
        made_by=by,
        made_at=at,
        status=Task.Status.DONE if done_at else Task.Status.OPEN,
        ended_by=who if done_at else None,
        ended_at=done_at,
        note=clean_text(note),
    )
