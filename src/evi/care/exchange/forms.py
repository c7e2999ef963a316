"""What a person fills in to take a copy out or to bring a file in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evi.care.exchange.files import FHIR, ISP
from evi.care.exchange.gather import CIRCLE, CONTACT, NUMBERS, PASSPORT, PLAN, USUAL
from evi.care.exchange.isp import LAYERS
from evi.care.exchange.reading import MAX_BYTES
from evi.care.text import NoteField


class TakeOutForm(forms.Form):
    """In which form, and which parts."""

    form = forms.ChoiceField(
        label=gettext_lazy("As what?"),
        widget=forms.RadioSelect,
        initial=ISP,
        choices=[
            (ISP, gettext_lazy("Individual Support Plan, as a file")),
            (FHIR, gettext_lazy("FHIR R4 document, for health systems")),
        ],
    )
    parts = forms.MultipleChoiceField(
        label=gettext_lazy("Which parts?"),
        widget=forms.CheckboxSelectMultiple,
        initial=list(USUAL),
        choices=[
            (PASSPORT, gettext_lazy("Needs passport")),
            (PLAN, gettext_lazy("Support plan")),
            (CIRCLE, gettext_lazy("The circle")),
            (NUMBERS, gettext_lazy("NHS number and UPN, by which the receiver knows the child")),
            (CONTACT, gettext_lazy("Address and telephone number")),
        ],
    )
    layer = forms.ChoiceField(
        label=gettext_lazy("Layer of support, if it was decided"),
        required=False,
        choices=[("", gettext_lazy("Not decided")), *((layer, layer) for layer in LAYERS)],
    )

    def clean(self) -> dict[str, Any]:
        """At least one of passport and plan."""
        data = super().clean() or {}
        if "parts" in data and not {PASSPORT, PLAN} & set(data["parts"]):
            self.add_error("parts", _("Choose the passport, the plan or both"))
        return data


class BringInForm(forms.Form):
    """A file that another system made."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("A FHIR R4 document or a support plan file (JSON), up to 2 MB"),
    )

    def clean_file(self) -> bytes:
        """What it holds; its name and the type that the browser says count for nothing."""
        sent = self.cleaned_data["file"]
        if sent.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is too big: at most 2 MB can be read"))
        content: bytes = sent.read()
        return content


class DecideForm(forms.Form):
    """Is the file about this child, and how does the person know?"""

    same = forms.ChoiceField(
        label=gettext_lazy("Is this file about this child?"),
        widget=forms.RadioSelect,
        choices=[
            ("yes", gettext_lazy("Yes, add it to the child's record")),
            ("no", gettext_lazy("No, it is about somebody else")),
        ],
    )
    why = NoteField(
        label=gettext_lazy("How do you know?"),
        help_text=gettext_lazy("For example, that you rang the sender and asked"),
    )
