"""Read layout files: the published JSON Schema first, then what a schema cannot say."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import duckdb
import jsonschema

from evi.feeds.expressions import faults
from evi.feeds.layout import (
    ROW_DATES,
    Coverage,
    EventMap,
    Field,
    Layout,
    Period,
    PersonMap,
    Refusal,
    Relation,
    Rule,
    XmlShape,
)
from evi.workspace import EviError
from evi.workspace.declared import read_yaml

PACKAGE = resources.files("evi.feeds")
_RESERVED = {"row_no", "flags", "problems", "delivery", "withdrawn", "record", "home", "lsoa", *ROW_DATES}


def layout_schema() -> dict[str, Any]:
    """The published JSON Schema of a layout file."""
    return cast(dict[str, Any], json.loads((PACKAGE / "layout.schema.json").read_text(encoding="utf-8")))


def load_layouts(extra: Sequence[Path] = ()) -> dict[str, Layout]:
    """Read every layout that eVI ships, and those in the folders or files `extra`.

    Returns layouts by name, sorted. A layout of `extra` replaces a shipped one of the same name, so that a
    district can adapt one without touching the package.

    Raises:
        EviError: a file breaks the schema, or names a field, code list or role that is not there.
    """
    return dict(_load(tuple(Path(path).resolve() for path in extra)))


@cache
def _load(extra: tuple[Path, ...]) -> dict[str, Layout]:
    shipped = sorted((Path(str(PACKAGE)) / "layouts").glob("*.yaml"))
    added = [file for path in extra for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    validator = jsonschema.Draft202012Validator(
        layout_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    lists = read_yaml(Path(str(PACKAGE)) / "code_lists.yaml")
    layouts: dict[str, Layout] = {}
    with duckdb.connect() as con:
        for file in [*shipped, *added]:
            layout = _load_one(file, validator, lists)
            for fault in faults(layout, con):
                raise _broken(str(file), fault)
            layouts[layout.name] = layout
    for layout in layouts.values():
        for name in layout.together:
            if name not in layouts:
                raise _broken(layout.name, f"it should come with {name}, which is no layout.")
    return dict(sorted(layouts.items()))


def _load_one(file: Path, validator: jsonschema.Draft202012Validator, lists: dict[str, Any]) -> Layout:
    raw = read_yaml(file)
    problem = jsonschema.exceptions.best_match(validator.iter_errors(raw))
    if problem is not None:
        place = "/".join(str(part) for part in problem.absolute_path) or "the file"
        raise _broken(str(file), f"{place}: {problem.message[:300]}")
    if raw["layout"] != file.stem:
        raise _broken(str(file), f"the file should be named {raw['layout']}.yaml after its layout.")
    layout = _build(raw, lists, str(file))
    _check_names(layout, str(file))
    return layout


def _build(raw: dict[str, Any], lists: dict[str, Any], where: str) -> Layout:
    persons = tuple(PersonMap(**person) for person in raw["persons"])
    first = persons[0] if persons else None
    role = first.role if first else ""
    xml, period = raw.get("xml"), raw.get("period")
    return Layout(
        name=raw["layout"],
        row_key=tuple(raw["row_key"]),
        record_id=tuple(raw.get("record_id", raw["row_key"])),
        persons=persons,
        fields=tuple(_field(item, lists, where) for item in raw["fields"]),
        filename=raw.get("detect", {}).get("filename", ""),
        example=raw.get("detect", {}).get("example", ""),
        xml=XmlShape(**xml) if xml else None,
        period=Period(**period) if period else None,
        home=raw.get("home") or (first.identifies.get("uprn", "") if first else ""),
        known_at=raw.get("known_at", "period_end"),
        withdrawn=raw.get("withdrawn", "FALSE"),
        together=tuple(raw.get("with", ())),
        relations=tuple(Relation(**item) for item in raw.get("relations", ())),
        events=tuple(EventMap(**{"person": role, **item}) for item in raw.get("events", ())),
        coverage=_coverage(raw.get("coverage"), role),
        rules=tuple(Rule(**item) for item in raw.get("rules", ())),
        refusals=tuple(Refusal(**item) for item in raw.get("refuse", ())),
        **{key: raw[key] for key in ("feed", "title", "version", "source", "zone_owner", "format")},
    )


def _field(raw: dict[str, Any], lists: dict[str, Any], where: str) -> Field:
    codes, common = raw.get("codes", {}), raw.get("common", {})
    if isinstance(codes, str):
        if codes not in lists:
            raise _broken(where, f"field {raw['name']}: there is no code list {codes}.")
        codes, common = lists[codes]["codes"], common or lists[codes].get("common", {})
    elif isinstance(codes, list):
        codes = {code: code for code in codes}
    formats = raw.get("format", ())
    rest = {key: value for key, value in raw.items() if key not in {"codes", "common", "format"}}
    return Field(
        **rest, codes=codes, common=common, formats=(formats,) if isinstance(formats, str) else tuple(formats)
    )


def _coverage(raw: dict[str, Any] | None, role: str) -> Coverage | None:
    if raw is None:
        return None
    if raw["kind"] == "population":
        ages = raw.get("ages")
        return Coverage(
            "population", refresh_days=raw["refresh_days"], ages=(ages[0], ages[1]) if ages else None
        )
    return Coverage("person", person=raw.get("person", role), start=raw["from"], end=raw["to"])


def _check_names(layout: Layout, where: str) -> None:
    """Every field and role that the layout names is there, and no field has a name that eVI uses itself."""
    names = [each.name for each in layout.fields]
    lowered = [name.lower() for name in names]
    taken = [
        name for name in names if name.lower() in _RESERVED or name.lower().startswith(("person_", "evi_"))
    ]
    if taken or len(set(lowered)) < len(lowered):
        raise _broken(where, f"field names must differ and may not be {', '.join(taken) or 'repeated'}.")
    used: list[str] = [*layout.row_key, *layout.record_id, *(rule.field for rule in layout.rules)]
    used += [layout.home] if layout.home else []
    for person in layout.persons:
        used += [person.local_id, *person.identifies.values()]
        used += [name for name in (person.address_from, person.observed) if name]
    for name in used:
        if name not in names:
            raise _broken(where, f"it names {name}, which is none of its fields.")
    roles = [person.role for person in layout.persons]
    asked = [event.person for event in layout.events if event.person]
    asked += [role for relation in layout.relations for role in (relation.subject, relation.other)]
    asked += [layout.coverage.person] if layout.coverage and layout.coverage.kind == "person" else []
    for role in asked:
        if role not in roles:
            raise _broken(where, f"it names the role {role}, which is none of its persons.")
    if layout.example and not re.fullmatch(layout.filename, layout.example):
        raise _broken(where, "its example of a file name does not match its own pattern.")
    if layout.format == "xml" and any(not each.path for each in layout.fields):
        raise _broken(where, "every field of an XML layout needs a path.")


def _broken(where: str, what: str) -> EviError:
    return EviError(
        f"the layout can't be used: {what}",
        where=where,
        do="Correct the layout file; see docs/feeds.md.",
        exit_code=2,
    )
