"""The named child, and whom the child is tied to. Everything that names a child is encrypted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from itertools import islice
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from evi.care.accounts.models import Organisation, Team
from evi.care.children.names import folded, stored_keys
from evi.care.dated import DatedQuerySet
from evi.care.fields import EncryptedDateField, EncryptedJSONField, EncryptedTextField, blind
from evi.care.publicid import new_public_id


class Child(models.Model):
    """One child or young person.

    `moved_out_on`: the day on which the child left the district; services here then keep what they wrote, and
    see nothing new. Queries for people go through `Visit.children`, never through `objects`.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    given_name = EncryptedTextField()
    family_name = EncryptedTextField()
    known_as = EncryptedTextField(blank=True)
    birth_date = EncryptedDateField()
    sex = models.CharField(max_length=1, blank=True)
    language = EncryptedTextField(blank=True)
    address = EncryptedTextField(blank=True)
    postcode = EncryptedTextField(blank=True)
    phone = EncryptedTextField(blank=True)
    nhs_number = EncryptedTextField(blank=True)
    upn = EncryptedTextField(blank=True)
    nhs_blind = models.CharField(max_length=26, blank=True, db_index=True, editable=False)
    upn_blind = models.CharField(max_length=26, blank=True, db_index=True, editable=False)
    born_blind = models.CharField(max_length=26, blank=True, db_index=True, editable=False)
    same_blind = models.CharField(max_length=26, blank=True, db_index=True, editable=False)
    moved_out_on = models.DateField(null=True, blank=True)
    moved_to = EncryptedTextField(blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"child {self.public_id}"

    def set_blinds(self) -> None:
        """Work out the blind indexes; `save` does it, `bulk_create` does not."""
        self.nhs_blind = blind(self.nhs_number, "nhs")
        self.upn_blind = blind(self.upn, "upn")
        born = self.birth_date.isoformat() if self.birth_date else ""
        self.born_blind = blind(born, "born")
        self.same_blind = blind(f"{folded(self.given_name, self.family_name)} {born}" if born else "", "same")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the blind indexes and the keys of the names true."""
        self.nhs_number = "".join(self.nhs_number.split())
        self.upn = "".join(self.upn.split()).upper()
        self.set_blinds()
        with transaction.atomic():
            super().save(*args, **kwargs)
            set_name_keys([self])

    def has_namesake(self) -> bool:
        """Whether another child has the same name and birth date, visible to whoever asks or not."""
        same = Child.objects.filter(same_blind=self.same_blind).exclude(pk=self.pk)
        return bool(self.same_blind) and same.exists()

    @property
    def name(self) -> str:
        """As the child is known."""
        return f"{self.known_as or self.given_name} {self.family_name}".strip()

    def age(self, day: date | None = None) -> int | None:
        """Whole years on `day` (today); None if the birth date is not known."""
        if not self.birth_date:
            return None
        day, born = day or timezone.localdate(), self.birth_date
        return int(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def children_of(keys: Collection[int]) -> models.QuerySet[Child]:
    """The children of primary keys that `Visit.children` gave, or that a visit decides on one by one."""
    return Child.objects.filter(pk__in=keys)


def index_children(children: Collection[Child]) -> int:
    """For whoever writes children in bulk: write their blind indexes and name keys; gives how many keys."""
    for child in children:
        child.set_blinds()
    blinds = ["nhs_blind", "upn_blind", "born_blind", "same_blind"]
    Child.objects.bulk_update(children, blinds, batch_size=1_000)
    return set_name_keys(children)


class NameKey(models.Model):
    """A keyed digest under which a child is found by name (`evi.care.children.names`)."""

    pk = models.CompositePrimaryKey("key", "child_id")
    key = models.BigIntegerField()
    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="name_keys")


def set_name_keys(children: Iterable[Child]) -> int:
    """Write the keys of these children's names anew; gives how many.

    `Child.save` does it; whoever writes in bulk calls it. A thousand children at a time, each time in one
    transaction.
    """
    made, rest = 0, iter(children)
    while some := list(islice(rest, 1_000)):
        rows = [
            NameKey(key=key, child=child)
            for child in some
            for key in stored_keys((child.given_name, child.known_as, child.family_name))
        ]
        with transaction.atomic():
            NameKey.objects.filter(child__in=some).delete()
            NameKey.objects.bulk_create(rows, batch_size=5_000)
        made += len(rows)
    return made


class SearchRecord(models.Model):
    """What somebody searched for, encrypted and kept for minutes, so that an address tells nothing."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    words = EncryptedJSONField()
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Counted by user and time."""

        indexes: ClassVar = [models.Index(fields=["user", "asked_at"])]


class LocalRecord(models.Model):
    """A record that a service holds of a child: what makes that service one that may be told of it.

    `feed` and `code` are the service's own encoded local id, the key of a release; no clear id of a service
    is here.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="local_records")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    feed = models.CharField(max_length=60)
    code = models.CharField(max_length=80)

    class Meta:
        """A code once in a feed."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["feed", "code"], name="local_once")]


class Tie(models.Model):
    """A relationship between a child and somebody, from `since` until the day before `until`.

    It is with one person (`user`), else with a team, else with everyone of the organisation. `kind` is a key
    of the vocabulary: on-roll, teaches, on-caseload, in-circle, duty-desk, parent-of, self, shared-with.
    A tie `shared-with` names the items that it covers.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="ties")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    kind = models.SlugField(max_length=40)
    items = models.JSONField(default=list, blank=True)
    since = models.DateField(default=timezone.localdate)
    until = models.DateField(null=True, blank=True)
    why = models.CharField(max_length=200, blank=True)

    objects = DatedQuerySet["Tie"].as_manager()

    class Meta:
        """Found by child, and by whom it is with."""

        indexes: ClassVar = [
            models.Index(fields=["child", "kind"]),
            models.Index(fields=["organisation", "kind", "child"]),
            models.Index(fields=["user", "kind", "child"]),
            models.Index(fields=["team", "kind", "child"]),
        ]


class Wish(models.Model):
    """What a family has said about sharing: a consent, an objection, or the opt-out.

    `about` is the name of an agreement, or `all`. It holds from `since` until the day before `until`.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="wishes")
    kind = models.SlugField(max_length=20)
    about = models.SlugField(max_length=80, default="all")
    said_by = models.CharField(max_length=120)
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    note = EncryptedTextField(blank=True)
    since = models.DateField(default=timezone.localdate)
    until = models.DateField(null=True, blank=True)

    objects = DatedQuerySet["Wish"].as_manager()


class Withheld(models.Model):
    """Items of a child that one person must not see (a parent who may not know the address)."""

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="withheld")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    items = models.JSONField(default=list)
    why = EncryptedTextField(blank=True)
    since = models.DateField(default=timezone.localdate)
    until = models.DateField(null=True, blank=True)

    objects = DatedQuerySet["Withheld"].as_manager()


class Entry(models.Model):
    """One entry of a child's chronology.

    `item` is the kind of item that decides who may read it (`chronology.health`); `code` is the event's code
    where it came from the hub's vocabulary. Fact and opinion are told apart, and every entry has its author,
    role, source and date.
    """

    FACT, OPINION = "fact", "opinion"

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="entries")
    item = models.CharField(max_length=60)
    nature = models.CharField(max_length=10, choices=[(FACT, FACT), (OPINION, OPINION)])
    happened_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True)
    title = models.CharField(max_length=200)
    text = EncryptedTextField(blank=True)
    code = models.CharField(max_length=120, blank=True)
    source = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    author_name = models.CharField(max_length=120, blank=True)
    author_role = models.CharField(max_length=120, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-happened_on", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["child", "-happened_on"]),
            models.Index(fields=["child", "-recorded_at"]),
        ]


class IndexRow(models.Model):
    """The index of a child on a day, with its reasons, as a release from the hub brought it.

    Never a lone number. Each of these is a list of dictionaries:

    - `reasons`, the needs that are present: `indicator`, `title`, `domain`, `since` (ISO date), `service`
      (who says so), `why` (a sentence), and what limits who is told, if anything does: `items`, all of which
      the reader must be permitted to see, and `recipients`, the codes of the organisations that may be told;
    - `not_known`, what could not be answered: `title`, `domain`, `ask` (who would know);
    - `domains`, the counts of each domain: `domain`, `title`, `n_present`, `n_assessable`.

    `retracted_on`: a release that was taken back, and is shown no more.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="index_rows")
    day = models.DateField()
    band = models.CharField(max_length=60)
    n_present = models.PositiveSmallIntegerField()
    n_assessable = models.PositiveSmallIntegerField()
    domains = EncryptedJSONField(default=list)
    reasons = EncryptedJSONField(default=list)
    not_known = EncryptedJSONField(default=list)
    run_id = models.CharField(max_length=80)
    agreement = models.SlugField(max_length=80, blank=True)
    retracted_on = models.DateField(null=True, blank=True)

    class Meta:
        """Newest first, one a day and run."""

        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["child", "day", "run_id"], name="index_once"),
        ]
