"""Transition packs and hand-overs: the list, sending, reading, the receipt, questions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports import packs as packing
from evi.care.passports.contributions import PREFIX, standing
from evi.care.passports.forms import PackForm, QuestionForm
from evi.care.passports.models import Pack, Passport
from evi.care.passports.parts import parts
from evi.care.passports.rendering import missing, page, sentence, tell
from evi.care.passports.shares import shareable
from evi.workspace import EviError

MORE = ("plan", "profile")


@endpoint(action="view", item="packs")
def packs(request: HttpRequest, child: Child) -> HttpResponse:
    """Every pack of this child that this person may know of."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    can_send = visit.can(child, "share", "packs")
    return page(
        request,
        "packs",
        child,
        {
            "packs": packing.visible(visit, child),
            "kinds": packing.kinds(),
            "sendable": packing.kinds_for(visit.membership.organisation.kind) if can_send else [],
            "day": visit.day,
        },
    )


@endpoint(action="share", item="packs", methods=("GET", "HEAD", "POST"))
def new(request: HttpRequest, child: Child, kind: str) -> HttpResponse:
    """Put a pack together and send it."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    chosen = packing.kinds().get(kind)
    if chosen is None or chosen not in packing.kinds_for(visit.membership.organisation.kind):
        return missing(request)
    items = shareable(visit, child)
    sections = [part for part in parts().sections.values() if PREFIX + part.key in items]
    choices = [(part.key, _(part.title)) for part in sections]
    choices += [
        (item, {"plan": _("Support plan"), "profile": _("Strengths profile")}[item])
        for item in MORE
        if item in items
    ]
    first = [*chosen.sections, *(item for item in MORE if getattr(chosen, item))]
    form = PackForm(
        request.POST or None,
        kind=chosen,
        choices=choices,
        own=visit.membership.organisation,
        initial={"sections": first},
    )
    context: dict[str, Any] = {"form": form, "kind": chosen}
    if request.method == "POST" and form.is_valid():
        goes = form.cleaned_data["sections"]
        try:
            sent = packing.send(
                visit,
                child,
                kind,
                form.cleaned_data["to"],
                sections=[each for each in goes if each not in MORE],
                with_plan="plan" in goes,
                with_profile="profile" in goes,
                checklist=form.cleaned_data["checklist"],
                note=form.cleaned_data["note"],
            )
        except EviError as error:
            form.add_error("to" if error.where == "to" else None, sentence(error))
        else:
            messages.success(request, _("The pack is sent. You will see here when it is acknowledged."))
            return redirect("passports:pack", child.public_id, sent.public_id)
    return page(request, "new_pack", child, context, status=422 if form.errors else 200)


@endpoint(action="view", item="packs")
def pack(request: HttpRequest, child: Child, pack: str) -> HttpResponse:
    """One pack: what was handed over, as it stood when it was sent."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    try:
        found = packing.pack(visit, child, pack)
    except EviError:
        return missing(request)
    newest = Passport.objects.filter(child=child).values_list("version", flat=True).first() or 0
    sections = standing(visit, child, found.sections, found.version)
    return page(
        request,
        "pack",
        child,
        {
            "pack": found,
            "kind": packing.kinds().get(found.kind),
            "sections": sections,
            "known": parts(),
            "changed_since": newest > found.version,
            "receiver": packing.is_receiver(visit, found),
            "sender": found.from_organisation_id == visit.membership.organisation_id
            and visit.can(child, "share", "packs"),
            "questions": list(found.questions.select_related("organisation")),
            "form": QuestionForm(),
            "can_plan": found.with_plan and visit.can(child, "view", "plan"),
            "can_profile": found.with_profile and visit.can(child, "view", "profile"),
            "day": visit.day,
        },
    )


@endpoint(action="view", item="packs", methods=("POST",))
def acknowledge(request: HttpRequest, child: Child, pack: str) -> HttpResponse:
    """Say that it has arrived and was read."""
    return _change(
        request,
        child,
        pack,
        packing.acknowledge,
        _("Thank you. The sender can see that you have it."),
    )


@endpoint(action="view", item="packs", methods=("POST",))
def ask(request: HttpRequest, child: Child, pack: str) -> HttpResponse:
    """Ask the sender something."""
    text = request.POST.get("text", "")
    return _change(
        request,
        child,
        pack,
        lambda visit, found: packing.ask(visit, found, text),
        _("Your question is with the sender."),
    )


@endpoint(action="share", item="packs", methods=("POST",))
def answer(request: HttpRequest, child: Child, pack: str, question: str) -> HttpResponse:
    """Answer the receiver."""
    text = request.POST.get("text", "")
    return _change(
        request,
        child,
        pack,
        lambda visit, found: packing.answer(visit, found, question, text),
        _("Your answer is there."),
    )


@endpoint(action="share", item="packs", methods=("POST",))
def take_back(request: HttpRequest, child: Child, pack: str) -> HttpResponse:
    """Take back a pack that was not acknowledged."""
    return _change(
        request,
        child,
        pack,
        packing.withdraw,
        _("The pack is taken back. It can't be opened any more."),
    )


def _change(request: HttpRequest, child: Child, public_id: str, change: Any, done: str) -> HttpResponse:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    found: Pack
    try:
        found = packing.pack(visit, child, public_id)
        change(visit, found)
    except EviError as error:
        tell(request, error)
        return redirect("passports:packs", child.public_id)
    messages.success(request, done)
    return redirect("passports:pack", child.public_id, found.public_id)
