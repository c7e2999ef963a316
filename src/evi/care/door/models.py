"""What the door keeps: the access ledger, emergency views, and blockages of sharing."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.fields import EncryptedTextField
from evi.care.publicid import new_public_id
from evi.sharing.ledger import Entry


class AppendOnlyError(Exception):
    """Somebody tried to change what may only be added to."""


class AppendOnly(models.QuerySet["AccessEntry"]):
    """A query set that can't change or delete. The database refuses too (see `triggers`)."""

    def update(self, **kwargs: Any) -> int:
        """Refused.

        Raises:
            AppendOnlyError: always.
        """
        raise AppendOnlyError

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused.

        Raises:
            AppendOnlyError: always.
        """
        raise AppendOnlyError


class AccessEntry(models.Model):
    """One entry of the access ledger: see `evi.sharing.ledger.Entry` for what each field says."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=40, db_index=True)
    role = models.CharField(max_length=40, blank=True)
    organisation = models.CharField(max_length=60, blank=True)
    action = models.CharField(max_length=40)
    child = models.CharField(max_length=16, blank=True)
    permitted = models.JSONField(default=list)
    refused = models.JSONField(default=list)
    purpose = models.CharField(max_length=40, blank=True)
    decision = models.CharField(max_length=20)
    agreement = models.CharField(max_length=80, blank=True)
    clause = models.CharField(max_length=80, blank=True)
    rules = models.CharField(max_length=64, blank=True)
    note = models.TextField(blank=True)
    before = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AppendOnly.as_manager()

    class Meta:
        """Found by child, newest first."""

        indexes: ClassVar = [models.Index(fields=["child", "-number"], name="ledger_child")]

    FIELDS: ClassVar = tuple(Entry.__dataclass_fields__)

    def __str__(self) -> str:
        return f"entry {self.number}"

    @classmethod
    def of(cls, entry: Entry) -> AccessEntry:
        """The row of an entry."""
        said = {name: getattr(entry, name) for name in cls.FIELDS}
        return cls(**(said | {"permitted": list(entry.permitted), "refused": list(entry.refused)}))

    @property
    def entry(self) -> Entry:
        """The entry of a row."""
        said = {name: getattr(self, name) for name in self.FIELDS}
        return Entry(**(said | {"permitted": tuple(self.permitted), "refused": tuple(self.refused)}))

    def save(self, *args: Any, force_insert: Any = False, **kwargs: Any) -> None:
        """Put in, never change.

        Raises:
            AppendOnlyError: the row is in the database already.
        """
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, force_insert=True, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused.

        Raises:
            AppendOnlyError: always.
        """
        raise AppendOnlyError


class LedgerHead(models.Model):
    """One row: where the ledger ends. The database moves it on when an entry is put in."""

    number = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        """One row, ever."""

        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="one_head")]

    def __str__(self) -> str:
        return f"head at {self.number}"


class BreakGlass(models.Model):
    """An emergency view: one person, one child, a few items, for a short time, reviewed afterwards.

    `justified` is None until the data guardian has reviewed it; `review_due` is the last day for that.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, on_delete=models.PROTECT, related_name="emergencies")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="emergencies")
    reason = EncryptedTextField()
    items = models.JSONField(default=list)
    opened_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    noticed_at = models.DateTimeField(null=True, blank=True)
    review_due = models.DateField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="emergencies_reviewed"
    )
    justified = models.BooleanField(null=True)
    review_note = EncryptedTextField(blank=True)

    class Meta:
        """Newest first; found by who may be looking now."""

        ordering: ClassVar = ["-opened_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["membership", "ends_at"], name="emergency_live")]

    def __str__(self) -> str:
        return f"emergency view {self.public_id}"


class Blockage(models.Model):
    """A refusal that somebody says stops them from helping a child.

    `item`, `action`, `agreement`, `why` and `rules` are of the decision that refused. `stage` is a key of
    `evi/sharing/blockages.yaml`: who has to decide now. `closed_how` is `agreement` (it changed and now
    permits), `no` (somebody said no, and why), or '' while it is open.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    child = models.ForeignKey(Child, null=True, on_delete=models.PROTECT, related_name="blockages")
    action = models.CharField(max_length=40)
    item = models.CharField(max_length=60)
    purpose = models.CharField(max_length=40)
    agreement = models.CharField(max_length=80, blank=True)
    why = models.CharField(max_length=40)
    sentence = models.TextField()
    rules = models.CharField(max_length=64)
    raised_by = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="blockages_raised")
    holder = models.CharField(max_length=40, blank=True)
    harm = EncryptedTextField()
    opened_at = models.DateTimeField(default=timezone.now)
    stage = models.CharField(max_length=20)
    stage_since = models.DateTimeField(default=timezone.now)
    stage_due = models.DateField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="blockages_closed"
    )
    closed_how = models.CharField(max_length=20, blank=True)
    closing_agreement = models.CharField(max_length=80, blank=True)
    closing_rules = models.CharField(max_length=64, blank=True)
    closing_reason = EncryptedTextField(blank=True)

    class Meta:
        """Oldest first."""

        ordering: ClassVar = ["opened_at", "id"]
        indexes: ClassVar = [models.Index(fields=["closed_at", "stage_due"], name="blockage_open")]

    def __str__(self) -> str:
        return f"blockage {self.public_id}"


class BlockageEvent(models.Model):
    """Something that happened to a blockage: raised, escalated, noted or closed."""

    blockage = models.ForeignKey(Blockage, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=20)
    stage = models.CharField(max_length=20)
    by = models.ForeignKey(Membership, null=True, blank=True, on_delete=models.PROTECT)
    text = EncryptedTextField(blank=True)

    class Meta:
        """Oldest first."""

        ordering: ClassVar = ["at", "id"]
