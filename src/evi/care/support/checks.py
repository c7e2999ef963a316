"""What must make sense before a plan is written: a mistake is a `ValidationError` by field, plainly put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from evi.care.circles.people import in_circle
from evi.care.passports.instruments import strategies
from evi.care.support.catalogue import areas, offers
from evi.care.support.models import Action, Finding, Need, Outcome, Plan, Review
from evi.care.text import NOTE_LIMIT

if TYPE_CHECKING:
    from evi.care.support.planning import Found

FARTHEST = timedelta(days=3 * 366)
"""How far ahead a plan can reach: a day further off is taken for a slip of the pen."""
EARLIEST = timedelta(days=3 * 366)
"""How long ago an action can have begun."""
Faults = dict[str, str]


def review_date(day: date | None, today: date) -> None:
    """Hold that a review lies ahead."""
    _raise({"review_due": fault} if (fault := _ahead(day, today)) else {})


def part(made: Any, plan: Plan, today: date, before: Mapping[str, Any] | None = None) -> None:
    """Hold a need, an outcome or an action; of one that was there, only what changes is held to today."""
    faults = _lengths(made)
    changed = before is None or {name for name, value in before.items() if getattr(made, name) != value}
    if isinstance(made, Need):
        faults |= _need(made)
    elif isinstance(made, Outcome):
        faults |= _outcome(made, today, new=changed is True or "by_when" in _names(changed))
    elif isinstance(made, Action):
        new = changed is True or bool({"start", "until"} & _names(changed))
        faults |= _action(made, today, new=new)
        if changed is True or "who" in _names(changed):
            faults |= _who(made, plan, today)
        if changed is True or {"offer", "strategy"} & _names(changed):
            faults |= _catalogued(made)
    _raise(faults)


def review(
    made: Review, findings: Sequence[Found], outcomes: Mapping[Outcome, str], plan: Plan, today: date
) -> None:
    """Hold a review, and that it says something of every action that is going on."""
    faults = _lengths(made)
    if not made.summary:
        faults["summary"] = _("Write what the review agreed.")
    if made.held_on > today:
        faults["held_on"] = _("The day of the review must be today or earlier.")
    elif made.held_on < plan.made_at.date():
        faults["held_on"] = _("The review can't be before the plan began.")
    if fault := _ahead(made.next_due, today):
        faults["next_due"] = fault
    _raise(faults)
    spoken_of = {found.action.pk for found in findings}
    actions = list(plan.actions.all())
    if not spoken_of <= {action.pk for action in actions}:
        raise ValidationError(_("One of the actions belongs to another plan."))
    if {action.pk for action in actions if action.live and action.start <= made.held_on} - spoken_of:
        raise ValidationError(_("Say of each action what it did. “Too early to say” is an answer."))
    if len(spoken_of) != len(findings):
        raise ValidationError(_("The same action is there twice."))
    for found in findings:
        if found.effect not in Finding.Effect or found.verdict not in Finding.Verdict:
            raise ValidationError(_("Choose what each action did, and whether to keep, change or stop it."))
        if max(len(found.tried), len(found.did)) > NOTE_LIMIT:
            raise ValidationError(_too_long())
    if any(
        outcome.plan_id != plan.pk or status not in Outcome.Status for outcome, status in outcomes.items()
    ):
        raise ValidationError(_("Choose how far each goal of this plan has come."))


def _need(made: Need) -> Faults:
    faults = {}
    if made.area not in areas():
        faults["area"] = _("Choose an area from the list.")
    if not made.text:
        faults["text"] = _("Write what you see, or what the child or family says.")
    return faults | _choice(made, "view", Need.View) | _choice(made, "status", Need.Status)


def _outcome(made: Outcome, today: date, *, new: bool) -> Faults:
    faults = _choice(made, "status", Outcome.Status)
    if not made.text:
        faults["text"] = _("Write what should be different.")
    if not made.measure:
        faults["measure"] = _("Write how you will know.")
    if not made.target:
        faults["target"] = _("Write where you want to get to.")
    if new and (fault := _ahead(made.by_when, today, needed=True)):
        faults["by_when"] = fault
    return faults


def _action(made: Any, today: date, *, new: bool) -> Faults:
    faults = _choice(made, "status", Action.Status)
    if not made.what:
        faults["what"] = _("Write what will be done.")
    if not made.who_id and not made.who_name:
        faults["who"] = _("Choose or write who will do it.")
    elif made.who_id and made.who_name:
        faults["who_name"] = _("Choose a person or write a name, not both.")
    if not new:
        return faults
    if made.start is None:
        faults["start"] = _("Write the day on which it starts.")
    elif made.start < today - EARLIEST:
        faults["start"] = _("That day is too long ago. Check the year.")
    if fault := _ahead(made.until, today, needed=True, live=made.live):
        faults["until"] = fault
    elif made.start and made.until < made.start:
        faults["until"] = _("The last day can't be before the first.")
    return faults


def _who(made: Action, plan: Plan, today: date) -> Faults:
    if made.who_id and made.who and not in_circle(plan.child, made.who, today):
        return {"who": _("This person is not in the child's circle. Invite them first.")}
    return {}


def _catalogued(made: Action) -> Faults:
    faults = {}
    if made.offer and made.offer not in offers():
        faults["offer"] = _("Choose an offer from the list.")
    if made.strategy and made.strategy not in {each.key for each in strategies()}:
        faults["strategy"] = _("Choose a strategy from the list.")
    return faults


def _choice(made: Any, name: str, choices: Any) -> Faults:
    return {} if getattr(made, name) in choices else {name: _("Choose one from the list.")}


def _ahead(day: date | None, today: date, *, needed: bool = False, live: bool = True) -> str:
    if day is None:
        return _("Write a day.") if needed else ""
    if live and day < today:
        return _("That day has passed.")
    if day > today + FARTHEST:
        return _("That day is too far off. Check the year.")
    return ""


def _lengths(made: Any) -> Faults:
    texts = [
        field.name
        for field in made._meta.concrete_fields
        if isinstance(getattr(made, field.name, None), str) and len(getattr(made, field.name)) > NOTE_LIMIT
    ]
    return dict.fromkeys(texts, _too_long())


def _too_long() -> str:
    return _("That is too long. Keep it under %(limit)s characters.") % {"limit": f"{NOTE_LIMIT:,}"}


def _names(changed: Any) -> set[str]:
    return changed if isinstance(changed, set) else set()


def _raise(faults: Faults) -> None:
    if faults:
        raise ValidationError({name: [fault] for name, fault in faults.items()})
