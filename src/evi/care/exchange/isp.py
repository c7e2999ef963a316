"""The Individual Support Plan as a file: our own provisional format, with a JSON Schema, there and back.

The Schools White Paper of 23 February 2026 proposes a digital Individual Support Plan for every child with
special educational needs, with an annual review and the layers Universal, Targeted, Targeted Plus and
Specialist. The law has not changed and no format has been published, so this one is ours, says that it is
provisional, and carries a version.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import jsonschema

from evi.care.exchange.dossier import Dossier
from evi.care.exchange.faults import Fault

FORMAT, VERSION = "evi-individual-support-plan", "0.1.0"
SCHEMA = Path(__file__).parent / "isp.schema.json"
LAYERS = ("Universal", "Targeted", "Targeted Plus", "Specialist")
YEAR = timedelta(days=366)
NOTICE = (
    "Provisional: no format of the Individual Support Plan has been published, and the law on special "
    "educational needs is unchanged. This is eVI's own."
)


def to_isp(dossier: Dossier, layer: str = "") -> dict[str, Any]:
    """The file of a dossier. `layer`: one of `LAYERS`, or '' where nobody has decided.

    The plan is to be reviewed by the day that it says, and within a year in any case.
    """
    made = dossier.made_at.date()
    due = dossier.plan.review_due if dossier.plan else None
    return {
        "format": FORMAT,
        "version": VERSION,
        "provisional": True,
        "notice": NOTICE,
        "layer": layer or None,
        "review_by": (min(due, made + YEAR) if due else made + YEAR).isoformat(),
        "content": plain(dossier),
    }


def from_isp(said: Mapping[str, Any]) -> Dossier:
    """The dossier of a file that `check_isp` found no fault with."""
    found: Dossier = whole(Dossier, said["content"])
    return found


def check_isp(said: Mapping[str, Any]) -> list[Fault]:
    """Every fault of a support plan file; none if it can be taken. No fault repeats a value of the file."""
    faults = [
        Fault("/".join(str(part) for part in fault.absolute_path) or "the file", _plainly(fault))
        for fault in sorted(
            _validator().iter_errors(said), key=lambda one: [str(part) for part in one.absolute_path]
        )
    ]
    return faults or [*_links(said["content"]), *_dates(said)]


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    checks = jsonschema.FormatChecker(formats=())
    checks.checks("date", raises=ValueError)(
        lambda text: not isinstance(text, str) or bool(date.fromisoformat(text))
    )
    checks.checks("date-time", raises=ValueError)(
        lambda text: not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None
    )
    return jsonschema.Draft202012Validator(schema, format_checker=checks)


def _plainly(fault: jsonschema.ValidationError) -> str:
    rule, wanted = fault.validator, cast(Any, fault.validator_value)
    if rule == "required":
        missing = [name for name in wanted if name not in cast(Mapping[str, Any], fault.instance)]
        return f"it lacks {', '.join(missing)}."
    if rule in {"enum", "const"}:
        return f"it should be {wanted if rule == 'const' else 'one of: ' + ', '.join(map(str, wanted))}."
    if rule == "additionalProperties":
        return "it has a part that the format does not know."
    if rule == "format":
        return f"it should be a {wanted}."
    if rule == "type":
        return f"it should be of the kind: {wanted}."
    return f"it breaks the rule “{rule}” of the format."


def _links(content: Mapping[str, Any]) -> Iterable[Fault]:
    """Parts that point at parts that are not there, and keys that are there twice."""
    plan = content.get("plan") or {}
    keys: list[str] = [str(one["key"]) for one in content["words"]]
    for kind in ("needs", "outcomes", "actions", "reviews"):
        keys += [str(one["key"]) for one in plan.get(kind, [])]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield Fault("content", f"{keys.count(key)} parts have the same key.")
    for kind, part, of in (("outcomes", "need", "needs"), ("actions", "outcome", "outcomes")):
        known = {one["key"] for one in plan.get(of, [])}
        for number, one in enumerate(plan.get(kind, [])):
            if one[part] not in known:
                yield Fault(f"content/plan/{kind}/{number}", f"its {part} is not in the plan.")


def _dates(said: Mapping[str, Any]) -> Iterable[Fault]:
    made = datetime.fromisoformat(said["content"]["made_at"]).date()
    if date.fromisoformat(said["review_by"]) > made + YEAR:
        yield Fault("review_by", "a support plan is reviewed at least once a year.")
    born = said["content"]["identity"].get("birth_date")
    if born and date.fromisoformat(born) > made:
        yield Fault("content/identity/birth_date", "it is after the day on which the file was made.")


def plain(value: Any) -> Any:
    """A dataclass as JSON; what is empty is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        needed = {
            one.name
            for one in dataclasses.fields(value)
            if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        }
        kept = needed | {"words"}
        return {
            name: said for name, said in pairs.items() if name in kept or said not in ("", None, [], False)
        }
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def whole(kind: Any, said: Any) -> Any:
    """The value of a declared type that JSON says."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return tuple(whole(arguments[0], one) for one in said)
    if isinstance(kind, types.UnionType):
        return None if said is None else whole(arguments[0], said)
    if kind in (date, datetime):
        return kind.fromisoformat(said)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return cast(Any, kind)(**{name: whole(hints[name], value) for name, value in said.items()})
    return said
