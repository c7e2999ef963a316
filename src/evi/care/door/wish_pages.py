"""What a family says about sharing: recorded by them or for them, and in force from the next request on."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.children.models import Child, Wish
from evi.care.door.endpoints import VisitRequest, endpoint
from evi.care.door.forms import WishForm
from evi.care.door.rules import door
from evi.sharing.vocabulary import vocabulary

OPT_OUT = "opt-out"


@endpoint(action="contribute", item="voice", methods=("GET", "HEAD", "POST"))
def wishes(request: VisitRequest, child: Child) -> HttpResponse:
    """What the family has said, and a form to say more."""
    visit = request.visit
    form = WishForm(request.POST or None, initial={"said_by": visit.user.name, "about": "all"})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        about = "all" if said["kind"] == OPT_OUT else said["about"]
        with visit.writing(child, "contribute", "voice", note=f"{said['kind']} about {about} recorded"):
            Wish.objects.create(
                child=child,
                kind=said["kind"],
                about=about,
                said_by=said["said_by"],
                noted_by=visit.user,
                note=said["note"],
            )
        messages.success(request, _("This was recorded, and holds from now on."))
        return redirect("door:wishes", child.public_id)
    titles = {each.name: f"{each.number}. {each.title}" for each in door().agreements}
    context = {
        "form": form,
        "child": child,
        "said": Wish.objects.filter(child=child).order_by("-since", "-id"),
        "titles": titles | {"all": _("Everything that can be refused")},
        "kinds": vocabulary().wishes,
        "today": timezone.localdate(),
    }
    return render(request, "door/wishes.html", context, status=422 if form.errors else 200)


@endpoint(action="contribute", item="voice", methods=("POST",))
def wish_end(request: VisitRequest, child: Child, wish: int) -> HttpResponse:
    """The family takes back what it said: from today it no longer holds."""
    visit = request.visit
    row = Wish.objects.live().filter(child=child, pk=wish).first()
    if row is None:
        return render(request, "404.html", status=404)
    with visit.writing(child, "contribute", "voice", note=f"{row.kind} about {row.about} taken back"):
        Wish.objects.filter(pk=row.pk).update(until=timezone.localdate())
    messages.success(request, _("It was taken back, and holds no more."))
    return redirect("door:wishes", child.public_id)
