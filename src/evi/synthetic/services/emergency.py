"""Accident and emergency: attendances of children and adults."""

from __future__ import annotations

from datetime import date

import numpy as np

from evi.synthetic.calendar import REFERENCE_DAY, YEAR, Ints, day
from evi.synthetic.draws import poisson_rows
from evi.synthetic.layouts import load
from evi.synthetic.world import World, text_ids
from evi.synthetic.writing import Column, Outbox, choose

EMERGENCY_FROM = day(date(2015, 4, 1))
REASONS = ("INJURY", "ILLNESS", "SELF_HARM", "MENTAL_HEALTH", "SAFEGUARDING", "OTHER")
DESTINATIONS = ("HOME", "ADMITTED", "TRANSFER", "LEFT")


def attendances(world: World, outbox: Outbox) -> None:
    """Write attendances: babies and toddlers most, families under strain more, self-harm in adolescence."""
    rng, people = world.rng("emergency"), world.people
    child, child_day, child_reason = _children(world)
    adults = np.arange(people.children, people.count)
    person = adults[poisson_rows(rng, np.full(adults.size, 0.46 * (REFERENCE_DAY - EMERGENCY_FROM) / YEAR))]
    when = EMERGENCY_FROM + (rng.random(person.size) * (REFERENCE_DAY - EMERGENCY_FROM)).astype(np.int64)
    reason = rng.choice(len(REASONS), person.size, p=[0.33, 0.52, 0.015, 0.025, 0.0, 0.11])
    person, when = np.concatenate([child, person]), np.concatenate([child_day, when])
    reason = np.concatenate([child_reason, reason])
    here = (when >= people.arrived[person]) & (when < people.left[person]) & (when > people.birth[person])
    person, when, reason = person[here], when[here], reason[here]
    order = np.lexsort((reason, person, when))
    person, when, reason = person[order], when[order], reason[order]
    register = world.open_register("ae", np.unique(person), doubles=0.01)
    columns: dict[str, Column] = {
        **register.identity(load("ae_attendances"), "person", register.rows(person, rng), when),
        "AttendanceID": text_ids("A", np.arange(person.size) + 30_000_000),
        "ArrivalDate": when,
        "AttendanceReason": choose(REASONS, reason),
        "DischargeDestination": choose(DESTINATIONS, rng.choice(4, person.size, p=[0.76, 0.17, 0.03, 0.04])),
    }
    outbox.send("ae_attendances", columns, when)


def _children(world: World) -> tuple[Ints, Ints, Ints]:
    rng, people, needs = world.rng("emergency children"), world.people, world.needs
    child = np.arange(people.children)
    strain = np.exp(0.18 * needs.deprivation[world.family] + 0.22 * needs.adversity[world.family])
    frequent = np.where(rng.random(child.size) < 0.03, 4.0, 1.0)
    picked = poisson_rows(rng, 0.40 * 18 * strain * frequent * 0.9)
    age = 18 * rng.beta(0.75, 1.15, picked.size)
    when = people.birth[picked] + (age * YEAR).astype(np.int64)
    reason = rng.choice(len(REASONS), picked.size, p=[0.40, 0.53, 0.0, 0.005, 0.005, 0.06])
    harm = needs.child["self_harm"]
    rows = np.flatnonzero(harm.has & (rng.random(child.size) < 0.45))
    rows = np.repeat(rows, 1 + rng.poisson(0.7, rows.size))
    days = harm.onset[rows] + (rng.random(rows.size) * 700).astype(np.int64)
    person, when = np.concatenate([picked, rows]), np.concatenate([when, days])
    reason = np.concatenate([reason, np.full(rows.size, REASONS.index("SELF_HARM"))])
    ok = (when >= EMERGENCY_FROM) & (when <= REFERENCE_DAY)
    return person[ok], when[ok], reason[ok]
