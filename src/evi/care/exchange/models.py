"""What this room keeps: tokens of other programs, answers given once, and what came in from elsewhere."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from evi.care.accounts.models import Membership, Organisation
from evi.care.children.models import Child
from evi.care.fields import EncryptedJSONField, EncryptedTextField
from evi.care.publicid import new_public_id


class Token(models.Model):
    """What a program of an organisation shows to be let in. It acts as `membership`, a service account's.

    Only `digest` (SHA-256 of 32 random bytes) is kept, and `prefix`, by which people tell tokens apart. It
    works until the end of the day before `expires_on`. `minute` and `used` count calls against `per_minute`.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="tokens")
    membership = models.OneToOneField(Membership, on_delete=models.PROTECT, related_name="token")
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_on = models.DateField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    per_minute = models.PositiveIntegerField(default=120)
    minute = models.BigIntegerField(default=0)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"token {self.public_id}"

    @property
    def live(self) -> bool:
        """Whether it still works."""
        return self.ended_at is None and self.expires_on > timezone.localdate()


class Answer(models.Model):
    """The answer to a call that writes, kept so that the same call again writes nothing and gets it again.

    `call` is a digest of the operation and its body: the same key with another one is a mistake.
    """

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="answers")
    key = models.CharField(max_length=80)
    call = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = EncryptedTextField(blank=True)
    made_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        """A key once for a token."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["token", "key"], name="answer_once")]


class Incoming(models.Model):
    """A file about a child that came from elsewhere, and what was done with it.

    `waiting`: nothing in it proves that it is about this child, so a person has to say. `content` is the
    dossier as it was read, `not_taken` what of the file was not, `added` what it brought, by kind.
    """

    class Status(models.TextChoices):
        """What became of it."""

        WAITING = "waiting"
        ADDED = "added"
        REFUSED = "refused"

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="incoming")
    kind = models.CharField(max_length=10)
    digest = models.CharField(max_length=64)
    sender = EncryptedTextField()
    content = EncryptedJSONField(default=dict)
    not_taken = EncryptedJSONField(default=list)
    added = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    received_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    why = EncryptedTextField(blank=True)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-received_at", "-id"]


class Received(models.Model):
    """One part that came from elsewhere, and the part here that it became.

    `key` is the part's key where it began (`blind` finds it), `digest` of what it said; `part` is the public
    id here. `said` keeps what the part here has no place for: its author there, and its time.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="received")
    incoming = models.ForeignKey(Incoming, on_delete=models.CASCADE, related_name="parts")
    kind = models.CharField(max_length=10)
    blind = models.CharField(max_length=26)
    key = EncryptedTextField()
    digest = models.CharField(max_length=64)
    part = models.CharField(max_length=40)
    said = EncryptedJSONField(default=dict)

    class Meta:
        """A part once for a child."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["child", "blind"], name="received_once")]
