"""Canary people: a few children whose identifiers are unmistakable, so that a test can look for them
anywhere.

They live in the district like anyone else and appear in the same extracts. `truth/canaries.json` lists what
to look for; nothing but the extracts and the truth may hold it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from evi.synthetic.calendar import REFERENCE_DAY, YEAR, Ints, as_date
from evi.synthetic.life import Life
from evi.synthetic.names import NamePool
from evi.synthetic.world import World
from evi.workspace import replace_file

FORENAMES = ("Xquilvantha", "Yzabrolien", "Vorthemine")
MIDDLE = ("Quexaline", "Jurvisond", "Ptolwenna")
SURNAMES = ("Zzyxcanaria", "Qwervolpine", "Kjardanovic")
MOTHERS = ("Ulmqarina", "Fjelzabeth", "Dwyxandra")
STREETS = ("Canarygold Wharf", "Yellowfinch Quillon", "Serinus Underpass")
POSTCODES = ("QV98 1ZZ", "QV98 2ZX", "QV98 3ZW")


def plant(world: World, life: Life) -> list[dict[str, object]]:
    """Rename three children who are well known to services, their mothers and their homes; returns what to
    look for.

    The children are those with the most agencies in their lives: born here, at school, with a social care
    case and special educational needs.
    """
    people, homes = world.people, world.homes
    child = _well_known(world, life)
    words = [*FORENAMES, *MIDDLE, *SURNAMES, *MOTHERS]
    world.pool = _with(world.pool, words)
    first = len(world.pool.strings) - len(words)
    codes = homes.postcode_text.to_list() if len(child) else []
    lines = homes.line.to_list()
    planted: list[dict[str, object]] = []
    for number, one in enumerate(child.tolist()):
        mother = int(people.mother[one])
        people.forename[one], people.middle[one] = first + number, first + 3 + number
        people.surname[[one, mother]] = first + 6 + number
        people.surname2[[one, mother]] = 0
        people.forename[mother] = first + 9 + number
        home = int(homes.of_person(np.array([one]), np.array([REFERENCE_DAY]))[0])
        codes[home], lines[home] = POSTCODES[number], f"{number + 7} {STREETS[number]}"
        planted.append(
            {
                "person": one,
                "forename": FORENAMES[number],
                "middle_name": MIDDLE[number],
                "surname": SURNAMES[number],
                "mother_forename": MOTHERS[number],
                "date_of_birth": as_date(int(people.birth[one])).isoformat(),
                "nhs_number": str(world.nhs[one]),
                "mother_nhs_number": str(world.nhs[mother]),
                "upn": world.schools.upn[one],
                "uprn": str(homes.uprn[home]),
                "postcode": POSTCODES[number],
                "address": f"{number + 7} {STREETS[number]}",
            }
        )
    homes.postcode_text, homes.line = pl.Series("postcode", codes), pl.Series("line", lines)
    return planted


def _well_known(world: World, life: Life) -> Ints:
    people, families = world.people, world.families
    count = people.children
    age = (REFERENCE_DAY - people.birth[:count]) / YEAR
    known = np.zeros(count)
    known[life.cases.child] += 2
    known += (life.support.plan <= REFERENCE_DAY) * 2.0 + (life.known.state == 1) * 1.0
    known += (families.start[world.family] <= people.birth[:count]) * 2.0
    known += world.needs.child["anxiety"].has + world.needs.family["domestic_abuse"].has[world.family]
    usual = (
        (age > 7)
        & (age < 15)
        & (people.left[:count] > REFERENCE_DAY)
        & world.schools.upn.is_not_null().to_numpy()
    )
    order = np.argsort(-np.where(usual, known, -1.0), kind="stable")
    _, first = np.unique(world.family[order], return_index=True)
    return order[np.sort(first)][: len(FORENAMES)]


def _with(pool: NamePool, words: list[str]) -> NamePool:
    """The pool with further names that are never misspelt."""
    start = len(pool.strings)
    own = np.arange(start, start + len(words))
    return replace(
        pool,
        strings=pl.concat([pool.strings, pl.Series("name", words)]),
        slips=np.concatenate([pool.slips, np.repeat(own[:, None], pool.slips.shape[1], axis=1)]),
        spellings=np.concatenate([pool.spellings, np.repeat(own[:, None], pool.spellings.shape[1], axis=1)]),
        familiar=np.concatenate([pool.familiar, own]),
        plain=np.concatenate([pool.plain, own]),
    )


def write_canaries(planted: list[dict[str, object]], world: World, path: Path) -> None:
    """Write what was planted, with each canary's local ids by feed."""
    for canary in planted:
        person = canary["person"]
        ids: dict[str, list[str]] = {}
        for feed, register in sorted(world.registers.items()):
            rows = np.flatnonzero(register.persons == person)
            if rows.size:
                ids[feed] = register.local.gather(rows).to_list()
        canary["local_ids"] = ids
    with replace_file(path) as scratch:
        scratch.write_text(json.dumps(planted, indent=1), encoding="utf-8")
