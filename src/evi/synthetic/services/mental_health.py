"""Mental health and substance use services: CAMHS for children, adult teams for parents and others."""

from __future__ import annotations

from datetime import date

import numpy as np

from evi.synthetic.calendar import REFERENCE_DAY, YEAR, day
from evi.synthetic.services.book import Book, Line, send_persons
from evi.synthetic.world import World
from evi.synthetic.writing import Outbox

MENTAL_FROM = day(date(2013, 4, 1))
SERVICES = ("CAMHS", "ADULT_MH", "SUBSTANCE")
TYPES = ("ASSESSMENT", "TREATMENT", "FOLLOW_UP")
CHILD_SOURCES = (0.38, 0.0, 0.34, 0.10, 0.06, 0.11, 0.01)
ADULT_SOURCES = (0.62, 0.0, 0.0, 0.20, 0.03, 0.12, 0.03)
CHILDREN = {
    "anxiety": (0.34, 250, Line("CAMHS", "MOOD", 95, 6.0, CHILD_SOURCES)),
    "self_harm": (0.60, 90, Line("CAMHS", "SELF_HARM", 40, 7.0, CHILD_SOURCES)),
    "adhd": (0.22, 1800, Line("CAMHS", "ADHD", 170, 4.0, CHILD_SOURCES)),
}
PARENTS = {
    "parental_mental_ill_health": (0.42, 300, 0.25, Line("ADULT_MH", "MOOD", 55, 7.0, ADULT_SOURCES)),
    "parental_substance_use": (0.45, 400, 0.55, Line("SUBSTANCE", "SUBSTANCE", 20, 9.0, ADULT_SOURCES)),
}


def mental_health(world: World, outbox: Outbox) -> None:
    """Write patients, referrals and contacts."""
    rng, needs, families, people = world.rng("mental health"), world.needs, world.families, world.people
    book = Book(world, "mhsds", MENTAL_FROM, SERVICES, TYPES)
    for name, (chance, delay, line) in CHILDREN.items():
        need = needs.child[name]
        child = np.flatnonzero(need.has)
        child = child[rng.random(child.size) < chance]
        book.refer(rng, line, child, need.onset[child] + rng.exponential(delay, child.size).astype(np.int64))
    for name, (chance, delay, fathers, line) in PARENTS.items():
        need = needs.family[name]
        family = np.flatnonzero(need.has & (rng.random(len(families.group)) < chance))
        father = (families.father[family] >= 0) & (rng.random(family.size) < fathers)
        parent = np.where(father, families.father[family], families.mother[family])
        book.refer(
            rng, line, parent, need.onset[family] + rng.exponential(delay, family.size).astype(np.int64)
        )
    adults = np.arange(people.children, people.count)
    for service, reason, rate in (("ADULT_MH", "MOOD", 0.055), ("SUBSTANCE", "SUBSTANCE", 0.012)):
        person = adults[rng.random(adults.size) < rate]
        begin = np.maximum(people.birth[person] + int(18 * YEAR), MENTAL_FROM)
        when = begin + (rng.random(person.size) * np.maximum(REFERENCE_DAY - begin, 1)).astype(np.int64)
        book.refer(rng, Line(service, reason, 50, 5.0, ADULT_SOURCES), person, when)
    seen = book.seen()
    world.open_register("mhsds", np.unique(seen[0]))
    book.send(outbox)
    send_persons(world, "mhsds_persons", "mhsds", seen, outbox)
