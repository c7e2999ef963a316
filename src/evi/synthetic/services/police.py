"""Police incidents: one row for each person in each incident, with their role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import REFERENCE_DAY, YEAR, Ints, day
from evi.synthetic.draws import poisson_rows
from evi.synthetic.layouts import load
from evi.synthetic.world import World, text_ids
from evi.synthetic.writing import Column, Outbox, choose

POLICE_FROM = day(date(2014, 4, 1))
ROLES = ("VICTIM", "SUSPECT", "CHILD_PRESENT", "SUBJECT")
TYPES = ("DA", "MISSING", "ASB", "EXPLOITATION", "OFFENCE")
STATUS = ("CLOSED", "OPEN", "WITHDRAWN")


@dataclass
class _Rows:
    """Rows under construction: incident number, person, role, type, day, dwelling of the incident."""

    parts: list[tuple[Ints, Ints, Ints, Ints, Ints, Ints]]
    incidents: int = 0

    def number(self, count: int) -> Ints:
        """Numbers of this many new incidents."""
        self.incidents += count
        return np.arange(self.incidents - count, self.incidents)

    def add(self, incident: Ints, person: Ints, role: str, kind: str, when: Ints, dwelling: Ints) -> None:
        """Add one row for each incident."""
        size = len(incident)
        roles, kinds = np.full(size, ROLES.index(role)), np.full(size, TYPES.index(kind))
        self.parts.append((incident, person, roles, kinds, when, dwelling))


def incidents(world: World, outbox: Outbox) -> None:
    """Write incidents of five types since `POLICE_FROM`."""
    made = _Rows([])
    _domestic_abuse(world, made)
    _children(world, made)
    _adults(world, made)
    incident, person, role, kind, when, dwelling = (np.concatenate(c) for c in zip(*made.parts, strict=True))
    rng, people = world.rng("police"), world.people
    ok = (when >= POLICE_FROM) & (when <= REFERENCE_DAY) & (when > people.birth[person])
    ok &= (when > people.arrived[person]) & (when < people.left[person])
    incident, person, role, kind, when, dwelling = (
        part[ok] for part in (incident, person, role, kind, when, dwelling)
    )
    order = np.lexsort((role, person, incident, when))
    incident, person, role, kind, when, dwelling = (
        part[order] for part in (incident, person, role, kind, when, dwelling)
    )
    fresh = np.append(True, (incident[1:] != incident[:-1]) | (person[1:] != person[:-1]))
    incident, person, role, kind, when, dwelling = (
        part[fresh] for part in (incident, person, role, kind, when, dwelling)
    )
    register = world.open_register("police", np.unique(person), doubles=0.02)
    layout = load("police_incidents")
    named = register.identity(layout, "person", register.rows(person, rng), when)
    late = rng.exponential(2.5, made.incidents)[incident]
    late = np.where(rng.random(made.incidents)[incident] < 0.03, late + 60, late).astype(np.int64)
    recorded = np.minimum(when + late, REFERENCE_DAY)
    status = np.where(
        rng.random(made.incidents)[incident] < 0.006, 2, np.where(when > REFERENCE_DAY - 60, 1, 0)
    )
    nowhere = rng.random(made.incidents)[incident] < 0.06
    columns: dict[str, Column] = {
        **named,
        "IncidentRef": text_ids("INC", incident + 10_000_000),
        "Role": choose(ROLES, role),
        "IncidentType": choose(TYPES, kind),
        "IncidentDate": when,
        "RecordedDate": recorded,
        "Status": choose(STATUS, status),
        "UPRN": pl.Series(world.homes.uprn[dwelling]).set(pl.Series(nowhere), None),
    }
    outbox.send("police_incidents", columns, recorded)


def _domestic_abuse(world: World, made: _Rows) -> None:
    """Incidents in families with domestic abuse: victim, suspect, and the children who were there."""
    rng, needs, families, people = world.rng("police da"), world.needs, world.families, world.people
    need = needs.family["domestic_abuse"]
    rows = np.flatnonzero(need.has)
    begin, until = np.maximum(need.onset[rows], POLICE_FROM), np.minimum(need.end[rows], REFERENCE_DAY)
    reported = rng.random(rows.size) < 0.72
    rate = np.clip((until - begin) / YEAR, 0, None) * rng.gamma(1.2, 0.75, rows.size) * reported
    picked = poisson_rows(rng, rate)
    family = rows[picked]
    when = begin[picked] + (rng.random(picked.size) * (until - begin)[picked]).astype(np.int64)
    dwelling = world.homes.of_household(family, when)
    number = made.number(family.size)
    made.add(number, families.mother[family], "VICTIM", "DA", when, dwelling)
    known = families.father[family] >= 0
    made.add(number[known], families.father[family[known]], "SUSPECT", "DA", when[known], dwelling[known])
    order = np.argsort(world.family, kind="stable")
    first = np.searchsorted(world.family[order], np.arange(len(families.group) + 1))
    size = (first[1:] - first[:-1])[family]
    row = np.repeat(np.arange(family.size), size)
    child = order[first[family[row]] + np.arange(row.size) - np.repeat(np.cumsum(size) - size, size)]
    there = (people.birth[child] < when[row]) & (rng.random(row.size) < 0.78)
    made.add(number[row[there]], child[there], "CHILD_PRESENT", "DA", when[row[there]], dwelling[row[there]])


def _children(world: World, made: _Rows) -> None:
    """Children who go missing, are exploited, behave anti-socially or offend."""
    rng, needs, people = world.rng("police children"), world.needs, world.people
    count = people.children
    adversity = needs.adversity[world.family]
    exploited = needs.child["exploitation"]
    ten = people.birth[:count] + int(10 * YEAR)
    spans = (
        np.clip(np.minimum(REFERENCE_DAY, people.left[:count]) - np.maximum(ten, POLICE_FROM), 0, None) / YEAR
    )
    base = np.exp(0.7 * adversity + 0.7 * needs.child["adhd"].has + 0.3 * (people.sex[:count] == 1))
    for kind, rate, extra in (("MISSING", 0.006, 14.0), ("ASB", 0.012, 3.0), ("OFFENCE", 0.008, 4.0)):
        lam = spans * rate * base * np.where(exploited.has, extra, 1.0)
        child = poisson_rows(rng, np.clip(lam, 0, 30))
        begin = np.maximum(ten[child], POLICE_FROM)
        when = begin + (rng.random(child.size) ** 0.8 * (REFERENCE_DAY - begin)).astype(np.int64)
        role = "SUBJECT" if kind == "MISSING" else "SUSPECT"
        made.add(made.number(child.size), child, role, kind, when, world.homes.of_person(child, when))
    child = np.flatnonzero(exploited.has & (rng.random(count) < 0.5))
    child = np.repeat(child, 1 + rng.poisson(0.8, child.size))
    until = np.minimum(exploited.end[child], REFERENCE_DAY)
    when = exploited.onset[child] + (
        rng.random(child.size) * np.maximum(until - exploited.onset[child], 30)
    ).astype(np.int64)
    made.add(
        made.number(child.size), child, "VICTIM", "EXPLOITATION", when, world.homes.of_person(child, when)
    )
    victims = poisson_rows(rng, np.clip(spans * 0.02 * np.exp(0.3 * adversity), 0, 20))
    begin = np.maximum(ten[victims], POLICE_FROM)
    when = begin + (rng.random(victims.size) * (REFERENCE_DAY - begin)).astype(np.int64)
    made.add(
        made.number(victims.size), victims, "VICTIM", "OFFENCE", when, world.homes.of_person(victims, when)
    )


def _adults(world: World, made: _Rows) -> None:
    """Adults as victims and suspects of offences and anti-social behaviour."""
    rng, people, place, homes = world.rng("police adults"), world.people, world.place, world.homes
    adults = np.arange(people.children, people.count)
    dwelling = homes.of_person(adults, np.full(adults.size, REFERENCE_DAY))
    poor = (5.5 - place.decile[homes.lsoa[dwelling]]) / 2.9
    age = (REFERENCE_DAY - people.birth[adults]) / YEAR
    base = np.exp(0.35 * poor - 0.02 * np.clip(age - 30, 0, 60))
    for role, kind, rate in (
        ("VICTIM", "OFFENCE", 0.30),
        ("SUSPECT", "OFFENCE", 0.14),
        ("SUBJECT", "ASB", 0.10),
        ("VICTIM", "DA", 0.05),
    ):
        person = adults[poisson_rows(rng, base * rate)]
        begin = np.maximum(people.birth[person] + int(16 * YEAR), POLICE_FROM)
        when = begin + (rng.random(person.size) * np.maximum(REFERENCE_DAY - begin, 1)).astype(np.int64)
        made.add(made.number(person.size), person, role, kind, when, homes.of_person(person, when))
