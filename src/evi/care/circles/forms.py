"""Forms of the circle. What makes sense is checked where it is written; a form only asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from evi.care.accounts.models import Membership
from evi.care.children.models import Child
from evi.care.circles.joining import PART_LIMIT, would_permit
from evi.care.circles.models import Message
from evi.care.controls import DayField
from evi.care.door.visit import Visit
from evi.care.text import LineField, NoteField
from evi.sharing.vocabulary import vocabulary

OTHER = "other"


def said_of(membership: Membership) -> str:
    """A person as choices and lists name them: `Hana Vale, health visitor, Health visiting service`."""
    role = vocabulary().roles[membership.role].title
    return f"{membership.user.name}, {membership.title or role}, {membership.organisation.name}"


class InviteForm(forms.Form):
    """Whom to invite: somebody of the family, or anyone who signs in here, by email address."""

    who = forms.ChoiceField(label=_("Who do you want to invite?"), widget=forms.RadioSelect)
    email = forms.EmailField(
        label=_("Their work email address"),
        required=False,
        help_text=_("Only for somebody outside the family."),
    )
    acting = forms.CharField(label=_("In which role?"), required=False, widget=forms.RadioSelect)
    part = LineField(
        label=_("What will they be in the circle?"),
        help_text=_("For example: Amir's health visitor, grandmother, swimming teacher."),
        required=False,
        max_length=PART_LIMIT,
    )
    why = NoteField(
        label=_("Why do you invite them?"),
        help_text=_("They will read this before they join. Don't write the child's name here."),
        max_length=1000,
    )

    def __init__(
        self, *args: Any, visit: Visit, child: Child, family: list[Membership], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.visit, self.child = visit, child
        self.family = {str(each.pk): each for each in family}
        choices = [(key, said_of(each)) for key, each in self.family.items()]
        who = self.fields["who"]
        if not choices:
            who.widget = forms.HiddenInput()
            who.initial, who.required = OTHER, False
        who.choices = [*choices, (OTHER, _("Somebody else"))]  # type: ignore[attr-defined]
        self.membership: Membership | None = None

    def clean(self) -> dict[str, Any]:
        """Find the membership that is invited."""
        cleaned: dict[str, Any] = super().clean() or {}
        chosen = cleaned.get("who") or (OTHER if not self.family else "")
        if chosen in self.family:
            self.membership = self.family[chosen]
        elif chosen == OTHER and "email" not in self.errors:
            self.membership = self._by_email(cleaned.get("email", ""), cleaned.get("acting", ""))
        return cleaned

    def _by_email(self, email: str, acting: str) -> Membership | None:
        if not email:
            raise ValidationError({"email": _("Write their email address.")})
        found = list(
            Membership.objects.live(self.visit.day)
            .filter(user__email__iexact=email, user__is_active=True)
            .select_related("user", "organisation")
            .prefetch_related("teams")
        )
        if not found:
            raise ValidationError({"email": _("Nobody with this email address signs in here.")})
        able = [each for each in found if would_permit(self.child, each, self.visit.day).permitted]
        if len(able) < 2:
            return (able or found)[0]
        chosen = next((each for each in able if str(each.pk) == acting), None)
        if chosen is None:
            choices = [(str(each.pk), said_of(each)) for each in able]
            self.fields["acting"].widget.choices = choices
            raise ValidationError({"acting": _("This person has more than one role. Choose one.")})
        return chosen


class AskForm(forms.Form):
    """To be let in."""

    part = LineField(label=_("What would you be in the circle?"), required=False, max_length=PART_LIMIT)
    why = NoteField(label=_("Why do you ask to join?"), max_length=1000)


class ReasonForm(forms.Form):
    """Why a request is declined."""

    reason = NoteField(label=_("If you say no: why?"), required=False, max_length=1000)


class MessageForm(forms.Form):
    """A message to the circle or to some of it."""

    kind = forms.ChoiceField(label=_("What is it?"), choices=Message.Kind.choices, widget=forms.RadioSelect)
    subject = LineField(label=_("Subject"))
    text = NoteField(label=_("Message"))
    named = forms.MultipleChoiceField(
        label=_("Who is it for?"),
        help_text=_("Leave all boxes empty to send it to everyone in the circle."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    answer_by = DayField(
        label=_("When do you need an answer?"),
        help_text=_("Only for a question or a decision."),
        required=False,
    )

    def __init__(self, *args: Any, members: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = {str(each.pk): each for each in members}
        named = self.fields["named"]
        named.choices = [(key, said_of(each)) for key, each in self.members.items()]  # type: ignore[attr-defined]

    def chosen(self) -> list[Membership]:
        """Whom it is for; empty for everyone."""
        return [self.members[key] for key in self.cleaned_data["named"]]


class OutcomeForm(forms.Form):
    """The answer to a question, or what was decided."""

    outcome = NoteField(label=_("Answer, or what was decided"))


class TaskForm(forms.Form):
    """What, who, by when."""

    what = NoteField(label=_("What will be done?"))
    who = forms.ChoiceField(label=_("Who will do it?"), widget=forms.RadioSelect)
    due = DayField(label=_("By when?"))

    def __init__(self, *args: Any, members: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = {str(each.pk): each for each in members}
        self.fields["who"].choices = [  # type: ignore[attr-defined]
            (key, said_of(each)) for key, each in self.members.items()
        ]


class EndTaskForm(forms.Form):
    """Done, or not needed any more."""

    done = forms.ChoiceField(
        label=_("What happened?"),
        choices=[("yes", _("It is done")), ("no", _("It is not needed any more"))],
        widget=forms.RadioSelect,
    )
    note = NoteField(label=_("Anything to add"), required=False)
