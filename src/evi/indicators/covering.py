"""Coverage: on which days a feed could have told, so that its silence means no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np

from evi.indicators.columns import numbers
from evi.indicators.intervals import (
    DAY_ZERO,
    OPEN,
    Days,
    Keys,
    Mask,
    at_least_of,
    both,
    clipped,
    keys,
    nothing,
    of_subjects,
    union,
)
from evi.indicators.intervals import at_least as at_least_n
from evi.indicators.people import People
from evi.indicators.plan import Stream
from evi.indicators.registry import Indicator, Needs, facts_required
from evi.indicators.sources import Store


@dataclass(frozen=True)
class Coverage:
    """The coverage rows of one store, by feed: person, days `[start, end)`, day from which it is known."""

    rows: Mapping[str, tuple[Keys, Keys, Keys, Keys]]
    _days: dict[str, Days] = field(default_factory=dict, compare=False)

    def days(self, feed: str) -> Days:
        """The days on which the feed covers each person, as known on the day itself."""
        if feed not in self._days:
            self._days[feed] = self._joined(feed)
        return self._days[feed]

    def _joined(self, feed: str) -> Days:
        if feed not in self.rows:
            return nothing()
        person, start, end, known = self.rows[feed]
        first = np.maximum(start, known)
        some = first < end
        return at_least_n(keys(person[some], first[some]), keys(person[some], end[some]))

    def told_on(self, feed: str, day: int, size: int) -> Mask:
        """Whom the feed covers on one day, as known on the day itself."""
        told = np.zeros(size, np.bool_)
        if feed in self.rows:
            person, start, end, known = self.rows[feed]
            told[person[(np.maximum(start, known) <= day) & (day < end)]] = True
        return told

    def known_from(self, feed: str, then: Keys) -> Keys:
        """From when it was known that the feed covered each person on the day `then`; never: `OPEN`."""
        known_from = np.full(len(then), OPEN, np.int64)
        if feed in self.rows:
            person, start, end, known = self.rows[feed]
            told = (start <= then[person]) & (then[person] < end)
            np.minimum.at(known_from, person[told], np.maximum(known, then[person])[told])
        return known_from


def read_coverage(
    con: duckdb.DuckDBPyConnection,
    store: Store,
    people: People,
    on: date | None = None,
    *,
    watched: bool = True,
) -> Coverage:
    """Read who is covered by what.

    Args:
        con: a session.
        store: whose coverage.
        people: who there is.
        on: only what was known on this day (and then in no order).
        watched: with `on`, also coverage of other days; some needs ask for coverage at an earlier age.
    """
    coverage, zero = store.view(con, "coverage"), f"DATE '{DAY_ZERO}'"
    feeds = con.execute(f"SELECT feed FROM {coverage} GROUP BY feed ORDER BY feed").fetchall()
    names = [str(feed) for (feed,) in feeds]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE feeds AS SELECT unnest(?) AS feed, unnest(range(?)) AS number",
        [names, len(names)],
    )
    known = "" if on is None else f"WHERE known_at <= DATE '{on}'"
    if on is not None and not watched:
        known += f""" AND start <= DATE '{on}' AND ("end" IS NULL OR "end" > DATE '{on}')"""
    table = numbers(
        con.sql(
            f"""SELECT number::UTINYINT AS number, subject_id,
                       least({OPEN}, greatest(0, start - {zero}))::BIGINT AS start,
                       least({OPEN}, greatest(0, coalesce("end" - {zero}, {OPEN})))::BIGINT AS finish,
                       least({OPEN}, greatest(0, known_at - {zero}))::BIGINT AS known
                FROM {coverage} JOIN feeds USING (feed) {known}"""
        )
    )
    child = people.numbers_of(table["subject_id"])
    columns = [child, *(table[name] for name in ("start", "finish", "known"))]
    if on is None:
        order = np.lexsort((*reversed(columns[2:]), keys(child, columns[1]), table["number"]))
    else:
        order = np.argsort(table["number"], kind="stable")
    order = order[child[order] >= 0]
    return by_feed(names, table["number"][order], *(column[order] for column in columns))


def by_feed(
    names: Sequence[str], number: Keys, person: Keys, start: Keys, end: Keys, known: Keys
) -> Coverage:
    """Coverage from flat columns in order of feed; feeds are numbered in order of name."""
    edges = np.searchsorted(number, np.arange(len(names) + 1)).tolist()
    return Coverage(
        {
            name: (person[a:b], start[a:b], end[a:b], known[a:b])
            for name, a, b in zip(names, edges[:-1], edges[1:], strict=True)
            if b > a
        }
    )


@dataclass(frozen=True, order=True)
class Group:
    """Indicators that are assessable on the same days: the same needs at the same ages."""

    feeds: tuple[str, ...]
    every: bool
    requires: tuple[str, ...]
    watched_at_months: tuple[int, ...]
    age_months: tuple[int, int]

    @classmethod
    def of(cls, indicator: Indicator) -> Group:
        """The group of an indicator."""
        needs = indicator.needs
        return cls(
            tuple(sorted(needs.feeds)),
            needs.every and len(needs.feeds) > 1,
            tuple(sorted(needs.requires)),
            tuple(sorted(needs.watched_at_months)),
            indicator.age_months,
        )

    @property
    def name(self) -> str:
        """A readable name, the key of `covered.parquet`."""
        text = (" and " if self.every else " or ").join(self.feeds) or "no feed"
        if self.requires:
            text += " with " + " or ".join(self.requires)
        if self.watched_at_months:
            text += " watched at " + " and ".join(str(m) for m in self.watched_at_months) + " months"
        return f"{text}, age {self.age_months[0]} to {self.age_months[1]} months"

    @property
    def required_stream(self) -> Stream | None:
        """The stream of events of which one must be there."""
        facts = facts_required(Needs(requires=self.requires))
        return Stream("count", facts) if facts else None


def covered_on(group: Group, coverage: Coverage, people: People, present: Mask | None, day: int) -> Mask:
    """Who is covered on one day; the same as `covered_days` says of it."""
    told = [coverage.told_on(feed, day, len(people)) for feed in group.feeds]
    if not told:
        return np.zeros(len(people), np.bool_)
    combine = np.logical_and if group.every else np.logical_or
    covered: Mask = np.asarray(combine.reduce(told), np.bool_)
    if present is not None:
        covered = covered & present
    for months in group.watched_at_months:
        then = people.day_at_age(months)
        known = np.minimum.reduce([coverage.known_from(feed, then) for feed in group.feeds])
        covered = covered & (known <= day)
    return (
        covered
        & (people.day_at_age(group.age_months[0]) <= day)
        & (day < people.day_at_age(group.age_months[1]))
    )


def covered_days(
    group: Group, coverage: Coverage, people: People, present: Days | None, chosen: Mask | None = None
) -> Days:
    """The days on which a "no" of the group's indicators means no.

    Args:
        group: the needs.
        coverage: what the feeds cover.
        people: who there is.
        present: days on which a required event counts (none if the group requires none).
        chosen: a mask of the people to answer for (none: everyone).
    """
    if not group.feeds:
        return nothing()
    parts = [coverage.days(feed) for feed in group.feeds]
    if chosen is not None:
        parts = [of_subjects(part, chosen) for part in parts]
    days = at_least_of(parts, len(parts)) if group.every else union(parts)
    if present is not None:
        days = both(days, present)
    first, last = people.day_at_age(group.age_months[0]), people.day_at_age(group.age_months[1])
    for months in group.watched_at_months:
        then = people.day_at_age(months)
        known = np.full(len(people), OPEN, np.int64)
        for feed in group.feeds:
            known = np.minimum(known, coverage.known_from(feed, then))
        first = np.maximum(first, known)
    return clipped(days, first, last)
