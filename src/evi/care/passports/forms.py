"""The forms of the passport."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from evi.care.accounts.models import Organisation, Team
from evi.care.controls import DayField
from evi.care.passports.instruments import Instrument
from evi.care.passports.models import CHILD
from evi.care.passports.packs import Kind
from evi.care.passports.parts import parts
from evi.care.text import LineField, NoteField


class WriteForm(forms.Form):
    """Words for one place of the passport, and the child's pictures where it is the child's.

    `base` is the number of the revision that the writer saw, `seen` that of the passport's version.
    """

    base = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    face = forms.ChoiceField(required=False, widget=forms.RadioSelect)
    pictures = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    text = NoteField(required=False)
    taken_down = forms.BooleanField(required=False)

    def __init__(
        self, *args: Any, section: str, voice: str, own: bool, prompt: str, said: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        part, known = parts().sections[section], parts()
        self.fields["text"].label = prompt
        if voice != CHILD or not part.choices:
            del self.fields["pictures"]
        else:
            self._choices("pictures").choices = [(key, known.pictures[key]) for key in part.choices]
            self.fields["pictures"].label = _("Choose any pictures")
        if voice != CHILD or not part.faces:
            del self.fields["face"]
        else:
            self._choices("face").choices = [(key, known.pictures[key]) for key in known.faces]
            self.fields["face"].label = part.faces
        if own:
            del self.fields["taken_down"]
        else:
            self.fields["taken_down"].label = said
            self.fields["taken_down"].required = True
            self.fields["taken_down"].error_messages["required"] = _(
                "Say that these are their words, or go back"
            )

    def chosen(self) -> list[str]:
        """The pictures and the face."""
        face = self.cleaned_data.get("face")
        return [*([face] if face else []), *self.cleaned_data.get("pictures", [])]

    def _choices(self, name: str) -> forms.ChoiceField:
        return cast(forms.ChoiceField, self.fields[name])


class ProfileForm(forms.Form):
    """The questions of an instrument for one view; each may be left out."""

    def __init__(self, *args: Any, instrument: Instrument, view: str, said: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instrument, self.view = instrument, view
        levels = [
            (str(level.value), level.child if view == CHILD else level.adult) for level in instrument.levels
        ]
        unknown = ("", _("I don't know"))
        for domain in instrument.domains.values():
            for key in domain.descriptors:
                self.fields[f"{domain.key}.{key}"] = forms.ChoiceField(
                    label=instrument.words(view, domain.key, key),
                    choices=[*levels, unknown],
                    required=False,
                    widget=forms.RadioSelect,
                )
        self.fields["note"] = NoteField(required=False, label=_("Anything else"))
        if said:
            self.fields["taken_down"] = forms.BooleanField(label=said)

    def answers(self) -> dict[str, str]:
        """What was answered, by `domain.descriptor`."""
        return {key: value for key, value in self.cleaned_data.items() if "." in key and value}


class ShareForm(forms.Form):
    """Which items, with whom of an organisation, until when."""

    items = forms.MultipleChoiceField(label=_("What to share"), widget=forms.CheckboxSelectMultiple)
    team = forms.ModelChoiceField(
        Team.objects.none(), required=False, label=_("A team"), empty_label=_("No team: one person")
    )
    email = forms.EmailField(
        required=False,
        label=_("Or one person: their email address"),
        help_text=_("Ask them which one they sign in with."),
    )
    last_day = DayField(
        label=_("The last day on which they can see it"), help_text=_("A year from now at the latest.")
    )
    why = LineField(
        required=False,
        label=_("Why"),
        help_text=_("They and the family can read this. Don't name the child."),
    )

    def __init__(
        self, *args: Any, organisation: Organisation, choices: Iterable[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["items"].choices = list(choices)  # type: ignore[attr-defined]
        self.fields["team"].queryset = organisation.teams.order_by("name")  # type: ignore[attr-defined]
        self.fields["team"].label_from_instance = lambda team: team.name  # type: ignore[attr-defined]


class PackForm(forms.Form):
    """What goes along in a pack of one kind."""

    to = forms.ModelChoiceField(Organisation.objects.none(), label=_("To"))
    sections = forms.MultipleChoiceField(
        required=False, label=_("What goes along"), widget=forms.CheckboxSelectMultiple
    )
    checklist = forms.MultipleChoiceField(
        required=False, label=_("Done before sending"), widget=forms.CheckboxSelectMultiple
    )
    note = NoteField(required=False, label=_("What the next service should know first"))

    def __init__(
        self, *args: Any, kind: Kind, choices: Iterable[tuple[str, str]], own: Organisation, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        goes = Organisation.objects.filter(kind__in=kind.receivers).exclude(pk=own.pk)
        self.fields["to"].queryset = goes  # type: ignore[attr-defined]
        self.fields["sections"].choices = list(choices)  # type: ignore[attr-defined]
        self.fields["checklist"].choices = list(kind.checklist.items())  # type: ignore[attr-defined]


class QuestionForm(forms.Form):
    """A question about a pack, or its answer."""

    text = NoteField(label=_("Your question"), max_length=4_000)


def in_a_month(day: date) -> date:
    """The day that a share ends if nobody says otherwise."""
    return day + timedelta(days=30)
