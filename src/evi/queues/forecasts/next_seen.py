"""Who is seen next, read from where on the list those who were seen had stood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.queues.forecasts.fitting import Estimate
from evi.queues.forecasts.rates import Floats
from evi.queues.forecasts.spells import Spells

MIDDLE = (0.2, 0.7)
"""The middle of the list, from the shortest wait to the longest: only chance picks from there."""
EARLIEST = 0.01
"""Children are taken to be ready from the wait that so few of those seen were below."""
FEWEST_SEEN = 50
"""With fewer seen, who is seen next isn't read."""
RESAMPLES = 200
SEED = 11_020_304


@dataclass(frozen=True)
class NextSeen:
    """Who is seen next: shares of slots that sum to 1.

    Attributes:
        longest: more than chance would give from the long end of the list.
        first: the same from its short end (urgent children, put before others).
        random: by chance, read from the middle of the list.
        ready_from_weeks: nobody is seen before about this wait.
    """

    longest: Estimate
    first: Estimate
    random: Estimate
    ready_from_weeks: int


def next_seen(spells: Spells, since: int, level: float) -> NextSeen | None:
    """Where on the list those seen had stood, from the shortest wait (0) to the longest (1), week by week.

    If slots went by chance alone, the places would be even. Only chance picks from the middle, so the middle
    says how much goes by chance; what is more than that at either end went to the longest waiters, or to
    children put first. Those who can't be seen yet (a form that is missing) stand at the long end and spoil a
    count of who came strictly next, but not this one.
    """
    waits = (spells.end - spells.joined)[spells.seen]
    if len(waits) < FEWEST_SEEN:
        return None
    ready = int(np.quantile(waits, EARLIEST))
    low, high = MIDDLE
    rows = []
    for week in range(since, spells.n_weeks):
        here = (spells.joined <= week - ready) & (spells.end >= week)
        here &= ~((spells.end == week) & ~spells.seen)
        seen = here & spells.seen & (spells.end == week)
        if seen.sum() == 0 or here.sum() * (1 - high) < 2 * seen.sum():
            continue
        below = np.searchsorted(np.sort(spells.joined[here]), spells.joined[seen], side="left")
        upto = np.searchsorted(np.sort(spells.joined[here]), spells.joined[seen], side="right")
        place = 1 - (below + upto) / 2 / here.sum()
        middle = (place >= low) & (place < high)
        rows.append(((place < low).sum(), middle.sum(), (place >= high).sum(), here.sum()))
    counts = np.array(rows, float).reshape(-1, 4)
    if counts[:, :3].sum() < FEWEST_SEEN:
        return None
    rng = np.random.default_rng(SEED)
    drawn = counts[rng.integers(0, len(counts), (RESAMPLES, len(counts)))].sum(axis=1)
    tail = (1 - level) / 2
    low_ends, high_ends = np.quantile(_shares(drawn), [tail, 1 - tail], axis=0)
    values = _shares(counts.sum(axis=0)[None, :])[0]
    names = ("slots to the longest waiters", "slots to children put first", "slots by chance")
    longest, first, random = (
        Estimate(name, float(values[k]), float(low_ends[k]), float(high_ends[k]), "share", level)
        for k, name in enumerate(names)
    )
    return NextSeen(longest, first, random, ready)


def _shares(counts: Floats) -> Floats:
    """Longest, first, random from those seen at the short end, in the middle, at the long end, of all.

    The longest waiters are offered first, so chance picks from a list that is shorter by them.
    """
    low, high = MIDDLE
    seen = counts[:, :3].sum(axis=1)
    short, middle, long = (counts[:, :3] / seen[:, None]).T
    random = np.minimum(middle / (high - low), 1.0)
    random *= 1 - (1 - random) * seen / counts[:, 3]
    first = np.maximum(short - random * low, 0.0)
    longest = np.maximum(long - random * (1 - high), 0.0)
    total = first + longest + random
    return np.asarray(np.column_stack([longest, first, random]) / total[:, None])
