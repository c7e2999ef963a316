"""Writing in the passport; whoever is second is shown both texts and writes again from what stands."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.endpoints import endpoint
from evi.care.door.visit import Visit
from evi.care.passports.contributions import PREFIX, contribute, place_of, stands_at, voice_of
from evi.care.passports.differing import difference, merged
from evi.care.passports.forms import WriteForm
from evi.care.passports.models import (
    CHILD,
    FACT,
    NATURES,
    PRACTITIONER,
    VOICES,
    Passport,
    PassportVersion,
    Revision,
)
from evi.care.passports.parts import parts
from evi.care.passports.rendering import missing, page, sentence
from evi.care.passports.writing import Conflict
from evi.workspace import EviError


@endpoint(action="contribute", item="passport.*", methods=("GET", "HEAD", "POST"))
def write(request: HttpRequest, child: Child, section: str, voice: str, nature: str = "") -> HttpResponse:
    """Write in one place. Whoever is second is shown both texts and writes again from what stands."""
    visit: Visit = request.visit  # type: ignore[attr-defined]
    if section not in parts().sections or voice not in VOICES or nature not in ("", *NATURES):
        return missing(request)
    visit.check(child, "contribute", PREFIX + section)
    own = voice == voice_of(visit)
    if voice == PRACTITIONER and not own:
        return missing(request)
    nature = (nature or FACT) if voice == PRACTITIONER else ""
    place = place_of(visit, section, voice, nature, taken_down=not own)
    context = _writing(child, section, voice, nature)
    options: dict[str, Any] = {
        "section": section,
        "voice": voice,
        "own": own,
        "prompt": context["prompt"],
        "said": _taken_down(voice, child),
    }
    if request.method != "POST":
        current = stands_at(child, place)
        form = WriteForm(initial=_initial(current, _seen(child)), **options)
        return page(request, "write", child, context | {"form": form, "current": current})
    form = WriteForm(request.POST, **options)
    if not form.is_valid():
        return page(request, "write", child, context | {"form": form, "current": None}, status=422)
    try:
        contribute(
            visit,
            child,
            section,
            voice,
            form.cleaned_data["text"],
            nature=nature,
            pictures=form.chosen(),
            taken_down=not own,
            base=form.cleaned_data["base"],
        )
    except Conflict as conflict:
        return _conflict(request, context, options, conflict)
    except EviError as error:
        form.add_error("text" if error.where == "text" else None, sentence(error))
        return page(request, "write", child, context | {"form": form, "current": None}, status=422)
    _say_saved(request, visit, child, section, form.cleaned_data["seen"])
    return redirect("passports:passport", child.public_id)


def _writing(child: Child, section: str, voice: str, nature: str) -> dict[str, Any]:
    part = parts().sections[section]
    prompt = part.prompts[nature if voice == PRACTITIONER else voice]
    return {"child": child, "part": part, "voice": voice, "nature": nature, "prompt": _(prompt)}


def _taken_down(voice: str, child: Child) -> str:
    if voice == CHILD:
        return _("I wrote this down for %(name)s: it is what they said, showed or chose") % {
            "name": child.name
        }
    return _("I wrote this down for a parent or carer: these are their words")


def _initial(current: Revision | None, seen: int) -> dict[str, Any]:
    pictures = list(current.pictures) if current else []
    faces = [each for each in pictures if each in parts().faces]
    return {
        "base": current.number if current else 0,
        "seen": seen,
        "text": current.text if current else "",
        "pictures": [each for each in pictures if each not in faces],
        "face": faces[0] if faces else "",
    }


def _seen(child: Child) -> int:
    return Passport.objects.filter(child=child).values_list("version", flat=True).first() or 0


def _conflict(
    request: HttpRequest, context: dict[str, Any], options: dict[str, Any], conflict: Conflict
) -> HttpResponse:
    """Both texts and their difference, and a form that begins from what stands now."""
    mine, stands = conflict.words, conflict.stands
    theirs = stands.text if stands else ""
    base = conflict.began_from.text if conflict.began_from else ""
    one = merged(base, mine.text, theirs) if base else None
    pictures = _both_pictures(conflict)
    faces = [each for each in mine.pictures if each in parts().faces]
    form = WriteForm(
        initial={
            "base": stands.number if stands else 0,
            "seen": _seen(context["child"]),
            "text": f"{theirs}\n\n{mine.text}".strip() if one is None else one,
            "pictures": [each for each in pictures if each not in parts().faces],
            "face": faces[0] if faces else "",
            "taken_down": mine.taken_down,
        },
        **options,
    )
    return page(
        request,
        "conflict",
        context["child"],
        context
        | {
            "form": form,
            "stands": stands,
            "words": mine,
            "difference": difference(theirs, mine.text),
            "in_one": one is not None,
        },
        status=409,
    )


def _say_saved(request: HttpRequest, visit: Visit, child: Child, section: str, seen: int) -> None:
    """Say that it was kept, and what others wrote in the section meanwhile."""
    messages.success(request, _("Your words are in the passport."))
    since = PassportVersion.objects.filter(passport__child=child, number__gt=seen).exclude(made_by=visit.user)
    others = sorted({row.made_by_name for row in since if section in row.sections})
    if others:
        messages.info(
            request,
            _("While you wrote, this section was changed by %(names)s. “Earlier versions” shows what.")
            % {"names": ", ".join(others)},
        )


def _both_pictures(conflict: Conflict) -> list[str]:
    """Pictures that both chose, or that either chose anew."""
    had = set(conflict.began_from.pictures) if conflict.began_from else set()
    mine = set(conflict.words.pictures)
    theirs = set(conflict.stands.pictures) if conflict.stands else set()
    chosen = (mine & theirs) | ((mine | theirs) - had)
    return [each for each in parts().pictures if each in chosen]
