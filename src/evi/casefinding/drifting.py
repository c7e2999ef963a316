"""Drift monitors: what moved between two days in what a rule says, and in whom it is asked of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from evi.casefinding.finding import Findings, find
from evi.casefinding.groups import DIMENSIONS, groups
from evi.casefinding.judged_text import few
from evi.casefinding.stability import binned, difference, stability
from evi.workspace import SILENT, District, EviError, Progress

FILE = Path(__file__).parent / "drift.yaml"
SHARES = {"positive": "flagged", "not_assessable": "not_assessable", "excluded": "excluded"}
WORDS = {"flagged": "share flagged", "not_assessable": "share not assessable", "excluded": "share excluded"}


@dataclass(frozen=True)
class Monitor:
    """One thing that is watched.

    Attributes:
        name: what. kind: share or psi. was, now: shares at the two days (of the class that moved most, for
            PSI); None where they rest on few children. size: the change of the share, or PSI. low, high: its
            interval (shares). chance: what chance would reach (PSI). limit: when it is large enough.
        moved: past the limit and past chance. note: what moved, in words.
    """

    name: str
    kind: str
    was: float | None
    now: float | None
    size: float | None
    low: float | None
    high: float | None
    chance: float | None
    limit: float
    moved: bool
    note: str


@dataclass(frozen=True)
class Drift:
    """Every monitor between two days, and how many children were asked on each."""

    name: str
    before: date
    after: date
    asked: tuple[int, int]
    monitors: tuple[Monitor, ...]

    @property
    def moved(self) -> tuple[Monitor, ...]:
        """Those that moved."""
        return tuple(each for each in self.monitors if each.moved)


@cache
def limits() -> dict[str, Any]:
    """The limits, from `drift.yaml`."""
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def drift(
    district: District,
    rule: str,
    before: date,
    after: date,
    *,
    hide: bool = True,
    progress: Progress = SILENT,
) -> Drift:
    """Compare what a rule says on two days, each as known then.

    Scores are compared rule by rule: those of two frameworks are never put together. Many children are there
    on both days, which the intervals leave out of account: they are a little too wide for it.

    Args:
        hide: hide what rests on few children.

    Raises:
        EviError: no such rule, the days are in the wrong order, or nobody is asked on one of them.
    """
    if before >= after:
        raise EviError("the first day must be before the second.", where="--from and --to", exit_code=2)
    with progress.task(f"Reading {rule} on two days", 2) as advance:
        found = []
        for day in (before, after):
            found.append(find(district, rule, day))
            advance(1)
    for each in found:
        if each.table.is_empty():
            raise EviError(
                f"nobody is asked on {each.day}.", where=f"rule {rule}", do="Choose days with records."
            )
    made = [_share(name, key, found[0], found[1], hide) for name, key in SHARES.items()]
    made += _scores(found[0], found[1], hide)
    made += _groups(district, found[0], found[1], hide)
    return Drift(rule, before, after, (found[0].table.height, found[1].table.height), tuple(made))


def _share(answer: str, key: str, before: Findings, after: Findings, hide: bool) -> Monitor:
    (x, n), (y, m) = ((each.of(answer).height, each.table.height) for each in (before, after))
    change, low, high = difference(x, n, y, m, limits()["chance"])
    limit = float(limits()[key]["limit"])
    moved = abs(change) >= limit and not low <= 0 <= high
    hidden = few(hide, x, n - x, y, m - y)
    note = f"{'rose' if change > 0 else 'fell'}: {limits()[key]['why']}" if moved else ""
    if hidden:
        return Monitor(WORDS[key], "share", None, None, None, None, None, None, limit, moved, note)
    return Monitor(WORDS[key], "share", x / n, y / m, change, low, high, None, limit, moved, note)


def _scores(before: Findings, after: Findings, hide: bool) -> list[Monitor]:
    made = []
    for rule in before.rules:
        a, b = (
            each.table.filter((pl.col("rule") == rule.id) & pl.col("score").is_not_null())["score"].to_list()
            for each in (before, after)
        )
        if not a and not b:
            continue
        if not a or not b:
            side = "first" if not a else "second"
            note = f"no child has a score of {rule.label} on the {side} day"
            made.append(
                Monitor(f"scores of {rule.label}", "psi", None, None, None, None, None, None,
                        limits()["psi"]["limit"], True, note)
            )  # fmt: skip
            continue
        counts = binned(a, b, limits()["bins"])
        made.append(_psi(f"scores of {rule.label}", counts, float(limits()["psi"]["limit"]), hide))
    return made


def _groups(district: District, before: Findings, after: Findings, hide: bool) -> list[Monitor]:
    sides = [groups(district, each.table["subject_id"], each.day) for each in (before, after)]
    made = []
    for name in DIMENSIONS:
        counted = [dict(side[name].value_counts().iter_rows()) for side in sides]
        made.append(
            _psi(f"mix by {name}", (counted[0], counted[1]), float(limits()["groups"]["limit"]), hide)
        )
    return made


def _psi(name: str, counts: tuple[dict[str, int], dict[str, int]], limit: float, hide: bool) -> Monitor:
    found = stability(*counts, limits()["chance"])
    if found is None:
        return Monitor(name, "psi", None, None, None, None, None, None, limit, False, "one class only")
    moved = found.psi >= limit and found.psi > found.chance
    rest = [counts[0].get(found.moved, 0), counts[1].get(found.moved, 0)]
    hidden = few(hide, *rest, found.n - rest[0], found.m - rest[1])
    large = "much" if found.psi >= limits()["psi"]["large"] else "some"
    note = f"{large} change, most of it in “{found.moved}”" if moved else ""
    was, now = (None, None) if hidden else (found.was, found.now)
    return Monitor(name, "psi", was, now, found.psi, None, None, found.chance, limit, moved, note)
