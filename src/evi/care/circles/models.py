"""The circle round one child: places in it, who leads, who was asked to join, messages and tasks.

Whether somebody is in a circle is decided by one thing alone: a live tie `in-circle` (`children.Tie`). A
`Place` says more about such a tie, and never says on its own that somebody belongs.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evi.care.accounts.models import Membership
from evi.care.children.models import Child, Tie
from evi.care.dated import DatedQuerySet
from evi.care.fields import EncryptedTextField
from evi.care.publicid import new_public_id


class Place(models.Model):
    """What is known of one tie `in-circle`: as whom the person belongs, and how they came and went.

    `rule` is a key of `rules.yaml` and `basis` the tie that the rule followed (on the roll, on the caseload);
    both are empty for whoever was invited. The days are those of the tie.
    """

    class How(models.TextChoices):
        """How somebody came to be in the circle."""

        RULE = "rule", _("By rule")
        INVITED = "invited", _("Invited")
        ASKED = "asked", _("Asked to join")

    class End(models.TextChoices):
        """How somebody left."""

        RULE = "rule", _("The reason for being here ended")
        REMOVED = "removed", _("Taken out")
        LEFT = "left", _("Left")

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="places")
    tie = models.OneToOneField(Tie, on_delete=models.CASCADE, related_name="place")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="places")
    part = models.CharField(max_length=120, blank=True)
    how = models.CharField(max_length=10, choices=How)
    rule = models.SlugField(max_length=60, blank=True)
    basis = models.ForeignKey(Tie, null=True, blank=True, on_delete=models.SET_NULL, related_name="follows")
    ended_how = models.CharField(max_length=10, choices=End, blank=True)
    ended_by = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        """Found by child."""

        indexes: ClassVar = [models.Index(fields=["child", "membership"])]


class Lead(models.Model):
    """Who led the circle, from `since` until the day before `until`. One at a time; earlier ones are kept."""

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="leads")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="leads")
    set_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    since = models.DateField(default=timezone.localdate)
    until = models.DateField(null=True, blank=True)

    objects = DatedQuerySet["Lead"].as_manager()

    class Meta:
        """One that has not ended, for each child."""

        ordering: ClassVar = ["-since", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["child"], condition=Q(until__isnull=True), name="one_lead")
        ]

    def holds(self, day: date) -> bool:
        """Whether they lead on a day."""
        return self.since <= day and (self.until is None or self.until > day)


class Joining(models.Model):
    """An invitation to join the circle, which the person answers, or a request, which the circle answers."""

    class Kind(models.TextChoices):
        """Who asks whom."""

        INVITATION = "invitation", _("Invitation")
        REQUEST = "request", _("Request to join")

    class Status(models.TextChoices):
        """What became of it."""

        WAITING = "waiting", _("Waiting for an answer")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Taken back")

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="joinings")
    kind = models.CharField(max_length=12, choices=Kind)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="joinings")
    part = models.CharField(max_length=120, blank=True)
    why = EncryptedTextField(blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    made_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    answered_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = EncryptedTextField(blank=True)

    class Meta:
        """One that waits, for each child and person."""

        ordering: ClassVar = ["-made_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["child", "membership"], condition=Q(status="waiting"), name="one_joining_waits"
            )
        ]


class Message(models.Model):
    """Something said to the circle, or to named members of it. It is about one child, and has one subject.

    A question is closed by its answer and a decision by what was decided (`outcome`); there is no thread.
    With `to_all` every member may read it; otherwise its writer and those `named`, and nobody else.
    """

    class Kind(models.TextChoices):
        """What the message asks of its readers."""

        UPDATE = "update", _("Update")
        QUESTION = "question", _("Question")
        DECISION = "decision", _("Decision needed")

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=10, choices=Kind)
    subject = EncryptedTextField()
    text = EncryptedTextField()
    to_all = models.BooleanField(default=True)
    named: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+"
    )
    by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    answer_by = models.DateField(null=True, blank=True)
    outcome = EncryptedTextField(blank=True)
    closed_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["child", "-at"])]


class Acknowledgement(models.Model):
    """Somebody says that they have read a message."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="acknowledgements")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Once is enough."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "user"], name="message_acknowledged_once")
        ]


class Task(models.Model):
    """A thing that one person of the circle will do for the child by a day."""

    class Status(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("To do")
        DONE = "done", _("Done")
        DROPPED = "dropped", _("Not needed any more")

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="tasks")
    what = EncryptedTextField()
    who = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="tasks")
    due = models.DateField()
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    made_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    ended_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    note = EncryptedTextField(blank=True)

    class Meta:
        """What is due first on top."""

        ordering: ClassVar = ["due", "id"]
        indexes: ClassVar = [
            models.Index(fields=["child", "status", "due"]),
            models.Index(fields=["who", "status", "due"]),
        ]
