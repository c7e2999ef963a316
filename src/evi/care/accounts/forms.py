"""Forms of this room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.jinja import role_name
from evi.sharing.vocabulary import vocabulary


class ActingAsForm(forms.Form):
    """Which of my roles I act in."""

    role = forms.TypedChoiceField(
        label=gettext_lazy("Which role are you working in?"),
        coerce=int,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("You see only what this role may see. You can change it at any time."),
        error_messages={"required": gettext_lazy("Choose a role")},
    )

    def __init__(self, *args: Any, memberships: Iterable[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            (each.pk, f"{role_name(each.role)}, {each.organisation.name}") for each in memberships
        ]


def roles_of(organisation: Organisation) -> list[tuple[str, str]]:
    """The roles that an organisation of this kind has, with their titles."""
    return [
        (role.key, role_name(role.key)[:1].upper() + role_name(role.key)[1:])
        for role in vocabulary().roles.values()
        if organisation.kind in role.kinds or (not role.kinds and organisation.kind != "family")
    ]


class RoleForm(forms.Form):
    """A role in the administrator's own organisation."""

    role = forms.ChoiceField(label=gettext_lazy("Role"))
    title = forms.CharField(
        label=gettext_lazy("Job title (if you use another name for it)"), max_length=120, required=False
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(), label=gettext_lazy("Teams"), required=False, widget=forms.CheckboxSelectMultiple
    )
    leads_team = forms.BooleanField(label=gettext_lazy("Leads these teams"), required=False)

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation
        self.fields["role"].choices = roles_of(organisation)  # type: ignore[attr-defined]
        teams = Team.objects.filter(organisation=organisation).order_by("name")
        self.fields["teams"].queryset = teams  # type: ignore[attr-defined]
        self.fields["teams"].label_from_instance = lambda team: team.name  # type: ignore[attr-defined]
        if not teams:
            del self.fields["teams"], self.fields["leads_team"]


class InvitationForm(RoleForm):
    """Whom to invite, to which role."""

    email = forms.EmailField(
        label=gettext_lazy("Work email address"),
        help_text=gettext_lazy("The link works once, for this address, for seven days."),
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("email", "role", "title", "teams", "leads_team")

    def clean_email(self) -> str:
        """In small letters, and not of somebody who already has the role."""
        email = str(self.cleaned_data["email"]).lower()
        held = Membership.objects.live().filter(
            user__email=email, organisation=self.organisation, role=self.data.get("role", "")
        )
        if held.exists():
            raise forms.ValidationError(_("This person already has that role."))
        return email


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new team."""

    class Meta:
        """Only its name."""

        model = Team
        fields = ("name",)
        labels = {"name": gettext_lazy("Name of the new team")}  # noqa: RUF012

    def clean_name(self) -> str:
        """Once in the organisation."""
        name = " ".join(str(self.cleaned_data["name"]).split())
        if Team.objects.filter(organisation=self.instance.organisation, name__iexact=name).exists():
            raise forms.ValidationError(_("There is already a team with that name."))
        return name


class JoinForm(forms.Form):
    """What somebody who was invited says of themselves."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=gettext_lazy("A password"),
        help_text=gettext_lazy(
            "At least 12 letters, numbers or signs. Three words that don't belong together are good."
        ),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=gettext_lazy("The password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """The two passwords are one, and a good one."""
        given = super().clean() or {}
        password = given.get("password")
        if password and given.get("again") and password != given["again"]:
            self.add_error("again", _("The two passwords are not the same."))
        if password:
            try:
                password_validation.validate_password(
                    password, User(email=self.email, name=given.get("name", ""))
                )
            except forms.ValidationError as error:
                self.add_error("password", error)
        return given
