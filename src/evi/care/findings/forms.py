"""What is asked of whoever has looked at a finding, or at two records that may be of one child."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from evi.care.findings.models import Outcome
from evi.care.text import NoteField


class LookedForm(forms.Form):
    """What came of looking: one answer, and a note for those who read it later."""

    outcome = forms.ChoiceField(
        label=_("What did you find when you looked?"), choices=Outcome.choices, widget=forms.RadioSelect
    )
    note = NoteField(
        label=_("What you saw, or what happens next"),
        help_text=_("Write what others in your organisation need to know. You can leave it empty."),
        required=False,
    )


class SameForm(forms.Form):
    """Whether two records are of one child."""

    answer = forms.ChoiceField(
        label=_("Are these records of one child?"),
        choices=[("same", _("Yes, it is one child")), ("other", _("No, they are two children"))],
        widget=forms.RadioSelect,
    )
