"""Pages of messages and tasks of a circle."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as said
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from evi.care.children.address import Address
from evi.care.children.models import Child
from evi.care.circles import talking
from evi.care.circles.forms import EndTaskForm, MessageForm, OutcomeForm, TaskForm
from evi.care.circles.models import Message, Task
from evi.care.circles.people import members
from evi.care.circles.views import BOTH, WRONG
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit

A_PAGE = 20


@endpoint(action="view", item="messages")
def messages(request: HttpRequest, child: Child) -> HttpResponse:
    """The messages about a child that are for this visitor."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    pages = Paginator(talking.readable(visit, child), A_PAGE)
    context = {
        "child": child,
        "page": pages.get_page(request.GET.get("page")),
        "may_write": visit.can(child, "contribute", "messages"),
    }
    return render(request, "circles/messages.html", context)


@endpoint(action="contribute", item="messages", methods=BOTH)
def new_message(request: HttpRequest, child: Child) -> HttpResponse:
    """Write a message."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    others = [each for each in members(child, visit.day) if each.pk != visit.membership.pk]
    form = MessageForm(request.POST or None, members=others)
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("kind", "subject", "text", "answer_by")}
        try:
            talking.send(visit, child, named=form.chosen(), **given)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said.success(request, _("The message is sent."))
            return redirect("circles:messages", child=child.public_id)
    return _page(request, "circles/new_message.html", child, form)


@endpoint(action="view", item="messages")
def message(request: HttpRequest, child: Child, message_id: str) -> HttpResponse:
    """One message, who has read it, and its answer."""
    found = _message(request, child, message_id)
    return _message_page(request, child, found, OutcomeForm())


@endpoint(action="view", item="messages", methods=("POST",))
def acknowledge(request: HttpRequest, child: Child, message_id: str) -> HttpResponse:
    """Say that it was read."""
    found = _message(request, child, message_id)
    talking.acknowledge(request.visit, found)  # type: ignore[attr-defined]
    said.success(request, _("Noted that you have read it."))
    return redirect("circles:messages", child=child.public_id)


@endpoint(action="contribute", item="messages", methods=("POST",))
def answer(request: HttpRequest, child: Child, message_id: str) -> HttpResponse:
    """Answer a question, or write what was decided."""
    found = _message(request, child, message_id)
    form = OutcomeForm(request.POST)
    if form.is_valid():
        try:
            talking.close(request.visit, found, form.cleaned_data["outcome"])  # type: ignore[attr-defined]
        except ValidationError as error:
            form.add_error(None, error)
            found = _message(request, child, message_id)
        else:
            said.success(request, _("Your answer is kept."))
            return redirect("circles:message", child=child.public_id, message_id=message_id)
    return _message_page(request, child, found, form)


@endpoint(action="view", item="tasks")
def tasks(request: HttpRequest, child: Child) -> HttpResponse:
    """What will be done for a child, and what was."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    every = list(talking.tasks_of(child))
    there = {each.pk for each in members(child, visit.day)}
    context = {
        "child": child,
        "open": [task for task in every if task.status == Task.Status.OPEN],
        "ended": sorted(
            (task for task in every if task.ended_at), key=lambda task: str(task.ended_at), reverse=True
        ),
        "there": there,
        "hide": Address.kept_from(visit, child).hide,
        "may_write": visit.can(child, "contribute", "tasks"),
    }
    return render(request, "circles/tasks.html", context)


@endpoint(action="contribute", item="tasks", methods=BOTH)
def new_task(request: HttpRequest, child: Child) -> HttpResponse:
    """Give a task."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    form = TaskForm(request.POST or None, members=members(child, visit.day))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            talking.give_task(
                visit, child, what=given["what"], who=form.members[given["who"]], due=given["due"]
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said.success(request, _("The task is noted."))
            return redirect("circles:tasks", child=child.public_id)
    return _page(request, "circles/new_task.html", child, form, nobody=not form.members)


@endpoint(action="view", item="tasks", methods=BOTH)
def end_task(request: HttpRequest, child: Child, task_id: str) -> HttpResponse:
    """End a task: done, or not needed any more."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    task = get_object_or_404(talking.tasks_of(child), public_id=task_id, status=Task.Status.OPEN)
    task.child = child
    form = EndTaskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            talking.end_task(
                visit,
                task,
                done=given["done"] == "yes",
                note=given["note"],
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said.success(request, _("Noted."))
            return redirect("circles:tasks", child=child.public_id)
    return _page(
        request, "circles/end_task.html", child, form, task=task, hide=Address.kept_from(visit, child).hide
    )


def _message(request: HttpRequest, child: Child, message_id: str) -> Message:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    found = get_object_or_404(talking.readable(visit, child), public_id=message_id)
    found.child = child
    return found


def _message_page(request: HttpRequest, child: Child, found: Message, form: OutcomeForm) -> HttpResponse:
    visit: Visit = request.visit  # type: ignore[attr-defined]
    read = list(found.acknowledgements.all())
    context = {
        "message": found,
        "read": read,
        "unread": found.by.user_id != visit.user.pk and visit.user.pk not in {each.user_id for each in read},
        "may_answer": found.closed_at is None
        and found.kind != Message.Kind.UPDATE
        and visit.can(child, "contribute", "messages"),
    }
    return _page(request, "circles/message.html", child, form, **context)


def _page(request: HttpRequest, template: str, child: Child, form: Any, **more: Any) -> HttpResponse:
    context = {"child": child, "form": form, **more}
    return render(request, template, context, status=WRONG if form.errors else 200)
