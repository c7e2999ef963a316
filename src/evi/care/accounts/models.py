"""People who sign in, the organisations and teams that they work in, and the roles that they hold there."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evi.care.dated import DatedQuerySet
from evi.care.publicid import new_public_id


class Organisation(models.Model):
    """A service, school or family register that is a party to agreements.

    `kind` is a key of `evi/sharing/vocabulary` (school, nursery, health-visiting, …); `code` is the
    identifier that agreements and releases use (for a school its URN, for others a short name).
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    kind = models.SlugField(max_length=40)

    class Meta:
        """In the order of their names."""

        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """Part of an organisation: a class, a caseload team, a duty desk."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="teams")
    name = models.CharField(max_length=120)

    class Meta:
        """A name once in an organisation."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "name"], name="team_once")]

    def __str__(self) -> str:
        return f"{self.name}, {self.organisation}"


class UserManager(BaseUserManager["User"]):
    """Makes accounts by email address."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        """An account; without a password it can only sign in through another service."""
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an email address. What they may do comes from memberships alone."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=10, default="en-gb")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    roles_held: list[Membership]
    """Memberships that hold today, where `backend` found the user."""

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]
    objects = UserManager()

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A role that a person holds in an organisation, from `since` until the day before `until`.

    Whoever holds several acts as one of them at a time.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    teams: models.ManyToManyField[Team, Any] = models.ManyToManyField(Team, blank=True)
    role = models.SlugField(max_length=40)
    title = models.CharField(_("job title"), max_length=120, blank=True)
    leads_team = models.BooleanField(default=False)
    since = models.DateField(default=timezone.localdate)
    until = models.DateField(null=True, blank=True)

    objects = DatedQuerySet["Membership"].as_manager()

    class Meta:
        """The newest last."""

        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.role} at {self.organisation}"


class Invitation(models.Model):
    """A link by which one person, once and within days, takes up a role that an administrator gives them.

    Only a digest of the link's secret is kept: whoever reads the database can't join with it.
    """

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    email = models.EmailField()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    teams: models.ManyToManyField[Team, Any] = models.ManyToManyField(Team, blank=True)
    role = models.SlugField(max_length=40)
    title = models.CharField(max_length=120, blank=True)
    leads_team = models.BooleanField(default=False)
    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations_made")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-made_at"]
