"""Maternity: one row a birth in the district, about the baby and its mother."""

from __future__ import annotations

import numpy as np
import polars as pl

from evi.synthetic.calendar import HISTORY_START
from evi.synthetic.layouts import load
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox

MISSED = 0.03  # births at home or in another district's hospital (assumption)
UNNAMED = 0.6  # babies not yet named when the record is made


def births(world: World, outbox: Outbox) -> None:
    """Write births to mothers who lived in the district then."""
    rng, people, needs, families = world.rng("maternity"), world.people, world.needs, world.families
    child = np.arange(people.children)
    family = world.family
    here = (families.start[family] <= people.birth[child]) & (people.birth[child] >= HISTORY_START)
    child = child[here & (rng.random(child.size) >= MISSED)]
    child = child[np.lexsort((child, people.birth[child]))]
    family = family[child]
    mother = people.mother[child]
    register = world.open_register("maternity", np.unique(np.concatenate([child, mother])))
    layout = load("maternity_births")
    recorded = (people.birth[child] + rng.integers(0, 12, child.size)).astype(np.int32)
    named = register.identity(layout, "mother", register.rows(mother), recorded)
    named |= register.identity(layout, "child", register.rows(child), recorded)
    unnamed = pl.Series(rng.random(child.size) < UNNAMED)
    named["BabyForename"] = named["BabyForename"].set(unnamed, None)
    own = pl.Series(rng.random(child.size) < 0.7)
    named["BabySurname"] = named["BabySurname"].zip_with(~own, named["MotherSurname"])
    sick = needs.family["parental_mental_ill_health"]
    low = (
        sick.has[family]
        & (sick.onset[family] <= people.birth[child])
        & (sick.end[family] > people.birth[child] - 280)
    )
    flagged = (low & (rng.random(child.size) < 0.55)) | (rng.random(child.size) < 0.03)
    columns: dict[str, Column] = {
        **named,
        "GestationWeeks": needs.gestation[child],
        "BirthWeightGrams": needs.weight[child],
        "SmokingAtDelivery": needs.smoking[child] & (rng.random(child.size) < 0.9),
        "BookingWeeks": np.minimum(needs.booking[child], needs.gestation[child]),
        "MaternalMentalHealth": flagged,
        "RecordedDate": recorded,
    }
    outbox.send("maternity_births", columns, recorded)
