"""Who is concerned by a change of people, homes or coverage; and intervals changed row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from evi.indicators.columns import arrow, flat
from evi.indicators.covering import Coverage
from evi.indicators.intervals import OPEN, Days, Keys, Mask, keys, nothing
from evi.indicators.packed import EXTRA, Intervals, Packed, groups_of, joined, rows_of
from evi.indicators.people import People, load_together
from evi.indicators.plan import Plan
from evi.indicators.state import State, adult_columns, residence_columns
from evi.workspace import EviError

_FIELD = np.uint64(((1 << 24) - 1) << 32)


@dataclass(frozen=True)
class Concerned:
    """Whom a change concerns, as masks over the people of now.

    Attributes:
        everything: new people and those with another month of birth: all of theirs is read again.
        at_home: those for whom what reaches them through their home is read again.
        covered: by feed, those whose coverage changed.
        renumbered: the number now of each number then (−1: gone); none where nothing moved.
        gone: whether anyone is gone.
    """

    everything: Mask
    at_home: Mask
    covered: dict[str, Mask]
    renumbered: Keys | None
    gone: bool

    @property
    def any_reread(self) -> bool:
        """Whether anyone's events must be read from the store again."""
        return bool(self.everything.any() or self.at_home.any())

    def reread(self, plan: Plan, intervals: Intervals) -> Mask:
        """Which rows are of people and streams that are read again whole."""
        if not self.any_reread:
            return np.zeros(len(intervals), np.bool_)
        through_home = np.array([s.reaches_home for s in plan.streams if s.kind == intervals.kind], np.bool_)
        children = intervals.children
        if len(through_home) == 0:
            return self.everything[children]
        return self.everything[children] | (through_home[intervals.streams] & self.at_home[children])

    def renumbered_days(self, days: Days | None) -> Days:
        """Days of then with the numbers of now; those of people who are gone are left out."""
        if days is None or self.renumbered is None:
            return days or nothing()
        numbers = self.renumbered[days.subjects]
        here = numbers >= 0
        return Days(
            keys(numbers[here], days.starts[here] & OPEN), keys(numbers[here], days.ends[here] & OPEN)
        )

    def carried_over(self, plan: Plan, then: Intervals) -> tuple[Intervals, Packed]:
        """The rows then that still stand, renumbered; and the streams and children that lose some."""
        if self.renumbered is not None:
            numbers = self.renumbered[then.children]
            if self.gone:
                then, numbers = then.take(numbers >= 0), numbers[numbers >= 0]
            packed = (then.packed & ~_FIELD) | (numbers.astype(np.uint64) << np.uint64(32))
            then = Intervals(then.kind, packed, then.extra)
        drop = self.reread(plan, then) if self.any_reread else None
        if drop is None or not bool(drop.any()):
            return then, np.empty(0, np.uint64)
        return then.take(~drop), groups_of(then.packed[drop])


def who_is_concerned(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    state: State,
    people: People,
    coverage: Coverage,
    sources: Mapping[str, str],
) -> Concerned:
    """Compare people, homes and coverage with what the last build saw.

    Leaves in the session, if anything is to be read again, the tables `again_together` of those who live with
    the children concerned, and `again_read` of the subjects whose events are read.
    """
    if (
        all(state.has_same(sources, name) for name in sources)
        and sources.keys() == state.about["sources"].keys()
    ):
        nobody = np.zeros(len(people), np.bool_)
        return Concerned(nobody, nobody, {}, None, gone=False)
    then = state.people
    renumbered = None if np.array_equal(then.ids, people.ids) else people.numbers_of(then.ids)
    numbers = np.arange(len(then)) if renumbered is None else renumbered
    here = numbers >= 0
    everything = np.ones(len(people), np.bool_)
    everything[numbers[here]] = people.months[numbers[here]] != then.months[here]
    at_home = np.zeros(len(people), np.bool_)
    if plan.reaches_home:
        at_home = _at_changed_homes(con, state, people, everything)
    concerned = Concerned(
        everything,
        at_home,
        _changed_coverage(state.coverage, coverage, numbers, len(people)),
        renumbered,
        not bool(here.all()),
    )
    if concerned.any_reread:
        _load_again(con, people, concerned, reaches_home=plan.reaches_home)
    return concerned


def _changed_coverage(then: Coverage, now: Coverage, numbers: Keys, size: int) -> dict[str, Mask]:
    found = {}
    for feed in sorted(then.rows.keys() | now.rows.keys()):
        old, new = then.rows.get(feed), now.rows.get(feed)
        if (
            old is not None
            and new is not None
            and len(numbers) == size
            and all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
        ):
            continue
        mask = np.zeros(size, np.bool_)
        mask[_different(old, new, numbers)] = True
        found[feed] = mask
    return found


def _different(old: tuple[Keys, ...] | None, new: tuple[Keys, ...] | None, numbers: Keys) -> Keys:
    """The people of the rows that are in one table and not in the other."""
    none = (np.empty(0, np.int64),) * 4
    before, after = old or none, new or none
    moved = numbers[before[0]]
    stands = moved >= 0
    rows = [np.concatenate((b[stands], a)) for b, a in zip((moved, *before[1:]), after, strict=True)]
    sign = np.concatenate((np.full(int(stands.sum()), -1), np.ones(len(after[0]), np.int64)))
    first, net = _net(rows, sign)
    return np.asarray(rows[0][first[net != 0]])


def _net(columns: Sequence[Keys | Packed], sign: Keys) -> tuple[Keys, Keys]:
    """A place of each different row, and the sum of its signs; rows in order, first column first."""
    if len(sign) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.lexsort(tuple(reversed(columns)))
    new = np.zeros(len(order), np.bool_)
    new[0] = True
    for column in columns:
        new[1:] |= column[order][1:] != column[order][:-1]
    starts = np.flatnonzero(new)
    return order[starts], np.add.reduceat(sign[order], starts)


def _at_changed_homes(con: duckdb.DuckDBPyConnection, state: State, people: People, everything: Mask) -> Mask:
    """Children of homes where someone's days, or the day someone grew up, changed."""
    homes_then, homes_now = state.residence, residence_columns(con)
    adults_then, adults_now = state.adults, adult_columns(con)
    mask = np.zeros(len(people), np.bool_)
    if _same(homes_then, homes_now) and _same(adults_then, adults_now) and not bool(everything.any()):
        return mask
    for name, columns in {
        "homes_then": homes_then,
        "homes_now": homes_now,
        "adults_then": adults_then,
        "adults_now": adults_now,
    }.items():
        con.register(name, arrow(columns))
    found = con.sql(
        """WITH moved AS (
             (FROM homes_then EXCEPT ALL FROM homes_now) UNION ALL (FROM homes_now EXCEPT ALL FROM homes_then)
           ), grown AS (
             SELECT subject_id FROM ((FROM adults_then EXCEPT FROM adults_now)
                                     UNION ALL (FROM adults_now EXCEPT FROM adults_then))
           ), stays AS (FROM homes_then UNION ALL FROM homes_now),
           changed AS (SELECT home FROM moved UNION SELECT home FROM stays SEMI JOIN grown USING (subject_id))
           SELECT DISTINCT subject_id FROM stays SEMI JOIN changed USING (home) ORDER BY subject_id"""
    ).to_arrow_table()
    numbers = people.numbers_of(flat(found["subject_id"]))
    mask[numbers[numbers >= 0]] = True
    for name in ("homes_then", "homes_now", "adults_then", "adults_now"):
        con.unregister(name)
    return mask | everything


def _same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def _load_again(
    con: duckdb.DuckDBPyConnection, people: People, concerned: Concerned, *, reaches_home: bool
) -> None:
    chosen = concerned.everything | concerned.at_home
    con.register("chosen", arrow({"subject_id": people.ids[chosen], "child": people.all_numbers[chosen]}))
    con.execute("CREATE OR REPLACE TEMP TABLE again_chosen AS SELECT * FROM chosen")
    con.unregister("chosen")
    others = ""
    if reaches_home:
        load_together(con, name="again_together", where="child IN (SELECT child FROM again_chosen)")
        others = "UNION SELECT subject_id FROM again_together"
    con.execute(f"CREATE OR REPLACE TEMP TABLE again_read AS SELECT subject_id FROM again_chosen {others}")


def applied(then: Intervals, added: Intervals, removed: Intervals) -> tuple[Intervals, Packed]:
    """Sorted intervals with rows added and removed, sorted; and the streams and children touched.

    Raises:
        EviError: a removed row is not there.
    """
    touched = groups_of(np.concatenate((added.packed, removed.packed)))
    if len(touched) == 0:
        return then, touched
    places = rows_of(then, touched)
    mine = then.take(places)
    everything = joined([mine, added, removed])
    sign = np.concatenate((np.ones(len(mine) + len(added), np.int64), np.full(len(removed), -1)))
    first, net = _net([everything.packed, *(everything.extra[name] for name in EXTRA[then.kind])], sign)
    if bool((net < 0).any()):
        raise EviError(
            "the changes take away records that the spans were not built from.",
            where="index/intervals",
            do="Run `evi index` again: everything is then built anew.",
        )
    fresh = everything.take(np.repeat(first, net))
    rest = np.ones(len(then), np.bool_)
    rest[places] = False
    at = np.searchsorted(then.packed, fresh.packed)
    target = at - np.searchsorted(places, at) + np.arange(len(fresh))
    mask = np.ones(len(then) - len(places) + len(fresh), np.bool_)
    mask[target] = False

    def spliced(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        column = np.empty(len(mask), old.dtype)
        column[mask], column[target] = old[rest], new
        return column

    extra = {name: spliced(then.extra[name], fresh.extra[name]) for name in EXTRA[then.kind]}
    return Intervals(then.kind, spliced(then.packed, fresh.packed), extra), touched
