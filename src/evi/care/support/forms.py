"""Forms of the support plan. A form that changes a part carries the revision at which it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from evi.care.accounts.models import Membership
from evi.care.circles.forms import said_of
from evi.care.controls import DayField
from evi.care.passports.instruments import strategies
from evi.care.support.catalogue import areas, offers
from evi.care.support.models import Action, Finding, Need, Outcome
from evi.care.support.planning import Found
from evi.care.text import LineField, NoteField

NOBODY = ""


class PartForm(forms.Form):
    """A form for a part of a plan."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=10_000_000)

    def fields_given(self) -> dict[str, Any]:
        """The fields of the part, as `planning` takes them."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("revision", "why")}


class ChangeMixin(forms.Form):
    """What a form asks in addition when it changes something that is there."""

    why = LineField(label=_("Why do you change it?"), required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "why"), "why"])


class NeedForm(PartForm):
    """A need, in the words of whoever sees it."""

    area = forms.ChoiceField(label=_("Which part of life?"), widget=forms.RadioSelect)
    text = NoteField(
        label=_("What do you see or hear?"),
        help_text=_("Say what happens, when and where. No label is needed."),
    )
    strengths = NoteField(label=_("What is strong, and what helps already?"), required=False)
    view = forms.ChoiceField(
        label=_("Whose view is this?"),
        choices=Need.View.choices,
        initial=Need.View.PRACTITIONER,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["area"].choices = [(key, area.title) for key, area in areas().items()]  # type: ignore[attr-defined]


class ChangeNeedForm(NeedForm, ChangeMixin):
    """The same, for a need that is there."""

    status = forms.ChoiceField(
        label=_("How does it stand?"), choices=Need.Status.choices, widget=forms.RadioSelect
    )


class OutcomeForm(PartForm):
    """A goal that can be seen to be reached."""

    text = NoteField(
        label=_("What should be different?"),
        help_text=_("For example: Amir asks for help with a word or a card."),
    )
    measure = NoteField(
        label=_("How will you know?"), help_text=_("What you will count or look at, and where.")
    )
    baseline = NoteField(label=_("Where is it now?"), required=False)
    target = NoteField(
        label=_("Where do you want to get to?"), help_text=_("For example: four days out of five.")
    )
    by_when = DayField(label=_("By when?"))


class ChangeOutcomeForm(OutcomeForm, ChangeMixin):
    """The same, for a goal that is there."""

    status = forms.ChoiceField(
        label=_("How far has it come?"), choices=Outcome.Status.choices, widget=forms.RadioSelect
    )


class ActionForm(PartForm):
    """What somebody will do."""

    what = NoteField(label=_("What will be done?"))
    who = forms.ChoiceField(label=_("Who will do it?"), required=False, widget=forms.RadioSelect)
    who_name = LineField(
        label=_("Or write a name"),
        required=False,
        help_text=_("For somebody who does not use this service, such as a grandparent."),
    )
    how_often = LineField(
        label=_("How often?"), required=False, help_text=_("For example: each morning, 10 minutes.")
    )
    offer = forms.ChoiceField(label=_("Is it one of the offers?"), required=False)
    strategy = forms.ChoiceField(label=_("Does it follow a strategy from the catalogue?"), required=False)
    start = DayField(label=_("First day"))
    until = DayField(label=_("Last day"))

    def __init__(self, *args: Any, members: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = {str(each.pk): each for each in members}
        people = [(key, said_of(each)) for key, each in self.members.items()]
        self.fields["who"].choices = [*people, (NOBODY, _("Somebody else"))]  # type: ignore[attr-defined]
        tried = [(each.key, each.text) for each in strategies()]
        self.fields["strategy"].choices = [("", _("No")), *tried]  # type: ignore[attr-defined]
        every = [(key, offer.title) for key, offer in offers().items()]
        self.fields["offer"].choices = [("", _("No, it is our own")), *every]  # type: ignore[attr-defined]

    def clean_who(self) -> Membership | None:
        """The person chosen."""
        return self.members.get(self.cleaned_data["who"])


class ChangeActionForm(ActionForm, ChangeMixin):
    """The same, for an action that is there."""

    status = forms.ChoiceField(
        label=_("How does it stand?"), choices=Action.Status.choices, widget=forms.RadioSelect
    )


class StartForm(forms.Form):
    """When to look again."""

    review_due = DayField(
        label=_("When will you look at how it goes?"), help_text=_("Six to twelve weeks is usual.")
    )


class CloseForm(forms.Form):
    """Why a plan ends."""

    why = NoteField(label=_("Why do you close the plan?"), max_length=2000)


class ReviewForm(forms.Form):
    """A review: what everyone said, and of each action and goal what came of it."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=10_000_000)
    held_on = DayField(label=_("On which day was the review?"))
    who_came = LineField(label=_("Who took part?"), required=False, max_length=400)
    child_view = NoteField(label=_("What did the child say or show?"), required=False)
    family_view = NoteField(label=_("What did the family say?"), required=False)
    summary = NoteField(label=_("What did you agree?"))
    next_due = DayField(label=_("When is the next review?"), required=False)

    def __init__(self, *args: Any, actions: list[Action], outcomes: list[Outcome], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actions, self.outcomes = actions, outcomes
        for action in actions:
            self._ask_of(action)
        for outcome in outcomes:
            self.fields[f"status-{outcome.public_id}"] = forms.ChoiceField(
                label=_("How far has it come?"), choices=Outcome.Status.choices, initial=outcome.status
            )

    def _ask_of(self, action: Action) -> None:
        key = action.public_id
        self.fields[f"tried-{key}"] = NoteField(label=_("What was really done?"), initial=action.what)
        self.fields[f"did-{key}"] = NoteField(label=_("What did it do?"), required=False)
        self.fields[f"effect-{key}"] = forms.ChoiceField(
            label=_("Did it help?"), choices=[("", _("Choose")), *Finding.Effect.choices]
        )
        self.fields[f"verdict-{key}"] = forms.ChoiceField(
            label=_("What now?"), choices=Finding.Verdict.choices, widget=forms.RadioSelect
        )

    def of(self, part: Action | Outcome) -> list[Any]:
        """The bound fields about one part."""
        return [self[name] for name in self.fields if name.endswith(f"-{part.public_id}")]

    def found(self) -> list[Found]:
        """What it says of each action."""
        given: Mapping[str, Any] = self.cleaned_data
        return [
            Found(
                action,
                given[f"effect-{action.public_id}"],
                given[f"verdict-{action.public_id}"],
                given[f"tried-{action.public_id}"],
                given[f"did-{action.public_id}"],
            )
            for action in self.actions
        ]

    def reached(self) -> dict[Outcome, str]:
        """How far each goal has come."""
        return {each: self.cleaned_data[f"status-{each.public_id}"] for each in self.outcomes}
