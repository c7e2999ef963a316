"""Is this a FHIR R4 document that we can take? Its structure first, then the rules of `uk_core.yaml`.

The structure is checked by `fhir.resources`. It has no plain R4: its R4B is used, whose changes against R4
are in other resources (medication definitions, evidence: https://hl7.org/fhir/R4B/history.html). It
takes any text for a code and knows no profile, so both are checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evi.care.exchange.faults import BadFileError, Fault
from evi.encoding import normalise
from evi.workspace.declared import check_against, read_yaml

RULES = Path(__file__).parent / "uk_core.yaml"
SCHEMA = Path(__file__).parent / "uk_core.schema.json"
MOST_FAULTS = 50
_STEP = re.compile(r"([A-Za-z]+)(?:\[([A-Za-z]+)=([^\]]+)\])?")
_SAID = {
    "extra_forbidden": "FHIR R4 has no such element here.",
    "missing": "it is missing.",
    "list_type": "it should be a list.",
}


@cache
def rules() -> dict[str, Any]:
    """What `uk_core.yaml` says, held against its schema.

    Raises:
        EviError: the file does not keep to its schema.
    """
    found: dict[str, Any] = read_yaml(RULES)
    check_against(found, SCHEMA, str(RULES))
    return found


def check_bundle(bundle: Mapping[str, Any]) -> list[Fault]:
    """Every fault of a FHIR document; none if it can be taken.

    Raises:
        BadFileError: it is no bundle, or of another release of FHIR, which it names.
    """
    if bundle.get("resourceType") != "Bundle":
        raise BadFileError("it is no FHIR bundle.", do="Ask for the whole document as one Bundle.")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadFileError("the bundle has no list of entries.")
    _refuse_other_release(bundle, entries)
    faults = [*_structure(bundle, "Bundle"), *_follow("Bundle", bundle, "Bundle", {})]
    known = _known(entries)
    patients = 0
    for number, entry in enumerate(entries, start=1):
        resource = entry.get("resource")
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            continue
        kind = resource["resourceType"]
        patients += kind == "Patient"
        place = f"entry {number}, {kind}"
        faults += _structure(resource, place)
        faults += _follow(kind, resource, place, known)
        faults += _dangling(resource, place, known)
    if patients != 1:
        faults.append(
            Fault("Bundle", f"it should be about one person, and has {patients} Patient resources.")
        )
    return faults


def _refuse_other_release(bundle: Mapping[str, Any], entries: list[Any]) -> None:
    resources = [entry.get("resource") for entry in entries] + [bundle]
    for resource in (each for each in resources if isinstance(each, dict)):
        for sign in rules()["foreign"]:
            if resource.get("resourceType") == sign["resource"] and (
                "element" not in sign or sign["element"] in resource
            ):
                raise _other(sign["release"])
        meta = resource.get("meta")
        profiles = meta.get("profile") if isinstance(meta, dict) else None
        for profile in profiles if isinstance(profiles, list) else []:
            for sign in rules()["foreign_profiles"]:
                if sign["holds"] in str(profile):
                    raise _other(sign["release"])


def _other(release: str) -> BadFileError:
    return BadFileError(
        f"it is FHIR {release}; only FHIR R4 (4.0.1) can be read.", do="Ask the sender for FHIR R4."
    )


def _structure(resource: Mapping[str, Any], place: str) -> Iterator[Fault]:
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - a tenth of a second

    kind = str(resource.get("resourceType"))
    bare = (
        {key: value for key, value in resource.items() if key != "entry"} if place == "Bundle" else resource
    )
    try:
        model = get_fhir_model_class(kind)
    except Exception:  # the library raises what its look-up happened to raise
        yield Fault(place, "FHIR R4 has no such resource.")
        return
    try:
        model.model_validate(bare)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            where = ".".join(str(part) for part in one["loc"] if not str(part).startswith("function-"))
            said = _SAID.get(one["type"], "it is not as FHIR R4 wants it.")
            yield Fault(f"{place}.{where}" if where else place, said)
    except (ValueError, TypeError, AssertionError, AttributeError):
        yield Fault(place, "it is not as FHIR R4 wants it.")


def _follow(kind: str, resource: Mapping[str, Any], place: str, known: Mapping[str, str]) -> Iterator[Fault]:
    declared = rules()["resources"].get(kind)
    for rule in declared["rules"] if declared else []:
        found = _at(resource, rule["at"])
        shown = f"{place}.{_STEP.sub(lambda step: step[1], rule['at'])}"
        if len(found) < rule.get("min", 0):
            yield Fault(shown, "it is missing.")
        if len(found) > rule.get("max", len(found)):
            yield Fault(shown, f"there should be at most {rule['max']}.")
        for value in found:
            for part in rule.get("need", ()):
                if not isinstance(value, dict) or not value.get(part):
                    yield Fault(f"{shown}.{part}", "it is missing.")
            allowed = rules()["values"][rule["values"]] if "values" in rule else None
            if allowed is not None and value not in allowed:
                yield Fault(shown, f"it should be one of: {', '.join(allowed)}.")
            if "check" in rule and (wrong := CHECKS[rule["check"]](value)):
                yield Fault(shown, wrong)
            if "target" in rule:
                reference = value.get("reference") if isinstance(value, dict) else None
                if known.get(str(reference), rule["target"][0]) not in rule["target"]:
                    yield Fault(shown, f"it should point at: {', '.join(rule['target'])}.")


def _dangling(resource: Any, place: str, known: Mapping[str, str]) -> Iterator[Fault]:
    waiting = [resource]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            points = each.get("reference")
            if isinstance(points, str) and points.startswith("urn:uuid:") and points not in known:
                yield Fault(place, "it points at an entry that is not in the document.")
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _known(entries: list[Any]) -> dict[str, str]:
    """The kind of each resource, by its full address and by `Kind/id`."""
    found: dict[str, str] = {}
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict):
            kind = str(resource.get("resourceType"))
            found[str(entry.get("fullUrl"))] = kind
            if resource.get("id"):
                found[f"{kind}/{resource['id']}"] = kind
    return found


def _at(value: Any, path: str) -> list[Any]:
    """Every value at a path; lists on the way are gone through."""
    found = [value]
    for step in _steps(path):
        name, key, wanted = step
        below: list[Any] = []
        for each in found:
            inner = each.get(name) if isinstance(each, dict) else None
            below.extend(inner if isinstance(inner, list) else [] if inner is None else [inner])
        found = [one for one in below if not key or (isinstance(one, dict) and one.get(key) == wanted)]
    return found


@cache
def _steps(path: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((step[1], step[2] or "", step[3] or "") for step in _STEP.finditer(path))


def _past_day(value: Any) -> str:
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        return "it should be a whole day, as 2020-03-09."
    return "it is in the future." if day > date.today() else ""  # noqa: DTZ011 - a day of this place


def _nhs_number(value: Any) -> str:
    right = re.fullmatch(r"[0-9]{10}", str(value)) and normalise.nhs_number(str(value))
    return "" if right else "it is no NHS number: its check digit is wrong, or it is not ten digits."


def _upn(value: Any) -> str:
    return "" if normalise.upn(str(value)) else "it is no unique pupil number: its check letter is wrong."


CHECKS = {"past-day": _past_day, "nhs-number": _nhs_number, "upn": _upn}
