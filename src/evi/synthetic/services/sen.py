"""SEN casework (SEN2 person level): requests and advice, decisions, plans and annual reviews."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, Ints, day
from evi.synthetic.services.book import send_persons
from evi.synthetic.support import TYPES, Support
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox, choose

SEN_FROM = day(date(2014, 9, 1))
SOURCES = ("1", "3", "4", "6", "7")


def casework(world: World, support: Support, outbox: Outbox) -> None:
    """Write persons, requests and plans with their reviews."""
    people = world.people
    left = people.left[: people.children].astype(np.int64)
    asked = np.flatnonzero(
        (support.requested >= SEN_FROM) & (support.requested <= np.minimum(left, REFERENCE_DAY))
    )
    refused = np.flatnonzero(
        (support.refused >= SEN_FROM) & (support.refused <= np.minimum(left, REFERENCE_DAY))
    )
    planned = np.flatnonzero((support.plan >= SEN_FROM) & (support.plan <= np.minimum(left, REFERENCE_DAY)))
    everyone = np.unique(np.concatenate([asked, refused, planned]))
    world.open_register("sen2", everyone)
    _requests(world, support, asked, refused, outbox)
    days = [support.requested[asked], support.refused[refused], support.plan[planned]]
    reviewed, review_days = _plans(world, support, planned, outbox)
    person = np.concatenate([asked, refused, planned, reviewed])
    when = np.concatenate([*days, review_days]).astype(np.int64)
    send_persons(world, "sen2_persons", "sen2", (person, when), outbox)


def _requests(world: World, support: Support, asked: Ints, refused: Ints, outbox: Outbox) -> None:
    rng, register = world.rng("sen requests"), world.registers["sen2"]
    child = np.concatenate([asked, refused])
    received = np.concatenate([support.requested[asked], support.refused[refused]]).astype(np.int64)
    agreed = np.concatenate([np.ones(asked.size, bool), np.zeros(refused.size, bool)])
    decided = received + np.clip(rng.normal(40, 8, child.size), 14, 75).astype(np.int64)
    advice = decided[:, None] + np.clip(rng.normal([35, 48, 42], 14, (child.size, 3)), 7, 160).astype(
        np.int64
    )
    concluded = np.where(agreed, np.concatenate([support.plan[asked], support.refused[refused]]) - 28, NEVER)
    columns: dict[str, Column] = {
        "PersonID": register.local.gather(register.rows(child)),
        "ReceivedDate": received,
        "RequestSource": choose(SOURCES, rng.choice(5, child.size, p=[0.30, 0.08, 0.52, 0.06, 0.04])),
        "RequestOutcome": choose(["N", "Y"], agreed.astype(int)),
        "RequestOutcomeDate": decided,
        "AssessmentOutcome": choose([None, "Y"], agreed.astype(int)),
        "AssessmentOutcomeDate": np.maximum(concluded, decided),
    }
    for number, name in enumerate(("EducationAdviceDate", "HealthAdviceDate", "SocialCareAdviceDate")):
        columns[name] = np.where(agreed & (rng.random(child.size) < 0.94), advice[:, number], NEVER)
    later = tuple(name for name in columns if name.endswith("Date") and name != "ReceivedDate")
    awaits: dict[str, tuple[str, str | None]] = {
        "RequestOutcome": ("RequestOutcomeDate", "A"),
        "AssessmentOutcome": ("AssessmentOutcomeDate", "A"),
    }
    outbox.send("sen2_requests", columns, received, later=later, awaits=awaits)


def _plans(world: World, support: Support, child: Ints, outbox: Outbox) -> tuple[Ints, Ints]:
    """Plans and a review each year; returns whose reviews were held and when."""
    rng, register, schools, people = (
        world.rng("sen plans"),
        world.registers["sen2"],
        world.schools,
        world.people,
    )
    start = support.plan[child].astype(np.int64)
    cease = np.minimum(support.end[child], people.left[child]).astype(np.int64)
    many = np.clip((np.minimum(cease, REFERENCE_DAY) - start) // 365, 0, 12)
    row = np.repeat(np.arange(child.size), many)
    turn = np.arange(row.size) - np.repeat(np.cumsum(many) - many, many) + 1
    held = start[row] + turn * 365 + np.clip(rng.normal(10, 40, row.size), -60, 250).astype(np.int64)
    ok = (held <= REFERENCE_DAY) & (held < cease[row]) & (rng.random(row.size) < 0.92)
    row, held = row[ok], held[ok]
    which = np.concatenate([np.arange(child.size), row])
    review = np.concatenate([np.full(child.size, NEVER), held])
    spell = np.searchsorted(schools.child, child[which], side="right") - 1
    enrolled = schools.child[np.maximum(spell, 0)] == child[which]
    urn = pl.Series(schools.urn[schools.school[np.maximum(spell, 0)]]).cast(pl.String)
    outcome = np.where(review < NEVER, rng.choice(2, which.size, p=[0.7, 0.3]), 2)
    columns: dict[str, Column] = {
        "PersonID": register.local.gather(register.rows(child[which])),
        "StartDate": start[which],
        "CeaseDate": cease[which],
        "CeaseReason": choose(["3", None], (cease[which] > REFERENCE_DAY).astype(int)),
        "SENtype": choose(TYPES, support.kind[child[which]]),
        "URN": urn.set(pl.Series(~enrolled), None),
        "ReviewMeeting": np.where(review < NEVER, review, NEVER),
        "ReviewOutcome": choose(["C", "A", None], outcome),
    }
    when = np.where(review < NEVER, review, start[which])
    outbox.send(
        "sen2_plans", columns, when, later=("CeaseDate",), awaits={"CeaseReason": ("CeaseDate", None)}
    )
    return child[row], held
