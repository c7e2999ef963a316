"""The one hand that writes a plan: each use of it is one revision, and every state that it writes is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.support.models import Action, Need, Outcome, Plan, Review, Version
from evi.care.text import clean_text

KINDS: dict[str, type[models.Model]] = {
    "plan": Plan,
    "need": Need,
    "outcome": Outcome,
    "action": Action,
    "review": Review,
}
"""Kinds of part, by the word that `Version.kind` holds."""
_NOT_STATE = {"id", "public_id", "plan", "by", "at", "made_by", "made_at", "child", "revision"}


class Overtaken(Exception):  # noqa: N818 - what happened
    """Somebody else changed this part after it was read. `versions` are what they wrote, oldest first."""

    def __init__(self, versions: list[Version]) -> None:
        self.versions = versions
        super().__init__("this part of the plan was changed by somebody else in the meantime")


@dataclass
class Pen:
    """A plan that is being written, locked until the transaction ends."""

    plan: Plan
    by: Membership
    at: datetime
    why: str = ""
    _written: dict[str, models.Model] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The day on which it is written."""
        return timezone.localtime(self.at).date()

    def write(self, part: Any) -> None:
        """Save a part as it now is; its state goes into the history when the pen is put down."""
        part.save()
        self._written[part.public_id] = part

    def unchanged_since(self, part: Any, revision: int) -> None:
        """Hold that nobody wrote this part after `revision` of the plan.

        Raises:
            Overtaken: somebody did.
        """
        later = self.plan.versions.filter(part=part.public_id, revision__gt=revision)
        found = list(later.select_related("by__user", "by__organisation"))
        if found:
            raise Overtaken(found)

    def no_new(self, kind: str, revision: int) -> None:
        """Hold that nothing of this kind was written after `revision`.

        Raises:
            Overtaken: something was.
        """
        found = list(
            self.plan.versions.filter(kind=kind, revision__gt=revision).select_related(
                "by__user", "by__organisation"
            )
        )
        if found:
            raise Overtaken(found)

    def put_down(self) -> None:
        """Write the history of what was written."""
        self.plan.save()
        Version.objects.bulk_create(
            Version(
                plan=self.plan,
                revision=self.plan.revision,
                kind=kind_of(part),
                part=public_id,
                state=state_of(part),
                why=self.why,
                by=self.by,
                at=self.at,
            )
            for public_id, part in self._written.items()
        )


@contextmanager
def holding(plan: Plan, by: Membership, at: datetime | None = None, why: str = "") -> Iterator[Pen]:
    """Write one revision of a plan, all of it or none. This asks nobody; `planning` asks the door first."""
    with transaction.atomic():
        locked = Plan.objects.select_for_update().get(pk=plan.pk)
        locked.child = plan.child
        locked.revision += 1
        pen = Pen(locked, by, at or timezone.now(), clean_text(why))
        yield pen
        pen.put_down()
        for name in ("revision", "status", "review_due", "closed_at", "closed_by", "closed_why"):
            setattr(plan, name, getattr(locked, name))


def kind_of(part: models.Model) -> str:
    """The word of the history for a kind of part."""
    return next(word for word, model in KINDS.items() if isinstance(part, model))


def state_of(part: models.Model) -> dict[str, Any]:
    """Every field of a part that can change, as JSON can hold it; another part is named by its public id."""
    state: dict[str, Any] = {}
    for each in part._meta.concrete_fields:
        if each.name in _NOT_STATE:
            continue
        value = getattr(part, each.name) if not each.is_relation else getattr(part, each.attname)
        if each.is_relation and value is not None and each.related_model is not Membership:
            value = getattr(part, each.name).public_id
        state[each.name] = value.isoformat() if isinstance(value, date | datetime) else value
    if isinstance(part, Review):
        state["findings"] = [
            {
                "action": found.action.public_id,
                "tried": found.tried,
                "did": found.did,
                "effect": found.effect,
                "verdict": found.verdict,
            }
            for found in part.findings.select_related("action")
        ]
    return state
