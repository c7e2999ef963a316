"""Community health: health visiting, ASQ-3, referrals and contacts, the autism pathway, and screening."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, YEAR, Ints, day
from evi.synthetic.layouts import load
from evi.synthetic.recognition import Recognition
from evi.synthetic.world import World, text_ids
from evi.synthetic.writing import Outbox, choose, dates

COMMUNITY_FROM, ASQ_FROM = day(date(2011, 4, 1)), day(date(2015, 4, 1))
STOPPED = (day(date(2020, 3, 20)), day(date(2020, 8, 15)))  # reviews mostly stopped
SERVICES = ("PAED", "SALT", "AUDIOLOGY", "ORTHOPTICS", "AUTISM", "HV")
TYPES = ("NEW_BIRTH", "6_8_WEEK", "12_MONTH", "2_YEAR", "ASSESSMENT", "TREATMENT", "FOLLOW_UP")
SOURCES = ("GP", "HV", "SCHOOL", "SELF", "CSC", "HOSPITAL")
REASONS = ("DEV", "COMM", "BEH", "AUTISM", "HEARING", "VISION", "PHYSICAL")
# Review: mean age in days, spread, coverage (coverages are assumptions).
REVIEWS = ((0, 12, 3, 0.93), (1, 50, 8, 0.88), (2, 375, 35, 0.80), (3, 820, 55, 0.78))
DOMAINS = ("Communication", "GrossMotor", "FineMotor", "ProblemSolving", "PersonalSocial")


@dataclass
class _Book:
    """Referrals and contacts under construction."""

    referrals: list[tuple[Ints, ...]] = field(default_factory=list)
    contacts: list[tuple[Ints, ...]] = field(default_factory=list)


def community(world: World, known: Recognition, outbox: Outbox) -> None:
    """Write everything that community services deliver."""
    book = _Book()
    two_year = _reviews(world, book)
    _needs(world, book)
    _autism(world, known, book)
    person, when = _people(book, two_year)
    register = world.open_register("csds", np.unique(person))
    _referrals(world, book, outbox)
    _contacts(world, book, outbox)
    _asq(world, two_year, outbox)
    _outcomes(world, known, outbox)
    screened, screen_day = _screens(world, outbox)
    _persons(world, np.concatenate([person, screened]), np.concatenate([when, screen_day]), outbox)
    del register


def _inside(world: World, child: Ints, when: Ints) -> Ints:
    people = world.people
    return np.flatnonzero(
        (when >= np.maximum(people.arrived[child], COMMUNITY_FROM))
        & (when <= REFERENCE_DAY)
        & (when < people.left[child])
        & (when >= people.birth[child])
    )


def _reviews(world: World, book: _Book) -> tuple[Ints, Ints]:
    """Health visitors' reviews; returns who had the two-year review and when."""
    rng, people = world.rng("reviews"), world.people
    child = np.arange(people.children)
    poor = world.needs.deprivation[world.family]
    second = (child[:0], child[:0])
    for kind, mean, spread, coverage in REVIEWS:
        when = people.birth[child] + np.maximum(rng.normal(mean, spread, child.size), 2).astype(np.int64)
        chance = coverage - 0.035 * poor
        chance = np.where((when >= STOPPED[0]) & (when <= STOPPED[1]), 0.25 * chance, chance)
        rows = child[rng.random(child.size) < chance]
        rows = rows[_inside(world, rows, when[rows])]
        missed = rng.random(rows.size) < 0.05
        size = rows.size
        book.contacts.append(
            (np.full(size, -1), rows, np.full(size, 5), when[rows], missed.astype(int), np.full(size, kind))
        )
        if kind == 3:
            second = (rows[~missed], when[rows[~missed]])
    return second


def _add(world: World, book: _Book, rng: np.random.Generator, child: Ints, service: int, when: Ints, wait: float,
         contacts: float, reason: Ints, source: Ints) -> None:  # fmt: skip
    """Referrals to one service, with a first contact after a wait, more contacts, and a discharge."""
    rows = _inside(world, child, when)
    child, when, reason, source = child[rows], when[rows], reason[rows], source[rows]
    start = sum(len(part[0]) for part in book.referrals)
    first = when + 7 + rng.gamma(2.2, wait / 2.2, child.size).astype(np.int64)
    number = 1 + rng.poisson(contacts, child.size)
    gap = 21 + rng.exponential(35, child.size).astype(np.int64)
    discharge = first + number * gap + rng.integers(10, 90, child.size)
    never = rng.random(child.size) < 0.07
    first, discharge = np.where(never, NEVER, first), np.where(never, when + 90, discharge)
    size = child.size
    book.referrals.append(
        (np.arange(size) + start, child, np.full(size, service), when, first, discharge, reason, source)
    )
    row = np.repeat(np.arange(size), np.where(never, 0, number))
    turn = np.arange(row.size) - np.repeat(
        np.cumsum(np.where(never, 0, number)) - np.where(never, 0, number), np.where(never, 0, number)
    )
    dates_ = first[row] + turn * gap[row]
    kind = np.where(turn == 0, 4, np.where(rng.random(row.size) < 0.7, 5, 6))
    missed = rng.random(row.size) < np.clip(
        0.10 + 0.03 * world.needs.deprivation[world.family[child[row]]], 0.02, 0.4
    )
    missed &= turn > 0
    book.contacts.append(
        (start + row, child[row], np.full(row.size, service), dates_, missed.astype(int), kind)
    )


def _needs(world: World, book: _Book) -> None:
    """Referrals for the needs that someone noticed."""
    rng, needs, people = world.rng("community needs"), world.needs, world.people
    settings = (
        ("language_delay", 1, 0.62, 500, 75, 5.0, 1),
        ("hearing", 2, 0.8, 300, 60, 2.5, 4),
        ("vision", 3, 0.65, 700, 60, 2.5, 5),
        ("physical_disability", 0, 0.9, 150, 60, 6.0, 6),
        ("learning_disability", 0, 0.75, 700, 110, 3.5, 0),
        ("adhd", 0, 0.6, 1500, 190, 4.0, 2),
    )
    for name, service, chance, delay, wait, contacts, reason in settings:
        need = needs.child[name]
        child = np.flatnonzero(need.has)
        child = child[rng.random(child.size) < chance]
        when = need.onset[child] + rng.exponential(delay, child.size).astype(np.int64)
        source = rng.choice(len(SOURCES), child.size, p=[0.3, 0.25, 0.3, 0.07, 0.02, 0.06])
        _add(world, book, rng, child, service, when, wait, contacts, np.full(child.size, reason), source)
    child = np.flatnonzero(rng.random(people.children) < 0.10)
    when = people.birth[child] + (rng.random(child.size) * 9 * YEAR).astype(np.int64)
    service = rng.choice([0, 1, 2, 3], child.size, p=[0.25, 0.35, 0.2, 0.2])
    for one in range(4):
        mine = service == one
        source = rng.choice(len(SOURCES), int(mine.sum()))
        _add(
            world,
            book,
            rng,
            child[mine],
            one,
            when[mine],
            70,
            0.8,
            np.full(mine.sum(), (0, 1, 4, 5)[one]),
            source,
        )


def _autism(world: World, known: Recognition, book: _Book) -> None:
    """The autism pathway's own referrals: the first contact is the assessment."""
    rng, made = world.rng("autism book"), known.referrals
    rows = np.flatnonzero(made.referred >= COMMUNITY_FROM)
    child, when, seen = (
        made.child[rows],
        made.referred[rows].astype(np.int64),
        made.assessed[rows].astype(np.int64),
    )
    start = sum(len(part[0]) for part in book.referrals)
    size = rows.size
    done = seen < NEVER
    discharge = np.where(done, seen + rng.integers(30, 200, size), NEVER)
    source = rng.choice(len(SOURCES), size, p=[0.25, 0.12, 0.48, 0.1, 0.02, 0.03])
    book.referrals.append(
        (np.arange(size) + start, child, np.full(size, 4), when, seen, discharge, np.full(size, 3), source)
    )
    at = np.flatnonzero(done)
    book.contacts.append(
        (start + at, child[at], np.full(at.size, 4), seen[at], np.zeros(at.size, int), np.full(at.size, 4))
    )
    after = at[rng.random(at.size) < 0.8]
    book.contacts.append(
        (
            start + after,
            child[after],
            np.full(after.size, 4),
            seen[after] + 28,
            np.zeros(after.size, int),
            np.full(after.size, 6),
        )
    )


def _people(book: _Book, two_year: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Who is on the books, and a day of each contact or referral."""
    person = np.concatenate(
        [*(part[1] for part in book.referrals), *(part[1] for part in book.contacts), two_year[0]]
    )
    when = np.concatenate(
        [*(part[3] for part in book.referrals), *(part[3] for part in book.contacts), two_year[1]]
    )
    ok = when <= REFERENCE_DAY
    return person[ok], when[ok]


def _lagged(rng: np.random.Generator, when: Ints) -> Ints:
    """When each fact was recorded: within days, now and then weeks later."""
    late = rng.exponential(2.0, when.size) + np.where(
        rng.random(when.size) < 0.04, rng.exponential(30, when.size), 0
    )
    return np.minimum(when + late.astype(np.int64), REFERENCE_DAY)


def _referrals(world: World, book: _Book, outbox: Outbox) -> None:
    rng, register = world.rng("csds referrals"), world.registers["csds"]
    number, child, service, when, first, discharge, reason, source = (
        np.concatenate(column) for column in zip(*book.referrals, strict=True)
    )
    recorded = _lagged(rng, when)
    columns = {
        "ServiceRequestID": text_ids("SR", number + 1_000_000),
        "LocalPatientID": register.local.gather(register.rows(child)),
        "Service": choose(SERVICES, service),
        "ReferralDate": when,
        "SourceOfReferral": choose(SOURCES, source),
        "Reason": choose(REASONS, reason),
        "FirstContactDate": dates(first),
        "DischargeDate": dates(discharge),
        "RecordedDate": recorded,
    }
    outbox.send("csds_referrals", columns, recorded.astype(np.int32))


def _contacts(world: World, book: _Book, outbox: Outbox) -> None:
    rng, register = world.rng("csds contacts"), world.registers["csds"]
    request, child, service, when, missed, kind = (
        np.concatenate(c) for c in zip(*book.contacts, strict=True)
    )
    ok = (when <= REFERENCE_DAY) & (when < world.people.left[child])
    request, child, service, when, missed, kind = (
        part[ok] for part in (request, child, service, when, missed, kind)
    )
    order = np.lexsort((kind, service, child, when))
    request, child, service, when, missed, kind = (
        part[order] for part in (request, child, service, when, missed, kind)
    )
    recorded = _lagged(rng, when)
    ids = text_ids("SR", request + 1_000_000)
    columns = {
        "CareContactID": text_ids("CC", np.arange(when.size) + 10_000_000),
        "ServiceRequestID": ids.set(pl.Series(request < 0), None),
        "LocalPatientID": register.local.gather(register.rows(child)),
        "Service": choose(SERVICES, service),
        "ContactDate": when,
        "Attendance": choose(["A", "DNA"], missed),
        "ContactType": choose(TYPES, kind),
        "RecordedDate": recorded,
    }
    outbox.send("csds_contacts", columns, recorded.astype(np.int32))


def _asq(world: World, two_year: tuple[Ints, Ints], outbox: Outbox) -> None:
    """ASQ-3 at the two-year review: lower where development is delayed."""
    rng, needs, people = world.rng("asq"), world.needs, world.people
    child, when = two_year
    ok = (when >= ASQ_FROM) & (rng.random(child.size) < 0.9)
    child, when = child[ok], when[ok]
    months = (when - people.birth[child]) / (YEAR / 12)
    form = np.where(months < 25.5, 0, np.where(months < 28.5, 1, 2))
    need = needs.child
    common = (
        -2.6 * need["learning_disability"].has[child]
        - 1.6 * need["autism"].has[child]
        - 0.05 * np.clip(40 - needs.gestation[child], 0, 16)
        - 0.25 * needs.development[child]
        + rng.normal(0, 0.6, child.size)
    )
    own = {
        "Communication": -2.0 * need["language_delay"].has[child] - 1.0 * need["hearing"].has[child],
        "GrossMotor": -2.6 * need["physical_disability"].has[child],
        "FineMotor": -1.6 * need["physical_disability"].has[child] - 0.3 * (people.sex[child] == 1),
        "ProblemSolving": -0.6 * need["vision"].has[child],
        "PersonalSocial": -1.3 * need["autism"].has[child],
    }
    columns: dict[str, pl.Series | np.ndarray] = {
        "LocalPatientID": world.registers["csds"].local.gather(world.registers["csds"].rows(child)),
        "Questionnaire": choose(["24M", "27M", "30M"], form),
        "CompletedDate": when,
        "RecordedDate": _lagged(rng, when),
    }
    for name in DOMAINS:
        score = 51 + 9 * (common + own[name] + rng.normal(0, 0.75, child.size))
        columns[name] = np.clip(np.round(score / 5) * 5, 0, 60).astype(np.int64)
    outbox.send("csds_asq3", columns, np.asarray(columns["RecordedDate"]).astype(np.int32))


def _outcomes(world: World, known: Recognition, outbox: Outbox) -> None:
    """Outcomes of autism assessments."""
    rng, made, register = world.rng("outcomes"), known.referrals, world.registers["csds"]
    rows = np.flatnonzero((made.assessed < NEVER) & (made.referred >= COMMUNITY_FROM))
    start = made.assessed[rows].astype(np.int64)
    recorded = _lagged(rng, start)
    columns = {
        "LocalPatientID": register.local.gather(register.rows(made.child[rows])),
        "Outcome": choose(["NOT_AUTISM", "AUTISM"], made.autistic[rows].astype(int)),
        "OutcomeDate": start,
        "RecordedDate": recorded,
    }
    outbox.send("csds_outcomes", columns, recorded.astype(np.int32))


def _screens(world: World, outbox: Outbox) -> tuple[Ints, Ints]:
    """Vision and hearing screening in the Reception year."""
    rng, schools, needs, people = world.rng("screens"), world.schools, world.needs, world.people
    register = world.registers["csds"]
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for number, name in enumerate(("vision", "hearing")):
        child = np.flatnonzero(rng.random(people.children) < 0.86)
        when = ((schools.cohort[child] - 1970) * YEAR + 260 + rng.integers(10, 250, child.size)).astype(
            np.int64
        )
        need = needs.child[name].has[child]
        refer = rng.random(child.size) < np.where(need, 0.85, 0.035)
        undone = rng.random(child.size) < 0.03
        result = np.where(undone, 2, refer.astype(int))
        ok = np.flatnonzero(
            (when >= COMMUNITY_FROM) & (when <= REFERENCE_DAY) & (when > people.arrived[child])
            & (when < people.left[child]) & ~((when >= STOPPED[0]) & (when <= STOPPED[1])) & np.isin(child, register.first)
        )  # fmt: skip
        parts.append((child[ok], np.full(ok.size, number), when[ok], result[ok]))
    child, screen, when, result = (np.concatenate(column) for column in zip(*parts, strict=True))
    recorded = _lagged(rng, when)
    columns = {
        "LocalPatientID": register.local.gather(register.rows(child)),
        "Screen": choose(["VISION", "HEARING"], screen),
        "ScreenDate": when,
        "Result": choose(["PASS", "REFER", "NOT_DONE"], result),
        "RecordedDate": recorded,
    }
    outbox.send("csds_screening", columns, recorded.astype(np.int32))
    return child, when


def _persons(world: World, person: Ints, when: Ints, outbox: Outbox) -> None:
    """The patients of each delivery, as known at their last contact in its period."""
    register, layout = world.registers["csds"], load("csds_persons")
    rows, days = last_in_period(person, when, outbox)
    columns = register.identity(layout, "person", register.rows(rows), days.astype(np.int32))
    columns["RecordedDate"] = pl.Series(days.astype(np.int32))
    if "AddressFrom" in columns:
        del columns["AddressFrom"]
    outbox.send("csds_persons", dict(columns), days.astype(np.int32))


def last_in_period(person: Ints, when: Ints, outbox: Outbox) -> tuple[Ints, Ints]:
    """Each person once for each delivery in which they appear, with the last day on which they do."""
    ends = np.array([day(end) for _, end in outbox.periods])
    period = np.searchsorted(ends, when)
    ok = period < len(ends)
    person, when, period = person[ok], when[ok], period[ok]
    order = np.lexsort((when, person, period))
    person, when, period = person[order], when[order], period[order]
    last = np.append((person[1:] != person[:-1]) | (period[1:] != period[:-1]), True)
    return person[last], when[last]
