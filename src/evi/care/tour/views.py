"""The guided tour of a made-up district."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from evi.care.door.endpoints import endpoint
from evi.care.tour.models import Story
from evi.care.tour.progress import steps


@endpoint(public=True)
def tour(request: HttpRequest) -> HttpResponse:
    """The steps of the story: who does what where, and which were taken. Nowhere else than in a demo."""
    story = Story.objects.select_related("child", "school", "next_school").first()
    if story is None or not settings.EVI_DEMO:
        raise Http404
    found = steps(story)
    taken = sum(step.done for step in found)
    following = next((step for step in found if not step.done), None)
    who = request.user.name if request.user.is_authenticated else ""
    context = {"story": story, "steps": found, "taken": taken, "following": following, "who": who}
    return render(request, "tour/tour.html", context)
