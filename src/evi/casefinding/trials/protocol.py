"""The protocol of a trial: what is asked, tried, counted and analysed, written before anything is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from evi.casefinding.trials.protocol_checks import faults_of
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

SCHEMA = Path(__file__).parent / "protocol.schema.json"
FEW = 6
"""Fewer schools in an arm than this make results fragile, and a note says so."""

Kind = Literal["share", "days", "count"]


@dataclass(frozen=True)
class Cluster:
    """One school (or other place) that changes as a whole. `size`: children expected in one period."""

    id: str
    size: float
    deprivation: float | None
    starts: str | None


@dataclass(frozen=True)
class Period:
    """One stretch of time: from its first day up to, and without, the day `until`."""

    id: str
    since: date
    until: date


@dataclass(frozen=True)
class Outcome:
    """What is counted for each child, and what is assumed of it when the trial is planned.

    Attributes:
        kind: share (0 or 1), days (until the event, at most `within_days`) or count (events).
        since: codes of which the first ever makes a child count.
        to: codes of what is looked for in the `within_days` after it.
        not_before: a child who had any of these before does not count.
        better: whether more or less is better.
        worthwhile: the smallest difference worth the cost, in the outcome's unit; above 0.
        base, sd, icc, cac: assumed mean, standard deviation between children (days only), correlation of two
            children of one school in one period, and of one school's mean in two periods.
    """

    id: str
    title: str
    primary: bool
    kind: Kind
    since: tuple[str, ...]
    to: tuple[str, ...]
    not_before: tuple[str, ...]
    within_days: int
    better: Literal["more", "less"]
    worthwhile: float
    base: float
    sd: float
    icc: float
    cac: float
    source: str

    @property
    def worthwhile_effect(self) -> float:
        """The smallest worthwhile difference with its sign."""
        return self.worthwhile if self.better == "more" else -self.worthwhile


@dataclass(frozen=True)
class Protocol:
    """A protocol as its file states it; see `protocol.schema.json` for what each part means.

    Attributes:
        starts: the periods in which schools start, in order: one of a parallel trial, and then the other
            schools never start; several of a stepped wedge.
        digest: hash of all that is stated; `parts` of each part by itself, to say what was changed.
    """

    id: str
    title: str
    question: str
    change: str
    usual: str
    design: Literal["parallel", "stepped_wedge"]
    randomised: bool
    clusters: tuple[Cluster, ...]
    periods: tuple[Period, ...]
    starts: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    eligibility: Mapping[str, Any]
    method: Literal["did", "mixed"]
    average_over: Literal["children", "schools"]
    balance: tuple[str, ...]
    keep_share: float
    groups: tuple[str, ...]
    alpha: float
    power: float
    seed: int
    owner: str
    registered: date
    digest: str
    parts: Mapping[str, str]
    path: Path | None = None

    @property
    def primary(self) -> Outcome:
        """The one outcome that decides."""
        return next(each for each in self.outcomes if each.primary)

    @property
    def chosen(self) -> dict[str, str | None]:
        """When each school starts, where schools were chosen and not drawn."""
        return {each.id: each.starts for each in self.clusters}

    def place_of(self, period: str) -> int:
        """The number of a period, from 0."""
        return [each.id for each in self.periods].index(period)

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the design itself."""
        said = []
        if len(self.clusters) < FEW * (2 if self.design == "parallel" else 1):
            said.append(
                f"Only {len(self.clusters)} schools take part. With so few, chance differences between "
                "schools weigh much, and results are fragile."
            )
        if not self.randomised:
            said.append(
                "Schools were chosen and not drawn by lot, so a difference may come from which schools "
                "they are."
            )
        if self.design == "parallel" and self.place_of(self.starts[0]) == 0:
            said.append(
                "There is no period before the change, so schools are compared as they are, and not how "
                "they changed."
            )
        return said


def read_protocol(path: Path) -> Protocol:
    """A protocol from its file.

    Raises:
        EviError: it can't be read as YAML, breaks the schema, or states something that can't hold.
    """
    table = read_yaml(path)
    return make_protocol(table, path=path)


def make_protocol(table: Any, *, path: Path | None = None) -> Protocol:
    """A protocol from what its file says.

    Raises:
        EviError: see `read_protocol`.
    """
    where = str(path or "protocol")
    table = json.loads(json.dumps(table, default=str))
    check_against(table, SCHEMA, where)
    made = _protocol(table, path, where)
    for fault in faults_of(made, table):
        raise EviError(fault, where=where, do="Correct the protocol.", exit_code=2)
    return made


def _protocol(table: Mapping[str, Any], path: Path | None, where: str) -> Protocol:
    analysis = table["analysis"]
    try:
        periods = tuple(
            Period(each["id"], date.fromisoformat(each["from"]), date.fromisoformat(each["to"]))
            for each in table["periods"]
        )
        registered = date.fromisoformat(table["registered"])
    except ValueError as error:
        raise EviError(
            "a date is no day of the calendar.", where=where, do="Write it as 2026-09-01.", exit_code=2
        ) from error
    return Protocol(
        **{name: table[name] for name in ("id", "title", "question", "change", "usual", "design", "owner")},
        randomised=table["allocation"] == "randomised",
        clusters=tuple(
            Cluster(each["id"], float(each["size"]), each.get("deprivation"), each.get("starts"))
            for each in table["clusters"]
        ),
        periods=periods,
        starts=tuple(table["starts"]),
        outcomes=tuple(_outcome(each) for each in table["outcomes"]),
        eligibility=table["eligibility"],
        method=analysis["method"],
        average_over=analysis["average_over"],
        balance=tuple(analysis.get("balance", ())),
        keep_share=float(analysis.get("keep_share", 0.1)),
        groups=tuple(analysis.get("groups", ())),
        alpha=float(table["alpha"]),
        power=float(table["power"]),
        seed=int(table["seed"]),
        registered=registered,
        digest=digest_of(table),
        parts={name: digest_of(part) for name, part in sorted(table.items())},
        path=path,
    )


def _outcome(row: Mapping[str, Any]) -> Outcome:
    assume = row["assume"]
    return Outcome(
        **{name: row[name] for name in ("id", "title", "kind", "within_days", "better", "worthwhile")},
        primary=bool(row.get("primary", False)),
        since=tuple(row["from"]),
        to=tuple(row["to"]),
        not_before=tuple(row.get("not_before", ())),
        base=float(assume["base"]),
        sd=float(assume.get("sd", 0)),
        icc=float(assume["icc"]),
        cac=float(assume.get("cac", 1)),
        source=assume["source"],
    )


def digest_of(value: object) -> str:
    """BLAKE2b (128 bits) of what can be written as JSON, whatever the order of its names."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
