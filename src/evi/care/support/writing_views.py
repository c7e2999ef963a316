"""Pages on which a support plan is written.

Whoever is overtaken sees what the other wrote, and keeps their own words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from evi.care.children.address import Address
from evi.care.children.models import Child
from evi.care.circles.people import members
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Refused, Visit
from evi.care.support import forms, planning
from evi.care.support.catalogue import offers
from evi.care.support.history import since
from evi.care.support.models import Action, Need, Outcome, Plan
from evi.sharing.decisions import Decision

BOTH = ("GET", "HEAD", "POST")
WRONG = 422
OVERTAKEN = 409
Part = TypeVar("Part", Need, Outcome, Action)


@endpoint(action="contribute", item="plan", methods=BOTH)
def start(request: HttpRequest, child: Child) -> HttpResponse:
    """Begin a plan."""
    form = forms.StartForm(request.POST or None)
    title = _("Begin a support plan")
    return _answer(
        request, child, form, title, lambda visit, given: planning.start_plan(visit, child, **given)
    )


@endpoint(action="contribute", item="plan", methods=BOTH)
def close(request: HttpRequest, child: Child) -> HttpResponse:
    """Close the plan."""
    plan, form = _open_plan(child), forms.CloseForm(request.POST or None)
    title = _("Close the plan")
    return _answer(
        request, child, form, title, lambda visit, given: planning.close_plan(visit, plan, **given)
    )


@endpoint(action="contribute", item="plan", methods=BOTH)
def review_date(request: HttpRequest, child: Child) -> HttpResponse:
    """Say when the next review is due."""
    plan = _open_plan(child)
    form = forms.StartForm(request.POST or None, initial={"review_due": plan.review_due})
    title = _("Next review")
    return _answer(
        request, child, form, title, lambda visit, given: planning.set_review_date(visit, plan, **given)
    )


@endpoint(action="contribute", item="plan", methods=BOTH)
def new_need(request: HttpRequest, child: Child) -> HttpResponse:
    """Add a need."""
    plan, form = _open_plan(child), forms.NeedForm(request.POST or None)
    return _answer(
        request,
        child,
        form,
        _("Add a need"),
        lambda visit, _given: planning.add_need(visit, plan, **form.fields_given()),
    )


@endpoint(action="contribute", item="plan", methods=BOTH)
def new_outcome(request: HttpRequest, child: Child, need_id: str) -> HttpResponse:
    """Add a goal."""
    need = _part(Need, request, child, need_id)
    form = forms.OutcomeForm(request.POST or None)
    return _answer(
        request,
        child,
        form,
        _("Add a goal"),
        lambda visit, _given: planning.add_outcome(visit, need, **form.fields_given()),
        above=need.text,
    )


@endpoint(action="contribute", item="plan", methods=BOTH)
def new_action(request: HttpRequest, child: Child, outcome_id: str) -> HttpResponse:
    """Add an action; an offer can be chosen in the address."""
    outcome = _part(Outcome, request, child, outcome_id)
    form = forms.ActionForm(request.POST or None, members=_members(request, child), initial=_offered(request))
    return _answer(
        request,
        child,
        form,
        _("Add an action"),
        lambda visit, _given: planning.add_action(visit, outcome, **form.fields_given()),
        above=outcome.text,
    )


@endpoint(action="contribute", item="plan", methods=BOTH)
def change_need(request: HttpRequest, child: Child, need_id: str) -> HttpResponse:
    """Change a need."""
    need = _part(Need, request, child, need_id)
    form = forms.ChangeNeedForm(request.POST or None, initial=_initial(need, forms.ChangeNeedForm))
    return _change(request, child, form, _("Change a need"), need)


@endpoint(action="contribute", item="plan", methods=BOTH)
def change_outcome(request: HttpRequest, child: Child, outcome_id: str) -> HttpResponse:
    """Change a goal."""
    outcome = _part(Outcome, request, child, outcome_id)
    form = forms.ChangeOutcomeForm(request.POST or None, initial=_initial(outcome, forms.ChangeOutcomeForm))
    return _change(request, child, form, _("Change a goal"), outcome)


@endpoint(action="contribute", item="plan", methods=BOTH)
def change_action(request: HttpRequest, child: Child, action_id: str) -> HttpResponse:
    """Change an action."""
    action = _part(Action, request, child, action_id)
    people = _members(request, child)
    if action.who is not None and action.who.pk not in {each.pk for each in people}:
        people.append(action.who)
    initial = _initial(action, forms.ChangeActionForm) | {"who": str(action.who_id or forms.NOBODY)}
    form = forms.ChangeActionForm(request.POST or None, members=people, initial=initial)
    return _change(request, child, form, _("Change an action"), action)


@endpoint(action="contribute", item="plan", methods=BOTH)
def new_review(request: HttpRequest, child: Child) -> HttpResponse:
    """Hold a review."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    plan = _open_plan(child)
    actions = [
        each for each in plan.actions.select_related("who__user") if each.live and each.start <= visit.day
    ]
    outcomes = [each for each in plan.outcomes.all() if each.status in ("working", "partly")]
    initial = {"revision": plan.revision, "held_on": visit.day}
    form = forms.ReviewForm(request.POST or None, actions=actions, outcomes=outcomes, initial=initial)
    said = ("held_on", "who_came", "child_view", "family_view", "summary", "next_due", "revision")

    def hold(visit: Visit, given: dict[str, Any]) -> None:
        plain = {name: given[name] for name in said}
        planning.hold_review(visit, plan, findings=form.found(), outcomes=form.reached(), **plain)

    return _answer(request, child, form, _("Hold a review"), hold, template="support/new_review.html")


def _change(request: HttpRequest, child: Child, form: Any, title: str, part: Any) -> HttpResponse:
    def write(visit: Visit, given: dict[str, Any]) -> None:
        revision = given["revision"]
        planning.change(
            visit, part, revision if revision is not None else 0, why=given["why"], **form.fields_given()
        )

    return _answer(request, child, form, title, write)


def _answer(
    request: HttpRequest,
    child: Child,
    form: BaseForm,
    title: str,
    write: Callable[[Visit, dict[str, Any]], Any],
    template: str = "support/form.html",
    **more: Any,
) -> HttpResponse:
    """Show a form, or write what it says and go back to the plan."""
    context = {"child": child, "form": form, "heading": title, "overtaken": [], **more}
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            write(request.visit, form.cleaned_data)  # type: ignore[attr-defined]
        except ValidationError as error:
            _add(form, error)
        except planning.Overtaken as faster:
            context["overtaken"] = since(faster.versions)
            _take_over(form, max(version.revision for version in faster.versions))
            status = OVERTAKEN
        else:
            messages.success(request, _("Saved."))
            return redirect("support:plan", child=child.public_id)
    return render(request, template, context, status=WRONG if form.errors else status)


def _add(form: BaseForm, error: ValidationError) -> None:
    """Put a mistake at its field, or at the top if the form has no such field."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, found in error.error_dict.items():
        form.add_error(name if name in form.fields else None, found)


def _take_over(form: BaseForm, revision: int) -> None:
    """Keep what was written, as if it was read at the newest revision, so that saving again is a choice."""
    form.data = {**form.data.dict(), "revision": str(revision)}  # type: ignore[attr-defined]


def _open_plan(child: Child) -> Plan:
    plan = get_object_or_404(Plan, child=child, status=Plan.Status.OPEN)
    plan.child = child
    return plan


def _part(model: type[Part], request: HttpRequest, child: Child, public_id: str) -> Part:
    """A part of the open plan, as it is written; not for whoever may not read all of its words."""
    if Address.kept_from(request.visit, child).kept:  # type: ignore[attr-defined]
        sentence = _("You can't change this: an address that may stand in it is kept back from you.")
        raise Refused(Decision(False, "", "", "", sentence, "withheld"), "contribute", "plan", child)
    found = get_object_or_404(
        model.objects.select_related("plan"),
        public_id=public_id,
        plan__child=child,
        plan__status=Plan.Status.OPEN,
    )
    found.plan.child = child
    return found


def _initial(part: Any, form: Any) -> dict[str, Any]:
    fields = form.base_fields
    known = {name: getattr(part, name) for name in fields if hasattr(part, name)}
    return known | {"revision": part.plan.revision}


def _members(request: HttpRequest, child: Child) -> list[Any]:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    return members(child, visit.day)


def _offered(request: HttpRequest) -> dict[str, str]:
    offer = offers().get(request.GET.get("offer", ""))
    return {"offer": offer.key, "what": f"{offer.title}. {offer.what}"} if offer else {}
