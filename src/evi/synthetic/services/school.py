"""Schools: School Census by term, attendance by half term, suspensions and exclusions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from evi.synthetic.absence import Absence
from evi.synthetic.calendar import NEVER, REFERENCE_DAY, SCHOOL_YEARS, YEAR, Ints, Term, school_cohort, terms
from evi.synthetic.draws import poisson_rows
from evi.synthetic.layouts import load
from evi.synthetic.recording import Register
from evi.synthetic.support import TYPES, Support
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox, choose, dates, frame

TERMLY_FROM = 2015  # before this school year only the January census reached the hub
REASONS = ("PP", "PA", "VP", "VA", "OW", "BU", "RA", "DA", "DM", "TH", "DB", "OT")
REASON_WEIGHTS = (0.18, 0.06, 0.05, 0.17, 0.02, 0.02, 0.01, 0.03, 0.04, 0.01, 0.36, 0.05)


def all_terms() -> Iterator[Term]:
    """Every term in which children of the history were at school."""
    for year in SCHOOL_YEARS:
        yield from terms(year)


def open_school(world: World) -> Register:
    """The schools' register: pupils by UPN, which is their local id."""
    upn = world.schools.upn
    pupils = np.unique(world.schools.child)
    return world.open_register("school", pupils, style=lambda _number: upn.gather(pupils))


def census(world: World, support: Support, outbox: Outbox) -> None:
    """Write one School Census file a term (January only before `TERMLY_FROM`)."""
    register, schools, layout = world.registers["school"], world.schools, load("school_census")
    everyone_birth = world.people.birth[: world.people.children]
    cohort = school_cohort(everyone_birth)
    for term in all_terms():
        if not outbox.wants(term.census) or (term.year < TERMLY_FROM and term.name != "spring"):
            continue
        spells = schools.on_roll(term.census)
        spells = spells[np.argsort(schools.child[spells], kind="stable")]
        child = schools.child[spells]
        year_group = term.year - cohort[child]
        stage = support.stage(child, term.census)
        need = np.where(stage > 0, support.kind[child], len(TYPES))
        named = register.identity(layout, "child", register.rows(child), np.full(child.size, term.census))
        leave = schools.leave[spells]
        columns: dict[str, Column] = {
            **named,
            "URN": pl.Series(schools.urn[schools.school[spells]]).cast(pl.String),
            "EntryDate": schools.entry[spells],
            "LeavingDate": dates(np.where(leave > term.census, NEVER, leave)),
            "NCyearActual": choose(["R", *map(str, range(1, 14))], np.clip(year_group, 0, 13)),
            "SENprovision": choose(["N", "K", "E"], stage),
            "SENtype1": choose([*TYPES, None], need),
            "FSMeligible": pl.Series(world.needs.fsm[child]),
            "CensusDate": np.full(child.size, term.census),
        }
        outbox.file(layout, frame(layout, columns), f"school_census_{term.calendar_year}_{term.name}.csv")


def attendance(world: World, absence: Absence, outbox: Outbox) -> None:
    """Write sessions by pupil and half term."""
    register, schools = world.registers["school"], world.schools
    rows = register.rows(schools.child[absence.spell])
    columns: dict[str, Column] = {
        "UPN": register.local.gather(rows),
        "URN": pl.Series(schools.urn[schools.school[absence.spell]]).cast(pl.String),
        "PeriodStart": absence.start,
        "PeriodEnd": absence.end,
        "SessionsPossible": absence.possible,
        "SessionsAuthorised": absence.authorised,
        "SessionsUnauthorised": absence.unauthorised,
    }
    outbox.send("attendance", columns, absence.end)


@dataclass(frozen=True)
class Exclusions:
    """Suspensions and permanent exclusions: one row each."""

    child: Ints
    school: Ints
    start: Ints
    permanent: Ints
    sessions: Ints


def exclusions(world: World, outbox: Outbox) -> Exclusions:
    """Write suspensions (commoner with ADHD, adversity and age) and permanent exclusions."""
    rng, schools, needs = world.rng("exclusions"), world.schools, world.needs
    child = schools.child
    first = schools.entry.astype(np.int64)
    last = np.minimum(schools.leave, REFERENCE_DAY).astype(np.int64)
    secondary = schools.phase[schools.school] == 1
    rate = (
        np.where(secondary, 0.075, 0.011)
        * np.exp(
            0.9 * needs.child["adhd"].has[child]
            + 0.5 * needs.adversity[world.family[child]]
            + 0.4 * (world.people.sex[child] == 1)
            + 0.5 * needs.child["exploitation"].has[child]
        )
        * (last - first)
        / YEAR
        * 0.55
    )
    rows = poisson_rows(rng, np.clip(rate, 0, 40))
    start = first[rows] + (rng.random(rows.size) * (last - first)[rows]).astype(np.int64)
    month = (start.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % 12 + 1
    weekday = (start + 3) % 7
    open_ = (month != 8) & (weekday < 5)
    rows, start = rows[open_], start[open_]
    permanent = rng.random(rows.size) < 0.012
    sessions = np.where(permanent, 0, 1 + rng.geometric(0.28, rows.size)).clip(0, 90)
    key = np.unique(np.stack([child[rows], start]), axis=1, return_index=True)[1]
    rows, start, permanent, sessions = rows[key], start[key], permanent[key], sessions[key]
    register = world.registers["school"]
    reasons = rng.choice(len(REASONS), size=rows.size, p=np.array(REASON_WEIGHTS) / sum(REASON_WEIGHTS))
    columns: dict[str, Column] = {
        "UPN": register.local.gather(register.rows(child[rows])),
        "URN": pl.Series(schools.urn[schools.school[rows]]).cast(pl.String),
        "Category": choose(["SUSP", "PERM"], permanent.astype(int)),
        "Reason": choose(REASONS, reasons),
        "StartDate": start,
        "Sessions": sessions,
    }
    outbox.send("exclusions", columns, start)
    return Exclusions(child[rows], schools.school[rows], start, permanent, sessions)
