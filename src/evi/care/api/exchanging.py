"""Whole records out and in: FHIR R4 documents and support plan files."""

from __future__ import annotations

import json
from typing import Annotated, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Schema

from evi.care.api import shapes
from evi.care.api.operations import Made, operation
from evi.care.api.problems import Problem
from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.exchange import isp, receiving
from evi.care.exchange.fhir_out import to_bundle
from evi.care.exchange.files import File, read_file
from evi.care.exchange.gather import PARTS, USUAL, gather
from evi.care.exchange.models import Incoming

FHIR_JSON = "application/fhir+json"
Parts = Annotated[
    list[str] | None,
    Query(description=f"Of {', '.join(PARTS)}; without it {', '.join(USUAL)}."),
]


class FileIn(Schema):
    """A whole file, as JSON."""

    file: dict[str, Any]


@operation("GET", "/children/{child}/fhir", dict, action="export", item="passport.*")
def fhir(visit: Visit, child: Child, parts: Parts = None) -> HttpResponse:
    """Passport, plan and circle as a FHIR R4 document (UK Core), with what was left out and why."""
    bundle = to_bundle(gather(visit, child, _parts(parts)))
    return _file(bundle, FHIR_JSON)


@operation("GET", "/children/{child}/support-plan-file", dict, action="export", item="passport.*")
def support_plan_file(
    visit: Visit,
    child: Child,
    parts: Parts = None,
    layer: Annotated[str, Query(pattern=f"^({'|'.join(isp.LAYERS)}|)$")] = "",
) -> HttpResponse:
    """Passport, plan and circle as an Individual Support Plan (eVI's own provisional format)."""
    return _file(isp.to_isp(gather(visit, child, _parts(parts)), layer), "application/json")


@operation(
    "POST",
    "/children/{child}/imports",
    shapes.ImportOut,
    action="contribute",
    item="passport.*",
    once=True,
    status=201,
)
def import_file(visit: Visit, child: Child, sent: FileIn) -> Made:
    """Take a file in for a child: added if it proves to be about them, else a person decides."""
    return Made(_import_out(receiving.receive(visit, child, _read(sent))))


@operation("POST", "/imports", shapes.ImportOut, once=True, status=201)
def import_by_number(visit: Visit, sent: FileIn) -> Made:
    """Take a file in for whichever child its number and birth date are; never by name."""
    file = _read(sent)
    child = receiving.find_child(visit, file.dossier)
    if child is None:
        raise Problem(
            404,
            "Nobody matched",
            _("No child whom you may see has this number and birth date. Send it to one child instead."),
        )
    return Made(_import_out(receiving.receive(visit, child, file)))


def _parts(parts: list[str] | None) -> list[str]:
    wanted = [part for part in parts or USUAL if part in PARTS]
    if not wanted:
        raise Problem(422, "Not acceptable", _("Ask for a part that there is."))
    return wanted


def _read(sent: FileIn) -> File:
    return read_file(json.dumps(sent.file, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _file(body: dict[str, Any], kind: str) -> HttpResponse:
    return HttpResponse(
        json.dumps(body, ensure_ascii=False), content_type=kind, headers={"Cache-Control": "no-store"}
    )


def _import_out(incoming: Incoming) -> shapes.ImportOut:
    sentences = {
        Incoming.Status.ADDED: _("It was added to the child's record."),
        Incoming.Status.WAITING: _("Nothing in it proves that it is about this child: a person has to say."),
        Incoming.Status.REFUSED: _("A person said that it is not about this child."),
    }
    return shapes.ImportOut(
        id=incoming.public_id,
        status=incoming.status,
        sentence=sentences[Incoming.Status(incoming.status)],
        added=incoming.added,
        not_taken=[{"at": place, "problem": what} for place, what in incoming.not_taken],
    )
