"""Records in no block with their own person: how many there may be, and whose a draw takes them to be.

Such a record stands alone in the spine. A draw takes as many of a feed's lone records as its beliefs say
(`evi.linkage.beliefs.Blindness`), and gives each to somebody of the same sex and birth year who is not in
that feed. Errors befall those who are known elsewhere, so a lone record is taken the more often, the more
people of its sex and birth year are in this feed and another, and the fewer in this feed alone. Its owner is
drawn by how often people who are in just the same other feeds are in this one. No single join is worth
believing; counts over a district are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.linkage.beliefs import Blindness

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TRIES = 50  # records are passed over when so many owners drawn were taken


@dataclass(frozen=True)
class Lone:
    """The lone records of one feed, and the people who might own them.

    Attributes:
        person, group: the records, and their sex and birth year as one number.
        chance: of each, to be taken first; sums up to one.
        owners: by group, the subjects that might own one.
        weight: by group, how likely each is to, summing up to one.
    """

    person: Ints
    group: Ints
    chance: Floats
    owners: dict[int, Ints]
    weight: dict[int, Floats]


def lone_records(people: pl.DataFrame, subjects: pl.DataFrame, doubtful: set[int]) -> dict[str, Lone]:
    """By feed.

    Args:
        people, subjects: the spine.
        doubtful: subjects that links in doubt touch: what becomes of them is drawn otherwise.
    """
    feeds = sorted(people["feed"].unique().to_list())
    bits = {feed: 1 << n for n, feed in enumerate(feeds)}
    held = (
        people.with_columns(bit=pl.col("feed").replace_strict(bits, return_dtype=pl.Int64))
        .group_by("subject_id")
        .agg(mask=pl.col("bit").bitwise_or(), records=pl.len(), person=pl.col("person").min())
        .join(subjects.select("subject_id", "birth_month", "sex"), on="subject_id")
        .filter(pl.col("birth_month").is_not_null())
        .with_columns(girl=(pl.col("sex") == "F").fill_null(value=False).cast(pl.Int32))
        .with_columns(group=pl.col("birth_month").dt.year() * 2 + pl.col("girl"))
        .sort("subject_id")
    )
    masks = Counter(held["mask"].to_list())
    free = held.filter(~pl.col("subject_id").is_in(doubtful))
    return {feed: _of_feed(free, bits[feed], masks, held) for feed in feeds}


def _of_feed(free: pl.DataFrame, bit: int, masks: Counter[int], held: pl.DataFrame) -> Lone:
    lone = free.filter((pl.col("mask") == bit) & (pl.col("records") == 1))
    groups = lone["group"].unique()
    others = free.filter((pl.col("mask") & bit == 0) & pl.col("group").is_in(groups.implode()))
    chance = {
        mask: masks[mask | bit] / (masks[mask | bit] + masks[mask])
        for mask in others["mask"].unique().to_list()
    }
    weighed = others.with_columns(
        weight=pl.col("mask").replace_strict(chance, default=0.0, return_dtype=pl.Float64)
    ).filter(pl.col("weight") > 0)
    owners: dict[int, Ints] = {}
    weight: dict[int, Floats] = {}
    for (group,), rows in weighed.group_by("group"):
        owners[int(group)] = rows["subject_id"].to_numpy()
        weight[int(group)] = (rows["weight"] / rows["weight"].sum()).to_numpy()
    group = lone["group"].to_numpy()
    known = held.filter((pl.col("mask") & bit != 0) & (pl.col("mask") != bit))
    elsewhere, alone = Counter(known["group"].to_list()), Counter(group.tolist())
    taken = np.array([(elsewhere[g] + 0.5) / alone[g] for g in group.tolist()], float)
    return Lone(lone["person"].to_numpy(), group, taken / max(taken.sum(), 1e-9), owners, weight)


def given_away(lone: dict[str, Lone], blindness: Blindness, rng: np.random.Generator) -> pl.DataFrame:
    """feed, person, subject_id of the lone records that one draw gives to somebody."""
    rows: list[tuple[str, int, int]] = []
    for feed in sorted(lone):
        of = lone[feed]
        number = min(blindness.sample(feed, rng), len(of.person))
        taken: set[int] = set()
        for at in rng.choice(len(of.person), number, replace=False, p=of.chance).tolist() if number else []:
            group = int(of.group[at])
            if group not in of.owners:
                continue
            for owner in rng.choice(of.owners[group], _TRIES, p=of.weight[group]).tolist():
                if owner not in taken:
                    taken.add(owner)
                    rows.append((feed, int(of.person[at]), owner))
                    break
    return pl.DataFrame(
        rows, schema={"feed": pl.String, "person": pl.Int64, "subject_id": pl.Int64}, orient="row"
    )
