"""Releases that were taken in, findings about children, and records that may be of one child."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evi.care.accounts.models import Organisation
from evi.care.children.models import Child
from evi.care.fields import EncryptedJSONField, EncryptedTextField
from evi.care.publicid import new_public_id


class Release(models.Model):
    """What the hub released to one organisation, by which agreement, from which run.

    `n_sent` children were in the package, `n_unmatched` of them have no record here and were reported back.
    A retracted release keeps its findings as history, and shows them to nobody.
    """

    name = models.SlugField(max_length=120)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="releases")
    agreement = models.SlugField(max_length=80)
    clause = models.CharField(max_length=80)
    gateway = models.CharField(max_length=80)
    rules = models.JSONField(default=list)
    run_id = models.CharField(max_length=80)
    question = models.TextField()
    limits = models.JSONField(default=list)
    released_at = models.DateTimeField()
    taken_in_at = models.DateTimeField(default=timezone.now)
    n_sent = models.PositiveIntegerField(default=0)
    n_unmatched = models.PositiveIntegerField(default=0)
    retracted_at = models.DateTimeField(null=True, blank=True)
    retracted_because = models.CharField(max_length=500, blank=True)

    class Meta:
        """A release once for an organisation."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "organisation"], name="release_once")
        ]


class Outcome(models.TextChoices):
    """What came of looking at a finding."""

    SUPPORT = "support", _("We have started support, or changed it")
    TALKED = "talked", _("We have talked with the family and will decide together")
    REFERRED = "referred", _("We have asked another service to look")
    KNOWN = "known", _("We knew already and are doing something about it")
    NO_NEED = "no-need", _("We looked and see no need now")
    WRONG = "wrong", _("This is not right about this child")


class Finding(models.Model):
    """One child of a release: why a professional look is worth it, and what was seen when somebody looked.

    `reasons` are sentences; `withheld` is how many more this organisation may not be told.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="findings")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="findings")
    reasons = EncryptedJSONField(default=list)
    withheld = models.PositiveSmallIntegerField(default=0)
    not_known = EncryptedJSONField(default=list)
    next_step = EncryptedTextField(blank=True)
    waiting_since = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True, choices=Outcome.choices)
    outcome_note = EncryptedTextField(blank=True)
    looked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    looked_role = models.CharField(max_length=120, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The newest release first; a child once in it."""

        ordering: ClassVar = ["-release__released_at", "-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["child", "release"], name="finding_once")]


class PerhapsSame(models.Model):
    """Two children who may be one: a service's record was linked, but not surely enough to join them.

    `child` is the one with the unsure record, of the service that `feed` names.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="perhaps_same")
    other = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="+")
    feed = models.CharField(max_length=60)
    answer = models.CharField(max_length=10, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A pair once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["child", "other"], name="pair_once")]
