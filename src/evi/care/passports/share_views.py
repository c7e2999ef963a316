"""Shares of a child's record: the list that the family sees too, making one and ending one."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from evi.care.accounts.models import Organisation
from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports import shares as sharing
from evi.care.passports.forms import ShareForm, in_a_month
from evi.care.passports.rendering import page, sentence, tell
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError


@endpoint(action="view", item="passport.*")
def shares(request: HttpRequest, child: Child) -> HttpResponse:
    """With whom this child's record is shared, by whom, what, and until when."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    rows = list(sharing.shares_of(child))
    live = [row for row in rows if row.tie.until is None or row.tie.until > visit.day]
    return page(
        request,
        "shares",
        child,
        {
            "live": live,
            "ended": [row for row in rows if row not in live],
            "endable": {row.pk for row in live if sharing.may_end(visit, row)},
            "last_days": {row.pk: row.tie.until - timedelta(days=1) for row in live if row.tie.until},
            "titles": titles(),
            "can_share": visit.can(child, "share", "passport.*"),
        },
    )


@endpoint(action="share", item="passport.*", methods=("GET", "HEAD", "POST"))
def new(request: HttpRequest, child: Child) -> HttpResponse:
    """Choose the organisation first, then whom there, what and how long."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    code = request.GET.get("with", "")
    organisation = Organisation.objects.filter(code=code).first() if code else None
    if organisation is None:
        places = Organisation.objects.exclude(kind="partnership")
        return page(request, "share_with", child, {"places": places})
    items = sharing.shareable(visit, child)
    form = ShareForm(
        request.POST or None,
        organisation=organisation,
        choices=[(item, titles()[item]) for item in items],
        initial={"last_day": in_a_month(visit.day)},
    )
    context = {"form": form, "organisation": organisation}
    if request.method == "POST" and form.is_valid():
        try:
            person = form.cleaned_data["email"]
            sharing.share(
                visit,
                child,
                form.cleaned_data["items"],
                form.cleaned_data["last_day"],
                to=sharing.recipient(organisation, person, visit.day) if person else None,
                team=form.cleaned_data["team"],
                why=form.cleaned_data["why"],
            )
        except EviError as error:
            form.add_error(error.where if error.where in form.fields else None, sentence(error))
        else:
            messages.success(request, _("It is shared. It ends by itself on the day you chose."))
            return redirect("passports:shares", child.public_id)
    return page(request, "share", child, context, status=422 if form.errors else 200)


@endpoint(action="share", item="passport.*", methods=("POST",))
def end_share(request: HttpRequest, child: Child, share: str) -> HttpResponse:
    """End a share at once."""
    try:
        sharing.end(request.visit, child, share)  # type: ignore[attr-defined]
    except EviError as error:
        tell(request, error)
    else:
        messages.success(request, _("This share has ended."))
    return redirect("passports:shares", child.public_id)


def titles() -> dict[str, str]:
    """What each item is called."""
    return {key: _(item.title) for key, item in vocabulary().items.items()}
