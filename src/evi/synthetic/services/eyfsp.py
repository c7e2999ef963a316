"""The Early Years Foundation Stage Profile return of each summer, under the framework of its year."""

from __future__ import annotations

import numpy as np
import polars as pl

from evi.synthetic.attainment import FIRST_NEW, FIRST_SUMMER, Attainment, assessment_day
from evi.synthetic.draws import systematic
from evi.synthetic.layouts import load
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox, choose, frame

NOT_ASSESSED = 0.012  # results A in every goal: absent or exempt (assumption)
CANCELLED, VOLUNTARY = 2020, 2021  # no profile in summer 2020; in 2021 schools sent it if they wished
VOLUNTARY_SHARE = 0.6


def profiles(world: World, results: Attainment, outbox: Outbox) -> None:
    """Write one file a summer."""
    rng, schools = world.rng("eyfsp"), world.schools
    taking: list[tuple[int, np.ndarray, np.ndarray]] = []
    last = int(results.summer[results.goals[:, 0] > 0].max())
    willing = rng.random(len(schools.urn)) < VOLUNTARY_SHARE
    for summer in range(FIRST_SUMMER, last + 1):
        spells = schools.on_roll(assessment_day(summer))
        spells = spells[results.summer[schools.child[spells]] == summer]
        if summer == VOLUNTARY:
            spells = spells[willing[schools.school[spells]]]
        if summer != CANCELLED and spells.size:
            taking.append((summer, schools.child[spells], schools.school[spells]))
    register = world.open_register("eyfsp", np.unique(np.concatenate([child for _, child, _ in taking])))
    for summer, child, school in taking:
        if not outbox.wants(assessment_day(summer)):
            continue
        layout = load("eyfsp_2021" if summer >= FIRST_NEW else "eyfsp_2012")
        when = np.full(child.size, assessment_day(summer))
        named = register.identity(layout, "child", register.rows(child), when)
        columns: dict[str, Column] = {
            **named,
            "URN": pl.Series(schools.urn[school]).cast(pl.String),
            "AssessmentDate": when,
        }
        severe = world.needs.child["learning_disability"].has[child]
        absent = systematic(rng, np.where(severe, 5 * NOT_ASSESSED, NOT_ASSESSED))
        names = [f["name"] for f in layout.fields if f["name"][4:5] in {"G", "E"} and f["name"][3] == "_"]
        for goal, name in enumerate(names):
            columns[name] = choose(["A", "1", "2", "3"], np.where(absent, 0, results.goals[child, goal]))
        outbox.file(layout, frame(layout, columns), f"eyfsp_{summer}.csv")
