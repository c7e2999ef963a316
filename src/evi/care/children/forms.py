"""What a person fills in about a child in this room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evi.care.children.chronology import Filters
from evi.care.children.models import Entry
from evi.care.children.searching import Question
from evi.care.controls import DayField
from evi.care.text import LineField, NoteField
from evi.sharing.vocabulary import vocabulary

PREGNANCY = timedelta(days=310)
"""Nothing is written of a child before this long before birth."""


class SearchForm(forms.Form):
    """A name or number, a birth date, or both."""

    text = LineField(
        label=gettext_lazy("Name, NHS number or UPN"),
        help_text=gettext_lazy("A name may be spelt wrong, or be only part of a name"),
        required=False,
        max_length=None,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    born = DayField(
        label=gettext_lazy("Date of birth, if you know it"),
        help_text=gettext_lazy("For example, 27 3 2016"),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Something to search for."""
        data = super().clean() or {}
        if not self.errors:
            self.question = Question(data["text"][:2_000], data["born"])
            if not any(self.question.read):
                self.add_error("text", _("Write a name, a number or a date of birth"))
        return data


class EntryForm(forms.Form):
    """An entry of the chronology: what happened apart from what the writer thinks of it."""

    item = forms.ChoiceField(label=gettext_lazy("Kind of entry"))
    happened_on = DayField(
        label=gettext_lazy("When did it happen?"), help_text=gettext_lazy("For example, 27 3 2026")
    )
    title = LineField(
        label=gettext_lazy("In a few words"), help_text=gettext_lazy("For example, “Met with Mum at school”")
    )
    fact = NoteField(
        label=gettext_lazy("What happened"),
        help_text=gettext_lazy("Only what was seen, heard or done, and by whom"),
        required=False,
    )
    opinion = NoteField(
        label=gettext_lazy("What you think about it"),
        help_text=gettext_lazy("Your professional view. It is kept apart and marked as opinion."),
        required=False,
    )

    def __init__(self, *args: Any, kinds: Iterable[str], born: date | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        titles = vocabulary().items
        self.born = born
        field = cast(forms.ChoiceField, self.fields["item"])
        field.choices = [(kind, titles[kind].title) for kind in kinds]
        if len(field.choices) == 1:
            field.widget, field.initial = forms.HiddenInput(), field.choices[0][0]

    def clean_happened_on(self) -> date:
        """A day that has been, and on which there was something to write of this child."""
        day: date = self.cleaned_data["happened_on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("The day must be today or in the past"))
        if self.born and day < self.born - PREGNANCY:
            raise forms.ValidationError(_("The day is before this child's life began"))
        return day

    def clean(self) -> dict[str, Any]:
        """A fact, an opinion or both."""
        data = super().clean() or {}
        if not (data.get("fact") or data.get("opinion")) and not {"fact", "opinion"} & set(self.errors):
            self.add_error("fact", _("Write what happened, or what you think about it"))
        return data


class FilterForm(forms.Form):
    """Which entries of a chronology to show; whatever makes no sense is left out."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of entry"), required=False)
    nature = forms.ChoiceField(
        label=gettext_lazy("Fact or opinion"),
        required=False,
        choices=[
            ("", gettext_lazy("Both")),
            (Entry.FACT, gettext_lazy("Facts")),
            (Entry.OPINION, gettext_lazy("Opinions")),
        ],
    )
    first = DayField(label=gettext_lazy("From"), required=False)
    last = DayField(label=gettext_lazy("Until"), required=False)

    def __init__(self, *args: Any, kinds: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        titles = vocabulary().items
        field = cast(forms.ChoiceField, self.fields["kind"])
        field.choices = [("", _("All that you can see")), *((kind, titles[kind].title) for kind in kinds)]

    @property
    def filters(self) -> Filters:
        """What was chosen."""
        self.is_valid()
        data = self.cleaned_data
        return Filters(data.get("kind", ""), data.get("nature", ""), data.get("first"), data.get("last"))


class MoveForm(forms.Form):
    """A child has left the district."""

    on = DayField(
        label=gettext_lazy("On which day did they leave?"), help_text=gettext_lazy("For example, 27 3 2026")
    )
    to = LineField(
        label=gettext_lazy("Where to, if you know"),
        help_text=gettext_lazy("A town or a council is enough"),
        required=False,
    )

    def clean_on(self) -> date:
        """Not in the future: until then the child is here."""
        day: date = self.cleaned_data["on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("The day must be today or in the past"))
        return day
