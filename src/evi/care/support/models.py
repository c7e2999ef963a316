"""The support plan of a child: needs, outcomes, actions and reviews, and every version of each.

Nothing here asks for a diagnosis: a need is what people see and what the child and family say.
Rows hold what is true now; `Version` holds every state that was ever written, and is only added to. Write
through `planning`, which keeps the two in step.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.fields import EncryptedJSONField, EncryptedTextField
from evi.care.publicid import new_public_id


class Plan(models.Model):
    """The support plan. A child has one open plan at a time; `revision` counts the changes made to it."""

    class Status(models.TextChoices):
        """Whether it is being worked on."""

        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="plans")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    revision = models.PositiveIntegerField(default=0)
    made_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    review_due = models.DateField(null=True, blank=True)
    closed_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_why = EncryptedTextField(blank=True)

    class Meta:
        """One open plan for each child."""

        ordering: ClassVar = ["-made_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["child"], condition=Q(status="open"), name="one_open_plan")
        ]


class Part(models.Model):
    """A part of a plan: who wrote it first, and when."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """In the order in which they were written."""

        abstract = True
        ordering: ClassVar = ["id"]


class Need(Part):
    """What makes things hard for the child, as somebody sees it. `area` is a key of `areas.yaml`."""

    class View(models.TextChoices):
        """Whose view it is."""

        CHILD = "child", _("The child")
        FAMILY = "family", _("The family")
        PRACTITIONER = "practitioner", _("Somebody who works with the child")

    class Status(models.TextChoices):
        """Whether it is still there."""

        OPEN = "open", _("Still a need")
        MET = "met", _("Met")

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="needs")
    area = models.SlugField(max_length=40)
    text = EncryptedTextField()
    strengths = EncryptedTextField(blank=True)
    view = models.CharField(max_length=14, choices=View, default=View.PRACTITIONER)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)


class Outcome(Part):
    """What should be different, how we shall know, from where, to where, and by when."""

    class Status(models.TextChoices):
        """How far it has come."""

        WORKING = "working", _("Working towards it")
        PARTLY = "partly", _("Partly there")
        MET = "met", _("Met")
        DROPPED = "dropped", _("Not a goal any more")

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="outcomes")
    need = models.ForeignKey(Need, on_delete=models.CASCADE, related_name="outcomes")
    text = EncryptedTextField()
    measure = EncryptedTextField()
    baseline = EncryptedTextField(blank=True)
    target = EncryptedTextField()
    by_when = models.DateField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WORKING)


class Action(Part):
    """What somebody does towards an outcome, how often, from when to when.

    `who` is a member of the circle; for somebody who does not sign in (a grandparent), `who_name` says it.
    `offer` is a key of the catalogue of offers, `strategy` one of the catalogue of strategies, if it came
    from there. `until` is the last day.
    """

    class Status(models.TextChoices):
        """How it stands."""

        PLANNED = "planned", _("Planned")
        UNDER_WAY = "under-way", _("Under way")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="actions")
    outcome = models.ForeignKey(Outcome, on_delete=models.CASCADE, related_name="actions")
    what = EncryptedTextField()
    who = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="actions"
    )
    who_name = EncryptedTextField(blank=True)
    how_often = EncryptedTextField(blank=True)
    offer = models.SlugField(max_length=80, blank=True)
    strategy = models.SlugField(max_length=80, blank=True)
    start = models.DateField()
    until = models.DateField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PLANNED)

    class Meta(Part.Meta):
        """Also found by who does it and by when."""

        indexes: ClassVar = [models.Index(fields=["who", "status", "until"])]

    @property
    def live(self) -> bool:
        """Whether somebody still has to do it."""
        return self.status in {self.Status.PLANNED, self.Status.UNDER_WAY}


class Review(Part):
    """A review that was held on a day: what everyone said, and when the next one is due.

    What it found of each action and outcome is in `Finding`. `cycle` counts the reviews of the plan from 1.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="reviews")
    cycle = models.PositiveIntegerField()
    held_on = models.DateField()
    who_came = EncryptedTextField(blank=True)
    child_view = EncryptedTextField(blank=True)
    family_view = EncryptedTextField(blank=True)
    summary = EncryptedTextField()
    next_due = models.DateField(null=True, blank=True)

    class Meta(Part.Meta):
        """A number once in a plan."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["plan", "cycle"], name="review_cycle_once")]


class Finding(models.Model):
    """What a review found of one action: what we tried, what it did, and if we keep, change or stop it."""

    class Effect(models.TextChoices):
        """What it did."""

        HELPED = "helped", _("It helped")
        A_LITTLE = "a-little", _("It helped a little")
        NO_CHANGE = "no-change", _("It made no difference")
        WORSE = "worse", _("It made things harder")
        TOO_EARLY = "too-early", _("Too early to say")
        NOT_TRIED = "not-tried", _("It was not tried")

    class Verdict(models.TextChoices):
        """What happens with it."""

        KEEP = "keep", _("Keep")
        CHANGE = "change", _("Change")
        STOP = "stop", _("Stop")

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="findings")
    action = models.ForeignKey(Action, on_delete=models.PROTECT, related_name="findings")
    tried = EncryptedTextField()
    did = EncryptedTextField(blank=True)
    effect = models.CharField(max_length=10, choices=Effect)
    verdict = models.CharField(max_length=10, choices=Verdict)

    class Meta:
        """An action once in a review."""

        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["review", "action"], name="review_found_once")
        ]


class Version(models.Model):
    """One state of one part of a plan, as it was written. Only ever added.

    `kind` is plan, need, outcome, action or review, `part` the part's public id, `state` all its fields.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="versions")
    revision = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    part = models.CharField(max_length=16)
    state = EncryptedJSONField()
    why = EncryptedTextField(blank=True)
    by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """A part once in a revision."""

        ordering: ClassVar = ["revision", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "revision", "part"], name="plan_version_once")
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add it.

        Raises:
            TypeError: it is there already; history is not rewritten.
        """
        if not self._state.adding:
            raise TypeError("a version of a plan is only ever added")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Never.

        Raises:
            TypeError: always.
        """
        raise TypeError("a version of a plan is never deleted")
