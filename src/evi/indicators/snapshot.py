"""One day straight from the events: no spans, no state, one pass through the tall map.

The same extraction as for spans, asked for one day only, so that the scan drops what does not count then; a
truth is then one number for each child and leaf, and the tree is plain vector logic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from evi.indicators.covering import Coverage, Group, covered_on, read_coverage
from evi.indicators.expressions import (
    THOUSAND,
    AtLeastOf,
    Count,
    Expression,
    Last,
    Leaf,
    MissingBy,
    Not,
    Ratio,
    Total,
    rests_on_silence,
)
from evi.indicators.extraction import Extraction
from evi.indicators.intervals import Keys, Mask, day_number
from evi.indicators.leaves import COMPARE, leaves_of
from evi.indicators.packed import Intervals
from evi.indicators.people import People, last_days, load_together, number_people
from evi.indicators.plan import Plan, streams_of_leaf
from evi.indicators.queries import States
from evi.indicators.reference import ADULT_MONTHS
from evi.indicators.registry import Indicator, Registry, facts_required
from evi.indicators.sources import Store
from evi.indicators.spans import registry_of, session
from evi.workspace import District, quote


def evaluate_at(source: District | Path, on: date, *, registry: Registry | None = None) -> States:
    """The three-valued state of every stored indicator for every child on a day, read from the events.

    Args:
        source: a district, or a folder that holds what `records/` does.
        on: the day.
        registry: the indicators (by default those of the district). Rates are not worked out here.
    """
    store, con = Store.of(source), session(source)
    plan = Plan.of(registry or registry_of(source))
    people = number_people(con, store, plan.registry, homes=plan.reaches_home)
    watched = any(indicator.needs.watched_at_months for indicator in plan.registry.stored)
    coverage = read_coverage(con, store, people, on, watched=watched)
    if plan.reaches_home:
        load_together(con)
    events, until = f"read_parquet({quote(store.by_code)})", last_days(people, plan.registry)
    extraction = Extraction(con, plan, people, until, events, store.codes(con), on=on)
    asked = dict.fromkeys(leaf for indicator in plan.registry.stored for leaf in leaves_of(indicator))
    truths: dict[Leaf, Mask] = {}
    for kind in plan.kinds:
        wanted = [leaf for leaf in asked if streams_of_leaf(leaf)[0].kind == kind]
        truths |= _truths(plan, extraction.of(kind), wanted, len(people))
    con.close()
    day = day_number(on)
    young = (people.day_at_age(0) <= day) & (day < people.day_at_age(ADULT_MONTHS))
    covered: dict[Group, Mask] = {}
    columns = [_state(i, truths, coverage, people, day, covered)[young] for i in plan.registry.stored]
    matrix = np.stack(columns, axis=1) if columns else np.zeros((int(young.sum()), 0), np.uint8)
    return States(on, people.ids[young], tuple(i.id for i in plan.registry.stored), matrix)


def _state(
    indicator: Indicator,
    truths: Mapping[Leaf, Mask],
    coverage: Coverage,
    people: People,
    day: int,
    cache: dict[Group, Mask],
) -> np.ndarray:
    group = Group.of(indicator)
    if group not in cache:
        required = facts_required(indicator.needs)
        cache[group] = covered_on(group, coverage, people, truths[Count(required)] if required else None, day)
    covered = cache[group]
    first, last = (people.day_at_age(months) for months in indicator.age_months)
    true = _is_true(indicator.expression, truths, people, day) & (first <= day) & (day < last)
    if rests_on_silence(indicator.expression):
        true &= covered
    return np.where(true, 2, covered).astype(np.uint8)


def _is_true(expression: Expression, truths: Mapping[Leaf, Mask], people: People, day: int) -> Mask:
    match expression:
        case AtLeastOf(n, parts):
            found = np.zeros(len(people), np.int16)
            for part in parts:
                found += _is_true(part, truths, people, day)
            return found >= n
        case Not(part):
            return ~_is_true(part, truths, people, day)
        case MissingBy(facts, months):
            return ~truths[Count(facts)] & (people.day_at_age(months) <= day)
        case _:
            return truths[expression]  # type: ignore[index]


def _truths(plan: Plan, rows: Intervals, leaves: Sequence[Leaf], size: int) -> dict[Leaf, Mask]:
    """The truth of each leaf of one kind; `rows` are in no order, and all of them count."""
    streams = [stream for stream in plan.streams if stream.kind == rows.kind]
    number = {stream: place for place, stream in enumerate(streams)}
    cell = rows.streams * size + rows.children
    found: dict[Leaf, Mask] = {}
    if rows.kind in ("days", "places"):
        cell = cell[_first_of_each(cell, rows.extra["key"])]
    if rows.kind == "sum":
        # exact while a child's sum stays below 2^53 thousandths
        sums = np.bincount(cell, weights=rows.extra["value"], minlength=size * len(streams)).astype(np.int64)
    elif rows.kind == "last":
        latest = _latest(cell, rows)
        values = np.zeros(size * len(streams), np.int64)
        values[cell[latest]] = rows.extra["value"][latest]
    some = np.zeros(size * len(streams), np.bool_)
    some[cell] = True
    for leaf in leaves:
        part, *whole = (slice(number[s] * size, (number[s] + 1) * size) for s in streams_of_leaf(leaf))
        match leaf:
            case Count(_, at_least, _) if at_least == 1:
                found[leaf] = some[part]
            case Count(_, at_least, _):
                mine = cell[(cell >= part.start) & (cell < part.stop)] - part.start
                found[leaf] = np.bincount(mine, minlength=size) >= at_least
            case Last(_, compare, figure):
                found[leaf] = some[part] & COMPARE[compare](values[part], figure)
            case Total(_, at_least):
                found[leaf] = sums[part] >= at_least
            case Ratio(_, _, at_least, minimum):
                whole_sums = sums[whole[0]]
                found[leaf] = (whole_sums >= minimum) & (sums[part] * THOUSAND >= whole_sums * at_least)
    return found


def _first_of_each(cell: Keys, key: Keys) -> Keys:
    """A place of each different pair."""
    order = np.lexsort((key, cell))
    new = np.ones(len(order), np.bool_)
    new[1:] = (cell[order][1:] != cell[order][:-1]) | (key[order][1:] != key[order][:-1])
    return order[new]


def _latest(cell: Keys, rows: Intervals) -> Keys:
    """Places such that each cell's highest-ranked row comes after its others."""
    times = np.bincount(cell)
    several = np.flatnonzero(times[cell] > 1)
    mine = rows.take(several).extra
    order = np.lexsort((mine["value"], mine["record"], mine["known"], mine["happened"]))
    return np.concatenate((np.flatnonzero(times[cell] == 1), several[order]))
