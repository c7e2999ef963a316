"""Housing and fire: social tenancies, problems at an address, and safe-and-well visits."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import REFERENCE_DAY, YEAR, Array, day
from evi.synthetic.draws import poisson_rows
from evi.synthetic.homes import TENURES
from evi.synthetic.layouts import load
from evi.synthetic.world import World, text_ids
from evi.synthetic.writing import Column, Outbox, choose

HOUSING_FROM, FIRE_FROM = day(date(2010, 4, 1)), day(date(2016, 4, 1))
ISSUES = ("DAMP", "OVERCROWDED", "ARREARS", "EVICTION_NOTICE", "HOMELESS", "TEMPORARY")
# Need: its issue, chance that it is ever reported, and mean days until it is resolved (assumptions).
REPORTED = {
    "damp": (0, 0.55, 240),
    "overcrowding": (1, 0.45, 900),
    "arrears": (2, 0.65, 200),
    "homelessness": (4, 0.85, 150),
}
HAZARDS = ("HOARDING", "NO_ALARM", "SMOKING", "CANDLES", "ELECTRICAL", "BLOCKED_EXIT", "ARSON", "OTHER")


def tenancies(world: World, outbox: Outbox) -> None:
    """Write social tenancies: up to two adult tenants for each spell of a household in a social home."""
    rng, homes, people = world.rng("housing"), world.homes, world.people
    social = homes.tenure[homes.spell_dwelling] == TENURES.index("social")
    spells = np.flatnonzero(social & (homes.spell_end > HOUSING_FROM) & (homes.spell_start <= REFERENCE_DAY))
    adults = np.arange(people.children, people.count)
    pairs = [(people.household[adults], adults), (people.second[adults], adults)]
    household = np.concatenate([pair[0] for pair in pairs])
    person = np.concatenate([pair[1] for pair in pairs])
    order = np.lexsort((people.birth[person], household))
    household, person = household[order], person[order]
    first = np.searchsorted(household, homes.spell_household[spells])
    after = np.searchsorted(household, homes.spell_household[spells], side="right")
    tenant, tenancy = [], []
    for place in (0, 1):
        rows = np.flatnonzero((first + place < after) & ((rng.random(spells.size) < 0.7) | (place == 0)))
        tenant.append(person[first[rows] + place])
        tenancy.append(spells[rows])
    who, spell = np.concatenate(tenant), np.concatenate(tenancy)
    start = np.maximum(homes.spell_start[spell], people.birth[who] + int(16 * YEAR)).astype(np.int64)
    end = homes.spell_end[spell].astype(np.int64)
    ok = (start < np.minimum(end, REFERENCE_DAY)) & (people.switch[who] > start)
    who, spell, start, end = who[ok], spell[ok], start[ok], np.minimum(end[ok], people.switch[who[ok]])
    register = world.open_register("housing", np.unique(who))
    layout = load("housing_tenancies")
    columns: dict[str, Column] = {
        **register.identity(layout, "tenant", register.rows(who), start, fresh=True)
    }
    columns |= {
        "TenancyRef": text_ids("TEN", spell + 100_000),
        "StartDate": start,
        "EndDate": end,
    }
    outbox.send("housing_tenancies", columns, np.maximum(start, HOUSING_FROM), later=("EndDate",))


def issues(world: World, outbox: Outbox) -> None:
    """Write damp, overcrowding, arrears, notices and homelessness, by address."""
    families, homes = world.families, world.homes
    parts = [part for name in REPORTED for part in _reports(world, name)]
    family, code, when, until, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    inside = (when >= HOUSING_FROM) & (when <= REFERENCE_DAY)
    inside &= (when < families.end[family]) & (when > families.start[family])
    order = np.flatnonzero(inside)
    order = order[np.lexsort((family[order], code[order], when[order]))]
    family, code, when, until, value = family[order], code[order], when[order], until[order], value[order]
    columns: dict[str, Column] = {
        "IssueRef": text_ids("ISS", np.arange(when.size) + 1_000_000),
        "UPRN": homes.uprn[homes.of_household(family, when)],
        "IssueType": choose(ISSUES, code),
        "ReportedDate": when,
        "ResolvedDate": np.maximum(until, when + 1),
        "ValuePounds": pl.Series(np.round(value, 2)).fill_nan(None),
    }
    outbox.send("housing_issues", columns, when, later=("ResolvedDate",))


def _reports(world: World, name: str) -> list[tuple[Array, ...]]:
    """Reports of one need, and what follows from it: family, number in ISSUES, day, day resolved, pounds."""
    rng, need = world.rng(f"issues {name}"), world.needs.family[name]
    code, chance, lasting = REPORTED[name]
    family = np.flatnonzero(need.has & (rng.random(need.has.size) < chance))
    family = np.repeat(family, 1 + rng.poisson(0.6, family.size))
    size = family.size
    began, until = need.onset[family].astype(np.int64), np.minimum(need.end[family], REFERENCE_DAY)
    when = began + (rng.random(size) * np.maximum(until - began, 20)).astype(np.int64)
    nothing = np.full(size, np.nan)
    value = rng.gamma(2.0, 420, size) if name == "arrears" else nothing
    resolved = when + rng.exponential(lasting, size).astype(np.int64)
    made: list[tuple[Array, ...]] = [(family, np.full(size, code), when, resolved, value)]
    if name in {"arrears", "homelessness"}:
        notice = name == "arrears"
        rows = np.flatnonzero(rng.random(size) < (0.28 if notice else 0.5))
        later = when[rows] + (rng.integers(40, 300, rows.size) if notice else 7)
        ended = later + (120 if notice else rng.integers(30, 400, rows.size))
        then = np.full(rows.size, ISSUES.index("EVICTION_NOTICE" if notice else "TEMPORARY"))
        made.append((family[rows], then, later, ended, nothing[rows]))
    return made


def visits(world: World, outbox: Outbox) -> None:
    """Write the fire service's safe-and-well visits, commoner where the area is deprived."""
    rng, homes, place = world.rng("fire"), world.homes, world.place
    rate = 0.13 * np.exp(0.35 * (5.5 - place.decile[homes.lsoa]) / 2.9)
    rows = poisson_rows(rng, rate)
    when = FIRE_FROM + (rng.random(rows.size) * (REFERENCE_DAY - FIRE_FROM)).astype(np.int64)
    order = np.lexsort((rows, when))
    rows, when = rows[order], when[order]
    poor = (5.5 - place.decile[homes.lsoa[rows]]) / 2.9
    found = rng.random((3, rows.size)) < np.clip(
        np.array([[0.28], [0.10], [0.03]]) * np.exp(0.3 * poor), 0, 0.9
    )
    kinds = rng.permuted(np.tile(np.arange(len(HAZARDS)), (rows.size, 1)), axis=1)[:, :3]
    columns: dict[str, Column] = {
        "VisitRef": text_ids("SW", np.arange(rows.size) + 200_000),
        "UPRN": homes.uprn[rows],
        "VisitDate": when,
    }
    for number in range(3):
        hazard = np.where(found[: number + 1].all(axis=0), kinds[:, number], len(HAZARDS))
        columns[f"Hazard{number + 1}"] = choose([*HAZARDS, None], hazard)
    outbox.send("fire_visits", columns, when.astype(np.int32))
