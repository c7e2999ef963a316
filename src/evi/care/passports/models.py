"""The needs passport: who wrote what where, every revision kept, and numbered versions of the whole."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from evi.care.accounts.models import Organisation, Team
from evi.care.children.models import Child, Tie
from evi.care.fields import EncryptedJSONField, EncryptedTextField
from evi.care.publicid import new_public_id

CHILD, PARENT, PRACTITIONER = VOICES = ("child", "parent", "practitioner")
FACT, OPINION = NATURES = ("fact", "opinion")
CONSENT, AGREEMENT = BASES = ("consent", "agreement")
CHANGE, RESTORE = MADE_BY = ("change", "restore")


class Passport(models.Model):
    """The one passport of a child, and the number of its newest version.

    `basis` says whether the family's consent or an agreement's own rule let it begin; `agreement` which.
    """

    child = models.OneToOneField(Child, on_delete=models.CASCADE, related_name="passport")
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    version = models.PositiveIntegerField(default=0)
    basis = models.CharField(max_length=10, choices=[(each, each) for each in BASES], default=AGREEMENT)
    agreement = models.CharField(max_length=80, blank=True)
    begun_at = models.DateTimeField(default=timezone.now)
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    begun_role = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return f"passport {self.public_id}"


class Contribution(models.Model):
    """A place in the passport where one voice writes: its text is a row of revisions, none overwritten.

    `holder` says whose place it is: `child`; `user:ID` for a parent; `told` for a parent's words that a
    practitioner took down; `org:CODE` for a service, whose people write it together, fact apart from opinion.
    `standing` is the revision that stands in the newest version (None: nothing does); only `next_version`
    sets it, with the version that says the same.
    """

    passport = models.ForeignKey(Passport, on_delete=models.CASCADE, related_name="contributions")
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    section = models.SlugField(max_length=40)
    voice = models.CharField(max_length=12, choices=[(each, each) for each in VOICES])
    nature = models.CharField(max_length=10, choices=[(each, each) for each in NATURES], blank=True)
    holder = models.CharField(max_length=80)
    standing = models.OneToOneField(
        "Revision", null=True, blank=True, on_delete=models.SET_NULL, related_name="stands_in"
    )

    class Meta:
        """One place for each."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["passport", "section", "voice", "nature", "holder"], name="contribution_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.section} by {self.voice}, {self.public_id}"


class Revision(models.Model):
    """What one person wrote in one place at one time. It is never changed and never deleted.

    `taken_down`: the author wrote down what somebody else (the child, a parent) said or showed.
    `began_from`: the number of the revision that the author saw while writing (0: none).
    `source`: where it came from if it was not written here (an imported passport).
    """

    contribution = models.ForeignKey(Contribution, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    text = EncryptedTextField(blank=True)
    pictures = EncryptedJSONField(default=list)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    author_name = models.CharField(max_length=120)
    author_role = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT)
    taken_down = models.BooleanField(default=False)
    began_from = models.PositiveIntegerField(default=0)
    source = models.CharField(max_length=200, blank=True)
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Numbered within its place."""

        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["contribution", "number"], name="revision_once")
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.contribution}"

    @property
    def section(self) -> str:
        """The part of the passport."""
        return self.contribution.section

    @property
    def voice(self) -> str:
        """Whose voice it is."""
        return self.contribution.voice

    @property
    def nature(self) -> str:
        """Fact or opinion, where a practitioner wrote."""
        return self.contribution.nature


class PassportVersion(models.Model):
    """Which revision stood in each place when this version was made.

    `stands` maps the key of a contribution (as text) to the key of its revision; a contribution that is not
    in it said nothing then. `sections` are those that this version changed.
    """

    passport = models.ForeignKey(Passport, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    stands = models.JSONField(default=dict)
    sections = models.JSONField(default=list)
    made = models.CharField(max_length=10, choices=[(each, each) for each in MADE_BY], default=CHANGE)
    restored_from = models.PositiveIntegerField(null=True, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    made_by_name = models.CharField(max_length=120)
    made_by_role = models.CharField(max_length=120)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Numbered within its passport."""

        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["passport", "number"], name="version_once")]

    def __str__(self) -> str:
        return f"version {self.number} of {self.passport}"


class Look(models.Model):
    """The newest version of a passport that a person has seen, to tell them what is new."""

    passport = models.ForeignKey(Passport, on_delete=models.CASCADE, related_name="looks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    version = models.PositiveIntegerField()

    class Meta:
        """One for each person."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "passport"], name="look_once")]


class ProfileView(models.Model):
    """One person's answers to a strengths profile; a later one stands beside it and replaces it on screen.

    `view`: teacher, parent or child. `answers` maps the key of a descriptor to a level; what is not there was
    not answered, and stays not known.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="profile_views")
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    instrument = models.SlugField(max_length=60)
    instrument_version = models.CharField(max_length=20)
    view = models.CharField(max_length=12)
    answers = EncryptedJSONField(default=dict)
    note = EncryptedTextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    author_name = models.CharField(max_length=120)
    author_role = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT)
    taken_down = models.BooleanField(default=False)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest last."""

        ordering: ClassVar = ["made_at", "id"]
        indexes: ClassVar = [models.Index(fields=["child", "instrument", "view"])]


class Share(models.Model):
    """Somebody let a person or a team see some items of a child until a day; the tie opens the door."""

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="shares")
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    tie = models.OneToOneField(Tie, on_delete=models.CASCADE, related_name="share")
    shared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="shares_made"
    )
    shared_by_name = models.CharField(max_length=120)
    shared_by_role = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    shared_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by_name = models.CharField(max_length=120, blank=True)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-shared_at", "-id"]


class Pack(models.Model):
    """A transition pack or a hand-over: what one service hands to the next about a child, and its receipt.

    `version` is the passport's number at sending: that is what was handed over. `due_on` is the day by which
    the receiver should acknowledge it. The tie opens the pack's items to the receiver.
    """

    child = models.ForeignKey(Child, on_delete=models.CASCADE, related_name="packs")
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    kind = models.SlugField(max_length=60)
    from_organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="packs_sent")
    to_organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="packs_received")
    to_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL)
    sections = models.JSONField(default=list)
    with_plan = models.BooleanField(default=False)
    with_profile = models.BooleanField(default=False)
    checklist = models.JSONField(default=list)
    note = EncryptedTextField(blank=True)
    version = models.PositiveIntegerField(default=0)
    tie = models.OneToOneField(Tie, null=True, on_delete=models.SET_NULL, related_name="pack")
    sent_at = models.DateTimeField(default=timezone.now)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="packs_sent"
    )
    sent_by_name = models.CharField(max_length=120)
    sent_by_role = models.CharField(max_length=120)
    due_on = models.DateField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by_name = models.CharField(max_length=120, blank=True)
    acknowledged_by_role = models.CharField(max_length=120, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first; found by who owes what."""

        ordering: ClassVar = ["-sent_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["to_organisation", "acknowledged_at"]),
            models.Index(fields=["from_organisation", "acknowledged_at"]),
        ]

    @property
    def waits(self) -> bool:
        """Whether its receipt is still owed."""
        return self.acknowledged_at is None and self.withdrawn_at is None

    def items(self) -> list[str]:
        """The items that it opens to the receiver."""
        more = [name for name, there in (("plan", self.with_plan), ("profile", self.with_profile)) if there]
        return ["packs", *(f"passport.{section}" for section in self.sections), *more]


class PackQuestion(models.Model):
    """A question about a pack, and its answer."""

    pack = models.ForeignKey(Pack, on_delete=models.CASCADE, related_name="questions")
    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    text = EncryptedTextField()
    asked_by_name = models.CharField(max_length=120)
    asked_by_role = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    asked_at = models.DateTimeField(default=timezone.now)
    answer = EncryptedTextField(blank=True)
    answered_by_name = models.CharField(max_length=120, blank=True)
    answered_by_role = models.CharField(max_length=120, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """In the order in which they were asked."""

        ordering: ClassVar = ["asked_at", "id"]
