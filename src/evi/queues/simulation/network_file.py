"""Networks as files: YAML, checked against `network.schema.json`, and the examples that come with eVI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from evi.queues.simulation.network import (
    Arrivals,
    Backlog,
    ChildClass,
    Discipline,
    Edge,
    Lag,
    Network,
    Pool,
    RemovalStep,
    Supply,
)
from evi.workspace import EviError

EXAMPLES = resources.files("evi.queues.simulation") / "networks"


def example_network(name: str) -> Network:
    """A network that comes with eVI, by the name of its file without `.yaml`.

    Raises:
        EviError: there is none of that name; says which there are.
    """
    names = sorted(Path(file.name).stem for file in EXAMPLES.iterdir() if file.name.endswith(".yaml"))
    if name not in names:
        raise EviError(f"there is no example network {name!r}.", do=f"There are: {', '.join(names)}.")
    return read_network((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))


def read_network(source: Path | str) -> Network:
    """See `Network.from_yaml`."""
    where = "the network"
    text = source if isinstance(source, str) else ""
    if isinstance(source, Path) or "\n" not in text:
        where = str(source)
        try:
            text = Path(source).read_text(encoding="utf-8")
        except OSError as error:
            raise EviError("the file can't be read.", where=where, do="Give a network in YAML.") from error
        except UnicodeDecodeError as error:
            raise EviError("the file is not UTF-8 text.", where=where, do="Save it as UTF-8.") from error
    try:
        declared = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise EviError("the file is not YAML.", where=f"{where}{line}", do="Check its indents.") from error
    return parse_network(declared, where)


def parse_network(declared: Any, where: str = "the network") -> Network:
    """A network from what its file says.

    Raises:
        EviError: it does not follow the schema (says where), or what it says is nonsense.
    """
    checker = jsonschema.Draft202012Validator(_schema())
    mistake = best_match(checker.iter_errors(_dates_as_text(declared)))
    if mistake is not None:
        place = "/".join(map(str, mistake.absolute_path))
        raise EviError(
            f"{mistake.message[:300]}.",
            where=f"{where}: {place}" if place else where,
            do="docs/queues-simulate.md says what a network file holds.",
        )
    start = declared["start"]
    try:
        day = start if isinstance(start, date) else date.fromisoformat(start)
    except ValueError as error:
        raise EviError("the start is no date.", where=f"{where}: start", do="As 2026-01-05.") from error
    return Network(
        start=day,
        title=declared.get("title", ""),
        terms=declared.get("terms", "none"),
        skills={one["id"]: _supply(one) for one in declared.get("skills", ())},
        pools=tuple(_pool(one) for one in declared["pools"]),
        classes=tuple(ChildClass(**one) for one in declared.get("classes", ({"id": "any", "priority": 0},))),
        arrivals=tuple(_arrivals(one) for one in declared.get("arrivals", ())),
        backlog=tuple(_backlog(one) for one in declared.get("backlog", ())),
        edges=tuple(_edge(one) for one in declared.get("edges", ())),
    )


@cache
def _schema() -> Mapping[str, Any]:
    text = (
        resources.files("evi.queues.simulation").joinpath("network.schema.json").read_text(encoding="utf-8")
    )
    schema: dict[str, Any] = json.loads(text)
    return schema


def _dates_as_text(declared: Any) -> Any:
    if isinstance(declared, Mapping):
        return {key: _dates_as_text(value) for key, value in declared.items()}
    if isinstance(declared, list):
        return [_dates_as_text(value) for value in declared]
    return str(declared) if isinstance(declared, date) else declared


def _supply(declared: Mapping[str, Any]) -> Supply:
    slots = declared.get("slots_per_week", 0.0)
    more: Mapping[str, Any] = {}
    if isinstance(slots, Mapping):
        more = {key: value for key, value in slots.items() if key != "base"}
        slots = slots["base"]
    by_week = tuple(map(float, slots)) if isinstance(slots, list) else (float(slots),)
    return Supply(slots_per_week=by_week, skill_share=declared.get("skill_share"), **more)


def _pool(declared: Mapping[str, Any]) -> Pool:
    return Pool(
        id=declared["id"],
        title=declared.get("title", declared["id"]),
        skill=declared.get("skill", declared["id"]),
        supply=_supply(declared),
        missed=float(declared.get("missed", 0.0)),
        discipline=Discipline(**{"longest": 0.0, **declared["discipline"]})
        if "discipline" in declared
        else Discipline(),
        removal=tuple(RemovalStep(**step) for step in declared.get("removal", ())),
        limit_weeks=declared.get("limit_weeks"),
        follows=declared.get("follows", False),
        outcomes=declared.get("outcomes", {}),
        sources=declared.get("sources", {}),
    )


def _arrivals(declared: Mapping[str, Any]) -> Arrivals:
    season = declared.get("season", {})
    by_term = season.get("by_term", {})
    return Arrivals(
        pool=declared["pool"],
        child_class=declared.get("class", "any"),
        weekly=float(declared["weekly"]),
        yearly_growth=float(declared.get("yearly_growth", 0.0)),
        by_month=tuple(season["by_month"]) if "by_month" in season else None,
        term_factor=float(by_term.get("term", 1.0)),
        holiday_factor=float(by_term.get("holidays", 1.0)),
        source=declared.get("source", ""),
    )


def _backlog(declared: Mapping[str, Any]) -> Backlog:
    ages = tuple((one["age_weeks"], one["children"]) for one in declared["ages"])
    return Backlog(declared["pool"], declared.get("class", "any"), ages, declared.get("source", ""))


def _edge(declared: Mapping[str, Any]) -> Edge:
    lag = declared.get("lag_weeks", {})
    return Edge(
        origin=declared["from"],
        to=declared["to"],
        outcome=declared.get("outcome"),
        probability=float(declared["probability"]),
        lag=Lag(float(lag.get("mean", 0.0)), float(lag.get("spread", 0.0))),
        copies=declared.get("copies", 1),
        after=declared.get("after", "start"),
        source=declared.get("source", ""),
    )
