"""One day straight from the events: no spans, no state, one pass through the tall map.

The same extraction as for spans, asked for one day only, so that the scan drops what does not count then; a
truth is then one number for each child and leaf, and the tree is plain vector logic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from evi.indicators.extraction import extract
from evi.indicators.intervals import Keys, Mask, day_number
from evi.indicators.leaves import COMPARE, leaves_of, slices
from evi.indicators.packed import Intervals
from evi.indicators.people import People, load_together, number_people
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
    people = number_people(con, store, plan.registry)
    coverage = read_coverage(con, store)
    if plan.reaches_home:
        load_together(con)
    codes, events = store.codes(con), f"read_parquet({quote(store.by_code)})"
    asked = dict.fromkeys(leaf for indicator in plan.registry.stored for leaf in leaves_of(indicator))
    truths: dict[Leaf, Mask] = {}
    for kind in plan.kinds:
        wanted = [leaf for leaf in asked if streams_of_leaf(leaf)[0].kind == kind]
        parts = slices(plan, kind, extract(con, plan, kind, events, codes, on=on).sorted()) if wanted else {}
        for leaf in wanted:
            truths[leaf] = _truth(leaf, [parts[stream] for stream in streams_of_leaf(leaf)], len(people))
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


def _truth(leaf: Leaf, parts: list[Intervals], size: int) -> Mask:
    return _TRUTH[type(leaf)](leaf, parts, size)


def _count(leaf: Count, parts: list[Intervals], size: int) -> Mask:
    rows = parts[0]
    children = rows.children
    if "key" in rows.extra:
        order = np.lexsort((rows.extra["key"], children))
        children, key = children[order], rows.extra["key"][order]
        new = np.ones(len(order), np.bool_)
        new[1:] = (children[1:] != children[:-1]) | (key[1:] != key[:-1])
        children = children[new]
    if leaf.at_least == 1:
        found = np.zeros(size, np.bool_)
        found[children] = True
        return found
    return np.bincount(children, minlength=size) >= leaf.at_least


def _last(leaf: Last, parts: list[Intervals], size: int) -> Mask:
    rows, extra = parts[0], parts[0].extra
    order = np.lexsort((extra["value"], extra["record"], extra["known"], extra["time"]))
    children, values = rows.children[order], extra["value"][order]
    found = np.zeros(size, np.bool_)
    found[children] = COMPARE[leaf.compare](values, leaf.value)  # of repeated children the latest stays
    return found


def _total(leaf: Total, parts: list[Intervals], size: int) -> Mask:
    return _sums(parts[0], size) >= leaf.at_least


def _ratio(leaf: Ratio, parts: list[Intervals], size: int) -> Mask:
    part, whole = _sums(parts[0], size), _sums(parts[1], size)
    return (whole >= leaf.minimum) & (part * THOUSAND >= whole * leaf.at_least)


def _sums(rows: Intervals, size: int) -> Keys:
    """Exact while a child's sum stays below 2^53 thousandths."""
    return np.bincount(rows.children, weights=rows.extra["value"], minlength=size).astype(np.int64)


_TRUTH: dict[type, Callable[..., Mask]] = {Count: _count, Last: _last, Total: _total, Ratio: _ratio}
