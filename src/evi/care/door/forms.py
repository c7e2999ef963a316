"""Forms of this room."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evi.care.controls import DayField
from evi.care.door.rules import door
from evi.sharing.blockages import CHANGED, SAID_NO
from evi.sharing.emergency import emergency_rules
from evi.sharing.vocabulary import vocabulary

LONG = 4000


def _written(label: Any, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=forms.Textarea, max_length=LONG, **more)


class RaiseForm(forms.Form):
    """This refusal stops me from helping the child. The hidden fields say which refusal."""

    child = forms.SlugField(max_length=16, widget=forms.HiddenInput)
    action = forms.ChoiceField(widget=forms.HiddenInput)
    item = forms.ChoiceField(widget=forms.HiddenInput)
    harm = _written(
        gettext_lazy("How does this stop you from helping the child?"),
        help_text=gettext_lazy("Say what you could do if you knew more. The people who decide will read it."),
        error_messages={"required": gettext_lazy("Say how this stops you from helping the child")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = vocabulary()
        self.fields["action"].choices = [(key, key) for key in words.actions]  # type: ignore[attr-defined]
        self.fields["item"].choices = [(key, key) for key in words.items]  # type: ignore[attr-defined]


class DecideForm(forms.Form):
    """What is decided of a blockage."""

    how = forms.ChoiceField(
        label=gettext_lazy("What did you decide?"),
        choices=[
            (CHANGED, gettext_lazy("The agreement was changed, and this is now permitted")),
            (SAID_NO, gettext_lazy("No, this stays as it is")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what you decided")},
    )
    reason = _written(
        gettext_lazy("Why?"),
        help_text=gettext_lazy("The person who asked will read this."),
        error_messages={"required": gettext_lazy("Say why")},
    )


class ReasonForm(forms.Form):
    """Why an emergency view is opened."""

    reason = _written(
        gettext_lazy("What is the emergency?"),
        help_text=gettext_lazy("The data guardian is told at once and will read this."),
        error_messages={"required": gettext_lazy("Say what the emergency is")},
    )

    def clean_reason(self) -> str:
        """Words, and enough of them."""
        reason = str(self.cleaned_data["reason"])
        if not emergency_rules().enough(reason):
            raise forms.ValidationError(_("Say in a few words what the emergency is"))
        return reason


class EmergencyForm(ReasonForm):
    """An emergency view of a child who is found by exact identifiers."""

    number = forms.CharField(label=gettext_lazy("NHS number or UPN"), max_length=20, required=False)
    given_name = forms.CharField(label=gettext_lazy("First name"), max_length=100, required=False)
    family_name = forms.CharField(label=gettext_lazy("Family name"), max_length=100, required=False)
    born = DayField(label=gettext_lazy("Birth date"), required=False)

    field_order = ("number", "given_name", "family_name", "born", "reason")

    def clean(self) -> dict[str, Any]:
        """A number, or both names and the birth date."""
        said = dict(super().clean() or {})
        named = said.get("given_name") and said.get("family_name") and said.get("born")
        if not said.get("number") and not named and "born" not in self.errors:
            self.add_error("number", _("Give a number, or both names and the birth date"))
        return said


class ReviewForm(forms.Form):
    """Whether an emergency view was justified."""

    justified = forms.ChoiceField(
        label=gettext_lazy("Was it justified?"),
        choices=[("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose yes or no")},
    )
    note = _written(
        gettext_lazy("Why do you think so?"),
        error_messages={"required": gettext_lazy("Say why you think so")},
    )


class WishForm(forms.Form):
    """What the family says about sharing."""

    kind = forms.ChoiceField(label=gettext_lazy("What does the family say?"), widget=forms.RadioSelect)
    about = forms.ChoiceField(label=gettext_lazy("About what?"))
    said_by = forms.CharField(label=gettext_lazy("Who said it?"), max_length=120)
    note = _written(gettext_lazy("In their own words"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        said = {
            "objection": _("No: we don't want this shared"),
            "consent": _("Yes: we agree that this is shared"),
            "opt-out": _("The national opt-out: don't use this for planning or research"),
        }
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (key, said.get(key, _(wish.title))) for key, wish in vocabulary().wishes.items()
        ]
        self.fields["about"].choices = [  # type: ignore[attr-defined]
            ("all", _("Everything that can be refused")),
            *(
                (each.name, f"{each.number}. {_(each.title)}")
                for each in door().in_force(timezone.localdate())
            ),
        ]
