"""From weights of pairs to probabilities of links, where a record has at most one partner in another feed.

The weight of a pair knows the two records alone. But a record of one feed has at most one partner in another,
so the candidates of a record are rivals, and a rival that has a better partner of its own is hardly one.
And in two feeds that hold nearly the same people, two records of one home for which nobody else is left
probably belong together.

Both follow from one model: any one-to-one matching of the two feeds is as likely as the product, over its
links, of each link's Bayes factor times θ, the odds that two given records are partners against both having
none. With n and n' records and M matches, θ = M / ((n − M)(n' − M)), with M the sum of the probabilities
themselves. Probabilities are found by passing messages along the candidate pairs, the Bethe approximation to
matchings: Huang and Jebara, "Approximating the permanent with belief propagation" (2009); on such graphs it
has one fixed point (Zdeborová and Mézard, "The number of matchings in random graphs", 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.linkage.comparisons import HOMES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST_ALONE = 0.02  # at least this share of a feed is taken to have no partner in another
MOST_BITS = 12.0  # how far θ may be above the prior of any two records; below it, few matches are noise
_SPARE_BITS = 10.0  # pairs that the prior puts so far below the least probability are looked at
_MATCHINGS = 12  # times that M is estimated
_MESSAGES, _MORE = 8, 3  # rounds of messages the first time, and from where they were at each time after
_SURE = 60.0  # weights beyond this many bits are taken to be this


def least_weight(review_from: float) -> float:
    """The weight (bits) from which pairs must be scored for none of probability `review_from` to be lost."""
    return float(np.log2(review_from / (1 - review_from))) - _SPARE_BITS


def link_probabilities(con: duckdb.DuckDBPyConnection, prior: float, review_from: float) -> None:
    """Make `links` (rec_l, rec_r, match_weight, p) from `scored` and `nodes`: feeds of one record a person.

    Args:
        prior: the model's chance that any two records of different feeds are one person.
        review_from: links below this probability are left out.
    """
    scored = con.execute(
        f"""SELECT rec_l, rec_r, match_weight, l.feed::BIGINT AS feed_l, r.feed::BIGINT AS feed_r,
               {_near(con)} AS near
        FROM scored JOIN people l ON l.rec = rec_l JOIN people r ON r.rec = rec_r ORDER BY rec_l, rec_r"""
    ).fetchnumpy()
    left, right = (np.asarray(scored[name], np.int64) for name in ("rec_l", "rec_r"))
    feeds = np.asarray(scored["feed_l"], np.int64), np.asarray(scored["feed_r"], np.int64)
    weight = np.asarray(scored["match_weight"], float)
    odds = prior / (1 - prior)
    near = np.asarray(scored["near"], bool)
    chances = weight
    if len(weight):
        chances = match_one_to_one(left, right, feeds, weight, _free(con), odds, near)
    columns = {"rec_l": left, "rec_r": right, "match_weight": weight, "p": np.round(chances, 6)}
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    con.register("chances", table)
    con.execute(
        f"""CREATE OR REPLACE TABLE links AS
        SELECT rec_l::INTEGER AS rec_l, rec_r::INTEGER AS rec_r, match_weight, p FROM chances
        WHERE p >= {review_from} ORDER BY rec_l, rec_r"""
    )
    con.unregister("chances")


def _near(con: duckdb.DuckDBPyConnection) -> str:
    """SQL: whether two records share a place, or two parts of their birth dates or more.

    Being left over is worth something for these alone. Namesakes who share nothing else are left over too.
    """
    columns = {str(row[0]) for row in con.execute("DESCRIBE people").fetchall()}
    shared = [f"l.{name} = r.{name}" for name in ("addr", "dob", "ym", "md", "yd") if name in columns]
    shared += ["l.dob = r.dob_x"] if "dob_x" in columns else []
    for prefix in "hp":
        names = [f"{prefix}{i}" for i in range(1, HOMES + 1) if f"{prefix}{i}" in columns]
        shared += [f"l.{one} = r.{other}" for one, other in product(names, names)]
    return f"coalesce({' OR '.join(shared)}, false)" if shared else "false"


def _free(con: duckdb.DuckDBPyConnection) -> dict[tuple[int, int], int]:
    """For each feed and other feed: how many records of the one are not anchored to a record of the other."""
    rows = con.execute("SELECT feed, mask, count(*) FROM nodes GROUP BY feed, mask").fetchall()
    others = {int(feed) for feed, _, _ in rows}
    free = {(feed, other): 0 for feed in others for other in others}
    for feed, mask, count in rows:
        for other in others:
            if not int(mask) >> other & 1:
                free[int(feed), other] += int(count)
    return free


def match_one_to_one(
    left: Ints,
    right: Ints,
    feeds: tuple[Ints, Ints],
    weight: Floats,
    free: dict[tuple[int, int], int],
    prior_odds: float,
    near: npt.NDArray[np.bool_] | None = None,
) -> Floats:
    """The probability of each candidate pair.

    Args:
        left, right: records of the pairs.
        feeds: the feed of each left and each right record.
        weight: log2 of the odds of each pair by itself, the prior included.
        free: by feed and other feed, how many records of the one may have a partner in the other.
        prior_odds: the prior's odds, which `weight` includes.
        near: the pairs for which θ holds (all by default); others keep the prior.
    """
    low, high = np.minimum(*feeds), np.maximum(*feeds)
    many = int(high.max()) + 1
    pair_of_feeds, kind = np.unique(low * many + high, return_inverse=True)
    slots = [  # a record's one place for a partner in the other feed
        np.unique(record * many + other, return_inverse=True)[1]
        for record, other in (
            (np.where(feeds[0] == low, left, right), high),
            (np.where(feeds[0] == low, right, left), low),
        )
    ]
    sizes = np.array(
        [[free[a, b], free[b, a]] for a, b in (divmod(int(x), many) for x in pair_of_feeds)], float
    )
    alone = np.exp2(np.minimum(weight, _SURE))
    taken = [np.bincount(slot)[slot] for slot in slots]
    rivals = np.flatnonzero((taken[0] > 1) | (taken[1] > 1))  # no message reaches the others
    crowded = _Slots.of(slots[0][rivals]), _Slots.of(slots[1][rivals])
    bits, messages = np.zeros(len(sizes)), (np.ones(len(rivals)), np.ones(len(rivals)))
    chances = np.zeros(len(weight))
    for turn in range(_MATCHINGS):
        raised = np.exp2(bits)[kind] if near is None else np.where(near, np.exp2(bits)[kind], 1.0)
        factor = alone * raised
        chances = factor / (1 + factor)
        chances[rivals], messages = _marginals(
            factor[rivals], crowded, messages, _MORE if turn else _MESSAGES
        )
        matches = np.bincount(kind, chances, len(sizes))
        spare = np.maximum(sizes - matches[:, None], np.maximum(LEAST_ALONE * sizes, 1))
        theta = np.maximum(matches, 1e-9) / spare.prod(axis=1)
        bits = np.clip(np.log2(theta / prior_odds), 0.0, MOST_BITS)
    return chances


def marginals(
    factor: Floats, slots: tuple[Ints, Ints], messages: tuple[Floats, Floats], rounds: int = _MESSAGES
) -> tuple[Floats, tuple[Floats, Floats]]:
    """The chance that each pair is in the matching, and the messages to go on from.

    A matching is as likely as the product of the factors of its pairs. Exact where pairs form no rings.

    Args:
        factor: of each pair.
        slots: for each pair, its left and its right slot, numbered from 0; a slot is in one pair at most.
        messages: for each pair, the chance that its left (right) slot is not taken by another pair.
        rounds: of messages; a chain of pairs needs as many as it is long to be exact.
    """
    return _marginals(factor, (_Slots.of(slots[0]), _Slots.of(slots[1])), messages, rounds)


@dataclass(frozen=True)
class _Slots:
    """The slot of each pair: `other`, the only other pair of it (itself if there is none), of slots of one or
    two pairs; and the pairs of larger slots with the slots' numbers, from 0."""

    pair: npt.NDArray[np.bool_]
    other: Ints
    crowd: Ints
    crowd_slot: Ints

    @classmethod
    def of(cls, slots: Ints) -> _Slots:
        size = np.bincount(slots)[slots] if len(slots) else slots
        order = np.argsort(slots, kind="stable")
        two = order[size[order] == 2]
        other = np.arange(len(slots))
        other[two[::2]], other[two[1::2]] = two[1::2], two[::2]
        crowd = np.flatnonzero(size > 2)
        return cls(size == 2, other, crowd, np.unique(slots[crowd], return_inverse=True)[1])

    def of_others(self, values: Floats) -> Floats:
        """For each pair, the sum over the other pairs of its slot."""
        found = np.where(self.pair, values[self.other], 0.0)
        if len(self.crowd):
            found[self.crowd] = _of_others(values[self.crowd], self.crowd_slot)
        return found


def _marginals(
    factor: Floats, slots: tuple[_Slots, _Slots], messages: tuple[Floats, Floats], rounds: int
) -> tuple[Floats, tuple[Floats, Floats]]:
    free_left, free_right = messages
    for _ in range(rounds):
        free_left = 1 / (1 + slots[0].of_others(factor * free_right))
        free_right = 1 / (1 + slots[1].of_others(factor * free_left))
    joint = factor * free_left * free_right
    return joint / (1 + joint), (free_left, free_right)


def _of_others(values: Floats, slots: Ints) -> Floats:
    """For each pair, the sum over the other pairs of its slot.

    Where one value is the largest of its slot by itself, the others are summed without it: taking it from
    the whole would lose them to rounding.
    """
    count = int(slots.max()) + 1
    largest = np.zeros(count)
    np.maximum.at(largest, slots, values)
    is_largest = values == largest[slots]
    single = (np.bincount(slots, is_largest, count) == 1)[slots] & is_largest
    rest = np.bincount(slots, np.where(single, 0.0, values), count)
    return np.where(single, rest[slots], np.maximum(np.bincount(slots, values, count)[slots] - values, 0.0))
