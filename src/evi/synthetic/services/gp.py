"""General practice: who is registered, at which address, and the problems that practices code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, YEAR, Ints
from evi.synthetic.draws import poisson_rows, systematic
from evi.synthetic.layouts import load
from evi.synthetic.recognition import Recognition
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox, choose

NOT_SHARING = 0.05  # patients of practices that send nothing (assumption)
CODES = (
    "AUTISM",
    "ADHD",
    "LD",
    "ANXIETY",
    "DEPRESSION",
    "SUBSTANCE",
    "ALCOHOL",
    "HEARING",
    "VISION",
    "SPEECH",
    "EPILEPSY",
    "ASTHMA",
    "OBESITY",
    "SELF_HARM",
    "CARER",
    "PHYSICAL_DISABILITY",
)
# Chance that a need is coded in primary care within the history, and mean delay in days (assumptions).
CODED = {
    "adhd": ("ADHD", 0.48, 1500),
    "learning_disability": ("LD", 0.72, 900),
    "anxiety": ("ANXIETY", 0.45, 200),
    "hearing": ("HEARING", 0.75, 500),
    "vision": ("VISION", 0.5, 700),
    "language_delay": ("SPEECH", 0.35, 600),
    "physical_disability": ("PHYSICAL_DISABILITY", 0.85, 250),
    "self_harm": ("SELF_HARM", 0.5, 60),
}


@dataclass
class Problems:
    """Rows of coded problems: person, number in CODES, onset, day recorded, end."""

    person: list[Ints]
    code: list[Ints]
    onset: list[Ints]
    recorded: list[Ints]
    end: list[Ints]

    def add(self, person: Ints, code: str, onset: Ints, delay: Ints, end: Ints | int = NEVER) -> None:
        """Add one problem for each of these people."""
        self.person.append(np.asarray(person))
        self.code.append(np.full(len(person), CODES.index(code)))
        self.onset.append(np.asarray(onset, dtype=np.int64))
        self.recorded.append(np.asarray(onset + delay, dtype=np.int64))
        self.end.append(np.broadcast_to(np.asarray(end, dtype=np.int64), len(person)))


def patients(world: World, outbox: Outbox) -> None:
    """Write registrations and changes of address."""
    rng, people = world.rng("gp"), world.people
    sharing = np.flatnonzero(rng.random(people.count) >= NOT_SHARING)
    register = world.open_register("gp", sharing)
    layout = load("gp_patients")
    since = np.maximum(people.arrived, people.birth)[sharing] + rng.integers(3, 45, sharing.size)
    rows, address = _addresses(world, sharing, since, rng)
    lag = np.where(address > since[rows], rng.exponential(120, rows.size), rng.integers(0, 20, rows.size))
    recorded = np.maximum(address + lag.astype(np.int64), HISTORY_START + 10)
    columns: dict[str, Column] = {**register.identity(layout, "person", rows, address + 1, fresh=True)}
    columns |= {
        "AddressFrom": address,
        "RegisteredFrom": since[rows],
        "RegisteredTo": people.left[sharing][rows],
        "RecordedDate": recorded,
    }
    outbox.send("gp_patients", columns, recorded, later=("RegisteredTo",), stamp="RecordedDate")


def _addresses(world: World, persons: Ints, since: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """One row a registered address: rows of the register and the day from which the practice holds it."""
    homes, people = world.homes, world.people
    household = people.household[persons]
    following = np.append(homes.first_spell[1:], homes.spell_household.size)
    spells = following[household] - homes.first_spell[household]
    rows = np.repeat(np.arange(persons.size), spells)
    offset = np.arange(rows.size) - np.repeat(np.cumsum(spells) - spells, spells)
    begins = homes.spell_start[homes.first_spell[household[rows]] + offset].astype(np.int64)
    told = rng.random(rows.size) < 0.85
    keep = (
        (begins > since[rows] + 20)
        & told
        & (begins < people.switch[persons[rows]])
        & (begins < REFERENCE_DAY)
    )
    moved = np.flatnonzero((people.second[persons] >= 0) & (people.switch[persons] > since))
    first = np.arange(persons.size)
    all_rows = np.concatenate([first, rows[keep], moved])
    days = np.concatenate(
        [since.astype(np.int64), begins[keep], people.switch[persons[moved]].astype(np.int64)]
    )
    order = np.lexsort((days, all_rows))
    all_rows, days = all_rows[order], days[order]
    fresh = np.append(True, (all_rows[1:] != all_rows[:-1]) | (days[1:] != days[:-1]))
    return all_rows[fresh], days[fresh]


def problems(world: World, known: Recognition, outbox: Outbox) -> None:
    """Write coded problems of children and adults."""
    rng, people, needs = world.rng("gp problems"), world.people, world.needs
    made = Problems([], [], [], [], [])
    child_count = people.children
    for name, (label, chance, delay) in CODED.items():
        need = needs.child[name]
        rows = np.flatnonzero(need.has)
        rows = rows[systematic(rng, np.full(rows.size, chance))]
        made.add(
            rows, label, need.onset[rows], rng.exponential(delay, rows.size).astype(np.int64), need.end[rows]
        )
    rows = np.flatnonzero((known.diagnosed < NEVER) & (rng.random(child_count) < 0.93))
    made.add(rows, "AUTISM", known.diagnosed[rows], rng.exponential(35, rows.size).astype(np.int64))
    for named, share, age in (("ASTHMA", 0.09, 5.0), ("OBESITY", 0.05, 9.0), ("EPILEPSY", 0.008, 4.0)):
        rows = np.flatnonzero(rng.random(child_count) < share)
        begun = people.birth[rows] + np.clip(rng.normal(age, 2.2, rows.size), 0.5, 16) * YEAR
        made.add(rows, named, begun.astype(np.int64), rng.exponential(60, rows.size).astype(np.int64))
    _adults(world, made)
    person, code, onset, recorded, end = (
        np.concatenate(part) for part in (made.person, made.code, made.onset, made.recorded, made.end)
    )
    register = world.registers["gp"]
    held = np.isin(person, register.first)
    ok = (
        held
        & (recorded <= REFERENCE_DAY)
        & (recorded > people.arrived[person])
        & (recorded < people.left[person])
    )
    ok &= (onset >= people.birth[person]) & (recorded >= HISTORY_START)
    person, code, onset, recorded, end = person[ok], code[ok], onset[ok], recorded[ok], end[ok]
    columns: dict[str, Column] = {
        "PatientID": register.local.gather(register.rows(person)),
        "ProblemGroup": choose(CODES, code),
        "OnsetDate": onset,
        "RecordedDate": recorded,
        "EndDate": np.where(end > recorded, end, NEVER),
    }
    outbox.send("gp_problems", columns, recorded, later=("EndDate",), stamp="RecordedDate")


def _adults(world: World, made: Problems) -> None:
    rng, people, families, needs = world.rng("gp adults"), world.people, world.families, world.needs
    sick = needs.family["parental_mental_ill_health"]
    rows = np.flatnonzero(sick.has & (rng.random(len(families.group)) < 0.7))
    parent = np.where(
        (families.father[rows] >= 0) & (rng.random(rows.size) < 0.22),
        families.father[rows],
        families.mother[rows],
    )
    code = np.where(rng.random(rows.size) < 0.55, "DEPRESSION", "ANXIETY")
    for name in ("DEPRESSION", "ANXIETY"):
        mine = code == name
        made.add(
            parent[mine], name, sick.onset[rows[mine]], rng.exponential(150, mine.sum()).astype(np.int64)
        )
    using = needs.family["parental_substance_use"]
    rows = np.flatnonzero(using.has & (rng.random(len(families.group)) < 0.55))
    parent = np.where(
        (families.father[rows] >= 0) & (rng.random(rows.size) < 0.55),
        families.father[rows],
        families.mother[rows],
    )
    for name, mine in (("SUBSTANCE", rng.random(rows.size) < 0.5), ("ALCOHOL", rng.random(rows.size) < 0.5)):
        made.add(
            parent[mine], name, using.onset[rows[mine]], rng.exponential(300, mine.sum()).astype(np.int64)
        )
    adults = np.arange(people.children, people.count)
    for name, rate in (
        ("ANXIETY", 0.22),
        ("DEPRESSION", 0.26),
        ("ASTHMA", 0.22),
        ("OBESITY", 0.31),
        ("CARER", 0.07),
        ("ALCOHOL", 0.04),
        ("HEARING", 0.11),
        ("VISION", 0.07),
        ("EPILEPSY", 0.02),
    ):
        rows = adults[poisson_rows(rng, np.full(adults.size, rate))]
        rows = np.unique(rows)
        begin = np.maximum(people.birth[rows] + 18 * YEAR, HISTORY_START)
        onset = begin + rng.random(rows.size) * np.maximum(REFERENCE_DAY - begin, 1)
        made.add(rows, name, onset.astype(np.int64), rng.exponential(40, rows.size).astype(np.int64))
    carers = np.flatnonzero(rng.random(people.children) < 0.02 + 0.05 * sick.has[world.family])
    onset = people.birth[carers] + np.clip(rng.normal(11, 2.5, carers.size), 6, 17) * YEAR
    made.add(carers, "CARER", onset.astype(np.int64), rng.exponential(200, carers.size).astype(np.int64))
