"""Fit a waiting list's rates from its children, one row a referral: how many come, are seen, leave.

Weeks are calendar weeks from Mondays, in the engine's order: a child can leave in any week from the one of
referral to the one in which it is seen, before the slots of that week are filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy.stats import beta, chi2, norm

from evi.queues.forecasts.fitting import Estimate
from evi.queues.forecasts.next_seen import NextSeen, next_seen
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.spells import Ints, Spells, spells_of
from evi.workspace import EviError

REMOVAL_FROM = (0, 4, 12, 26, 52)
"""Weeks of wait from which the chance of leaving is fitted anew."""
WINDOW_WEEKS = 104
LEAST_WEEKS = 26
BLOCK = 4
"""Weeks are taken together by so many, so that slots bought by the month don't look surer than they are."""


@dataclass(frozen=True)
class Removal:
    """The weekly chance of leaving without a start, from some weeks of wait on."""

    from_week: int
    chance: Estimate


@dataclass(frozen=True)
class JourneyFit:
    """What the children's journeys say of a list, over the last weeks before a day.

    Attributes:
        pathway: what is waited for.
        first, end: the first Monday of the weeks that were read, and the Monday after them.
        referrals, slots: a week. missed: share of offered appointments.
        removal: weekly chance of leaving, by weeks of wait.
        next_seen: who is seen next; None where too few were seen, or the list is too short to tell.
        ages: children waiting on the last day, by completed weeks of wait, [week].
        notes: what a reader must know, in sentences.
    """

    pathway: str
    first: date
    end: date
    referrals: Estimate
    slots: Estimate
    missed: Estimate
    removal: tuple[Removal, ...]
    next_seen: NextSeen | None
    ages: Ints
    notes: tuple[str, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All that was fitted, to be shown."""
        made = [self.referrals, self.slots, self.missed, *(step.chance for step in self.removal)]
        if self.next_seen is not None:
            made += [self.next_seen.longest, self.next_seen.first, self.next_seen.random]
        return tuple(made)


def fit_journeys(
    table: pl.DataFrame,
    day: date,
    *,
    pathway: str = "",
    missed_on: Sequence[date] | None = None,
    weeks: int = WINDOW_WEEKS,
    removal_from: Sequence[int] = REMOVAL_FROM,
    level: float = 0.8,
) -> JourneyFit:
    """Fit weekly referrals, slots, appointments missed, removals by wait and who is seen next.

    Args:
        table: columns `referred`, `started`, `removed` (dates or null), `offered`, `missed` (counts).
        day: only whole weeks before this day are read.
        missed_on: the day of each appointment missed; without it, the missed are spread as the starts are.
        weeks: how many weeks before `day` are read; earlier ones only say who was waiting.
        removal_from: weeks of wait at which the chance of leaving may change; the first is 0.
        level: how sure intervals are to be.

    Raises:
        EviError: no rows, an end before its referral, too short a history, or no child seen.
    """
    spells = spells_of(table, day, pathway)
    window = min(weeks, spells.n_weeks)
    if window < LEAST_WEEKS:
        raise EviError(
            f"{window} whole weeks of referrals are too few to fit.",
            where=pathway or "journeys",
            do=f"Give at least {LEAST_WEEKS}.",
        )
    since = spells.n_weeks - window
    started = spells.counts(spells.end[spells.seen], since)
    if started.sum() == 0:
        raise EviError(
            f"no child was seen in {window} weeks: there is no capacity to fit.",
            where=pathway or "journeys",
            do="Check that first appointments are recorded, or read more weeks.",
        )
    notes = []
    missed_weeks = None if missed_on is None else spells.weeks_of(missed_on)
    missed = _missed(table, started, missed_weeks, since, level)
    if missed_weeks is None:
        slots = started / (1 - missed.value)
        unsure = float(slots.mean()) * (missed.high - missed.low) / 2 / (1 - missed.value)
    else:
        slots, unsure = started + spells.counts(missed_weeks, since), 0.0
    found = next_seen(spells, since, level)
    if found is None:
        notes.append("Too few were seen, or the list is too short, to tell who is seen next.")
    empty = int((spells.waiting(since) < slots.mean()).sum())
    if empty:
        notes.append(
            f"The list all but ran out in {empty} of {window} weeks, so there may be more slots than used."
        )
    if spells.left_out:
        notes.append(
            f"{spells.left_out} referrals or ends on or after {spells.monday(spells.n_weeks)} are left out."
        )
    return JourneyFit(
        pathway,
        spells.monday(since),
        spells.monday(spells.n_weeks),
        _a_week("referrals", spells.counts(spells.joined, since), "children a week", level),
        _a_week("slots", slots, "appointments offered a week", level, unsure),
        missed,
        _removal(spells, since, removal_from, level),
        found,
        spells.ages_now(),
        tuple(notes),
    )


def _a_week(name: str, counts: Floats, unit: str, level: float, unsure: float = 0.0) -> Estimate:
    """Mean a week; the interval from how blocks of weeks vary, and what else is `unsure` (half a width)."""
    n = len(counts)
    mean = counts.sum() / n
    blocks = counts[n % BLOCK :].reshape(-1, BLOCK).sum(axis=1)
    sd = float(np.sqrt(blocks.var(ddof=1) * len(blocks)) / n)
    half = float(np.hypot(norm.ppf(0.5 + level / 2) * sd, unsure))
    return Estimate(name, float(mean), max(float(mean) - half, 0.0), float(mean) + half, unit, level)


def _missed(
    table: pl.DataFrame, started: Floats, missed_weeks: Ints | None, since: int, level: float
) -> Estimate:
    """Share of offered appointments missed (Jeffreys interval: each offer is its own luck).

    In the weeks that are read, where it is known when each was missed; else of all children ever, since to
    pick children by when they left the list would pick those who missed more.
    """
    if missed_weeks is None:
        offered, missed = int(table["offered"].sum()), int(table["missed"].sum())
    else:
        missed = int((missed_weeks >= since).sum())
        offered = missed + int(started.sum())
    if missed > offered:
        raise EviError("more appointments were missed than offered.", where="journeys", do="Check both.")
    tail = (1 - level) / 2
    low, high = (beta.ppf(at, missed + 0.5, offered - missed + 0.5) for at in (tail, 1 - tail))
    share = missed / offered if offered else 0.0
    return Estimate("appointments missed", share, float(low), float(high), "share of those offered", level)


def _removal(spells: Spells, since: int, removal_from: Sequence[int], level: float) -> tuple[Removal, ...]:
    """Children who left over weeks in which they could have, by weeks of wait (exact Poisson intervals)."""
    steps = sorted({0, *removal_from})
    last = np.minimum(spells.end, spells.n_weeks - 1) - spells.joined
    first = np.maximum(since - spells.joined, 0)
    left = (spells.end < spells.n_weeks) & ~spells.seen & (spells.end >= since)
    age = last[left]
    tail = (1 - level) / 2
    made = []
    for start, stop in zip(steps, [*steps[1:], np.inf], strict=True):
        weeks = float(np.maximum(np.minimum(last + 1, stop) - np.maximum(first, start), 0).sum())
        events = int(((age >= start) & (age < stop)).sum())
        if weeks == 0:
            continue
        low = chi2.ppf(tail, 2 * events) / 2 / weeks if events else 0.0
        high = chi2.ppf(1 - tail, 2 * events + 2) / 2 / weeks
        name = f"leave without a start, from week {start}"
        made.append(
            Removal(
                start,
                Estimate(name, events / weeks, float(low), min(float(high), 1.0), "chance a week", level),
            )
        )
    return tuple(made)
