"""Community health: health visiting, ASQ-3, referrals and contacts, the autism pathway, and screening."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, YEAR, Ints, day
from evi.synthetic.draws import poisson_rows
from evi.synthetic.pathway import FORMS, NOT_ACCEPTED
from evi.synthetic.recognition import Recognition
from evi.synthetic.services.book import CLOSURES, Book, Line, Steps, lagged, send_persons
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox, choose

COMMUNITY_FROM, ASQ_FROM = day(date(2011, 4, 1)), day(date(2015, 4, 1))
STOPPED = (day(date(2020, 3, 20)), day(date(2020, 8, 15)))  # reviews and screening mostly stopped
SERVICES = ("PAED", "SALT", "AUDIOLOGY", "ORTHOPTICS", "AUTISM", "HV")
TYPES = ("NEW_BIRTH", "6_8_WEEK", "12_MONTH", "2_YEAR", "ASSESSMENT", "TREATMENT", "FOLLOW_UP")
# Review, mean age in days, spread, and share of children seen (assumptions).
REVIEWS = (
    ("NEW_BIRTH", 12, 3, 0.93),
    ("6_8_WEEK", 50, 8, 0.88),
    ("12_MONTH", 375, 35, 0.80),
    ("2_YEAR", 820, 55, 0.78),
)
VISITS = 9.0  # visits of a child beside the reviews (assumption)
DOMAINS = ("Communication", "GrossMotor", "FineMotor", "ProblemSolving", "PersonalSocial")
# Need: chance of ever being referred, mean days from onset to referral, and where to (assumptions).
LINES = {
    "language_delay": (0.62, 500, Line("SALT", "COMM", 75, 5.0)),
    "hearing": (0.80, 300, Line("AUDIOLOGY", "HEARING", 60, 2.5)),
    "vision": (0.65, 700, Line("ORTHOPTICS", "VISION", 60, 2.5)),
    "physical_disability": (0.90, 150, Line("PAED", "PHYSICAL", 60, 6.0)),
    "learning_disability": (0.75, 700, Line("PAED", "DEV", 110, 3.5)),
    "adhd": (0.60, 1500, Line("PAED", "ADHD", 190, 4.0)),
}
OTHERS = (Line("PAED", "DEV", 80, 0.8), Line("SALT", "COMM", 70, 0.8), Line("AUDIOLOGY", "HEARING", 60, 0.6),
          Line("ORTHOPTICS", "VISION", 60, 0.6))  # fmt: skip
AUTISM = Line("AUTISM", "AUTISM", 0, 1, (0.24, 0.12, 0.48, 0.10, 0.02, 0.03, 0.01))


def community(world: World, known: Recognition, outbox: Outbox) -> None:
    """Write everything that community services deliver."""
    book = Book(world, "csds", COMMUNITY_FROM, SERVICES, TYPES)
    two_year = _reviews(world, book)
    _visits(world, book)
    _needs(world, book)
    _autism(world, known, book)
    person, when = book.seen()
    world.open_register("csds", np.unique(person))
    book.send(outbox)
    _asq(world, two_year, outbox)
    _outcomes(world, known, outbox)
    _information(world, known, outbox)
    screened, days = _screens(world, outbox)
    send_persons(
        world,
        "csds_persons",
        "csds",
        (np.concatenate([person, screened]), np.concatenate([when, days])),
        outbox,
    )


def _autism(world: World, known: Recognition, book: Book) -> None:
    """Referrals for an autism assessment, with triage, removals and appointments missed."""
    made, queue, rng = known.referrals, known.referrals.queue, world.rng("autism book")
    rows = np.flatnonzero(made.referred >= COMMUNITY_FROM)
    turned_down = queue.reason == NOT_ACCEPTED
    steps = Steps(
        triaged=queue.triaged.astype(np.int64)[rows],
        rejected=np.where(turned_down, queue.removed, NEVER)[rows],
        closed=np.where(turned_down, NEVER, queue.removed)[rows],
        closure=np.minimum(queue.reason, len(CLOSURES) - 1)[rows],
        urgent=queue.urgent[rows] * 1,
    )
    referred, assessed = made.referred[rows].astype(np.int64), made.assessed[rows].astype(np.int64)
    first = book.pathway(rng, AUTISM, made.child[rows], referred, assessed, steps)
    missed = np.flatnonzero(queue.missed_row >= rows[0]) if rows.size else rows  # rows are by day
    row = queue.missed_row[missed]
    number = first + row - (rows[0] if rows.size else 0)
    book.missed(AUTISM, number, made.child[row], queue.missed_day[missed].astype(np.int64))


def _reviews(world: World, book: Book) -> tuple[Ints, Ints]:
    """Health visitors' reviews; returns who had the two-year review and when."""
    rng, people = world.rng("reviews"), world.people
    child = np.arange(people.children)
    poor = world.needs.deprivation[world.family]
    seen: tuple[Ints, Ints] = (child[:0], child[:0])
    for kind, mean, spread, coverage in REVIEWS:
        when = people.birth[child] + np.maximum(rng.normal(mean, spread, child.size), 2).astype(np.int64)
        chance = coverage - 0.035 * poor
        chance = np.where((when >= STOPPED[0]) & (when <= STOPPED[1]), 0.25 * chance, chance)
        rows = child[rng.random(child.size) < chance]
        rows = rows[book.inside(rows, when[rows])]
        missed = rng.random(rows.size) < 0.05
        book.contact(rows, "HV", when[rows], kind, missed * 1)
        if kind == "2_YEAR":
            seen = (rows[~missed], when[rows[~missed]])
    return seen


def _visits(world: World, book: Book) -> None:
    """Health visitors' other visits: about nine a child, more in families under strain, most in the first
    year."""
    rng, people, needs = world.rng("visits"), world.people, world.needs
    strain = np.exp(0.25 * needs.deprivation + 0.25 * needs.adversity)[world.family]
    child = poisson_rows(rng, VISITS * strain)
    when = people.birth[child] + 14 + rng.exponential(300, child.size).astype(np.int64)
    ok = when < people.birth[child] + 5 * YEAR
    child, when = child[ok], when[ok]
    rows = book.inside(child, when)
    book.contact(child[rows], "HV", when[rows], "FOLLOW_UP", (rng.random(rows.size) < 0.08) * 1)


def _needs(world: World, book: Book) -> None:
    """Referrals for needs that someone noticed, and for children who turn out to have none."""
    rng, needs, people = world.rng("community needs"), world.needs, world.people
    for name, (chance, delay, line) in LINES.items():
        need = needs.child[name]
        child = np.flatnonzero(need.has)
        child = child[rng.random(child.size) < chance]
        book.refer(rng, line, child, need.onset[child] + rng.exponential(delay, child.size).astype(np.int64))
    for line in OTHERS:
        child = np.flatnonzero(rng.random(people.children) < 0.025)
        book.refer(
            rng, line, child, people.birth[child] + (rng.random(child.size) * 9 * YEAR).astype(np.int64)
        )


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
    recorded = lagged(rng, when)
    columns: dict[str, Column] = {
        "LocalPatientID": world.registers["csds"].local.gather(world.registers["csds"].rows(child)),
        "Questionnaire": choose(["24M", "27M", "30M"], form),
        "CompletedDate": when,
        "RecordedDate": recorded,
    }
    for name in DOMAINS:
        score = 51 + 9 * (common + own[name] + rng.normal(0, 0.75, child.size))
        columns[name] = np.clip(np.round(score / 5) * 5, 0, 60).astype(np.int64)
    outbox.send("csds_asq3", columns, recorded)


def _outcomes(world: World, known: Recognition, outbox: Outbox) -> None:
    """Outcomes of autism assessments."""
    rng, made, register = world.rng("outcomes"), known.referrals, world.registers["csds"]
    rows = np.flatnonzero((made.assessed < NEVER) & (made.referred >= COMMUNITY_FROM))
    when = made.assessed[rows].astype(np.int64)
    recorded = lagged(rng, when)
    columns: dict[str, Column] = {
        "LocalPatientID": register.local.gather(register.rows(made.child[rows])),
        "Outcome": choose(["NOT_AUTISM", "AUTISM"], made.autistic[rows].astype(int)),
        "OutcomeDate": when,
        "RecordedDate": recorded,
    }
    outbox.send("csds_outcomes", columns, recorded)


def _information(world: World, known: Recognition, outbox: Outbox) -> None:
    """Forms that the autism team asked of families and schools, and when they came back."""
    rng, made, register = world.rng("forms"), known.referrals, world.registers["csds"]
    parts: list[tuple[Ints, ...]] = []
    asked = made.referred + rng.integers(2, 12, made.referred.size)
    open_ = (made.referred >= COMMUNITY_FROM) & (asked < made.queue.removed) & (asked <= REFERENCE_DAY)
    rows = np.flatnonzero(open_)
    for number, back in enumerate(made.queue.forms):
        parts.append((made.child[rows], np.full(rows.size, number), asked[rows], back[rows]))
    child, form, when, back = (np.concatenate(column) for column in zip(*parts, strict=True))
    columns: dict[str, Column] = {
        "LocalPatientID": register.local.gather(register.rows(child)),
        "Service": pl.repeat("AUTISM", child.size, eager=True),
        "Item": choose(FORMS, form),
        "RequestedDate": when,
        "ReceivedDate": back,
    }
    outbox.send("csds_information", columns, when, later=("ReceivedDate",), stamp="RecordedDate")


def _screens(world: World, outbox: Outbox) -> tuple[Ints, Ints]:
    """Vision and hearing screening in the Reception year; returns who was screened and when."""
    rng, schools, needs, people = world.rng("screens"), world.schools, world.needs, world.people
    register = world.registers["csds"]
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for number, name in enumerate(("vision", "hearing")):
        child = np.flatnonzero(rng.random(people.children) < 0.86)
        when = ((schools.cohort[child] - 1970) * YEAR + 260 + rng.integers(10, 250, child.size)).astype(
            np.int64
        )
        refer = rng.random(child.size) < np.where(needs.child[name].has[child], 0.85, 0.035)
        result = np.where(rng.random(child.size) < 0.03, 2, refer.astype(int))
        here = (when > people.arrived[child]) & (when < people.left[child]) & np.isin(child, register.first)
        open_ = (
            (when >= COMMUNITY_FROM)
            & (when <= REFERENCE_DAY)
            & ~((when >= STOPPED[0]) & (when <= STOPPED[1]))
        )
        ok = np.flatnonzero(here & open_)
        parts.append((child[ok], np.full(ok.size, number), when[ok], result[ok]))
    child, screen, when, result = (np.concatenate(column) for column in zip(*parts, strict=True))
    recorded = lagged(rng, when)
    columns: dict[str, Column] = {
        "LocalPatientID": register.local.gather(register.rows(child)),
        "Screen": choose(["VISION", "HEARING"], screen),
        "ScreenDate": when,
        "Result": choose(["PASS", "REFER", "NOT_DONE"], result),
        "RecordedDate": recorded,
    }
    outbox.send("csds_screening", columns, recorded)
    return child, when
