"""A clinic's book of referrals and contacts, as community and mental health services keep it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, Floats, Ints, day
from evi.synthetic.draws import Generator
from evi.synthetic.layouts import load
from evi.synthetic.world import World, text_ids
from evi.synthetic.writing import Column, Outbox, choose

SOURCES = ("GP", "HV", "SCHOOL", "SELF", "CSC", "HOSPITAL", "POLICE")
REASONS = (
    "DEV",
    "COMM",
    "BEH",
    "AUTISM",
    "ADHD",
    "HEARING",
    "VISION",
    "MOOD",
    "SELF_HARM",
    "SUBSTANCE",
    "TRAUMA",
    "PHYSICAL",
    "OTHER",
)
CLOSURES = ("MOVED_AWAY", "DECLINED", "OTHER_PATHWAY")
PRIORITIES = ("ROUTINE", "URGENT")
ASSESSMENT, TREATMENT, FOLLOW_UP = "ASSESSMENT", "TREATMENT", "FOLLOW_UP"
NEVER_SEEN = 0.07  # referrals that end without a contact (assumption)
LATE = 0.04  # facts recorded weeks rather than days afterwards (assumption)


@dataclass(frozen=True)
class Line:
    """A stream of referrals to one service: mean wait in days, further contacts, reason, and their
    sources."""

    service: str
    reason: str
    wait: float
    contacts: float
    sources: tuple[float, ...] = (0.34, 0.18, 0.30, 0.08, 0.03, 0.06, 0.01)


@dataclass(frozen=True)
class Steps:
    """What became of some referrals before their first contact, one entry each (days; NEVER: it did not
    happen).

    Attributes:
        triaged: accepted at triage; rejected: turned down there; closed: ended without a first contact for
            another reason, `closure` (place in `CLOSURES`).
        urgent: marked urgent (1) or not (0).
    """

    triaged: Ints
    rejected: Ints
    closed: Ints
    closure: Ints
    urgent: Ints

    @classmethod
    def none(cls, size: int) -> Steps:
        """Of a service that records no such steps."""
        never, zero = np.full(size, NEVER), np.zeros(size, dtype=np.int64)
        return cls(never, never, never, zero, zero)


@dataclass
class Book:
    """Referrals (number, person, service, referred, first, discharged, reason, source, and those of `Steps`)
    and contacts (referral or -1, person, service, day, missed, type) under construction, for one feed that
    began on day `since`.
    """

    world: World
    feed: str
    since: int
    services: tuple[str, ...]
    types: tuple[str, ...]
    referrals: list[tuple[Ints, ...]] = field(default_factory=list)
    contacts: list[tuple[Ints, ...]] = field(default_factory=list)
    numbers: int = 0

    def inside(self, person: Ints, when: Ints) -> Ints:
        """Places at which the person lives in the district and the feed exists on that day."""
        people = self.world.people
        return np.flatnonzero(
            (when >= np.maximum(people.arrived[person], self.since))
            & (when <= REFERENCE_DAY)
            & (when < people.left[person])
            & (when >= people.birth[person])
        )

    def contact(self, person: Ints, service: str, when: Ints, kind: str, missed: Ints | int = 0) -> None:
        """Add contacts without a referral."""
        size = len(person)
        self.contacts.append(
            (
                np.full(size, -1), person, np.full(size, self.services.index(service)), when,
                np.broadcast_to(np.asarray(missed), size), np.full(size, self.types.index(kind)),
            )
        )  # fmt: skip

    def refer(self, rng: Generator, line: Line, person: Ints, when: Ints) -> None:
        """Add referrals that wait, are seen a few times and discharged; some are never seen."""
        rows = self.inside(person, when)
        person, when = person[rows], when[rows].astype(np.int64)
        size = rows.size
        first = when + 7 + rng.gamma(2.2, line.wait / 2.2, size).astype(np.int64)
        number = 1 + rng.poisson(line.contacts, size)
        gap = 21 + rng.exponential(35, size).astype(np.int64)
        discharge = first + number * gap + rng.integers(10, 90, size)
        never = rng.random(size) < NEVER_SEEN
        discharge = np.where(never, when + 90, discharge)
        self._book(rng, line, person, when, np.where(never, NEVER, first), discharge)
        many = np.where(never, 0, number)
        row = np.repeat(np.arange(size), many)
        turn = np.arange(row.size) - np.repeat(np.cumsum(many) - many, many)
        missed = (rng.random(row.size) < self._misses(person[row])) & (turn > 0)
        kinds = [self.types.index(kind) for kind in (ASSESSMENT, TREATMENT, FOLLOW_UP)]
        kind = np.where(turn == 0, kinds[0], np.where(rng.random(row.size) < 0.7, kinds[1], kinds[2]))
        service = np.full(row.size, self.services.index(line.service))
        start = self.numbers - size
        self.contacts.append(
            (start + row, person[row], service, first[row] + turn * gap[row], missed * 1, kind)
        )

    def pathway(self, rng: Generator, line: Line, person: Ints, when: Ints, seen: Ints, steps: Steps) -> int:
        """Add referrals whose first contact is known (NEVER: none so far): an assessment and a follow-up.

        Returns:
            The number of the first of these referrals.
        """
        done = seen < NEVER
        discharge = np.where(done, seen + rng.integers(30, 200, seen.size), NEVER)
        self._book(rng, line, person, when, seen, discharge, steps)
        start = self.numbers - seen.size
        service = self.services.index(line.service)
        for kind, share, delay in ((ASSESSMENT, 1.0, 0), (FOLLOW_UP, 0.8, 28)):
            at = np.flatnonzero(done & (rng.random(seen.size) < share))
            same = np.full(at.size, service)
            kinds = np.full(at.size, self.types.index(kind))
            self.contacts.append(
                (start + at, person[at], same, seen[at] + delay, np.zeros(at.size, int), kinds)
            )
        return start

    def missed(self, line: Line, number: Ints, person: Ints, when: Ints) -> None:
        """Add first appointments to which a child was not brought, by the number of the referral."""
        service = np.full(number.size, self.services.index(line.service))
        kind = np.full(number.size, self.types.index(ASSESSMENT))
        self.contacts.append((number, person, service, when, np.ones(number.size, int), kind))

    def _book(
        self,
        rng: Generator,
        line: Line,
        person: Ints,
        when: Ints,
        first: Ints,
        discharge: Ints,
        steps: Steps | None = None,
    ) -> None:
        size = len(person)
        more = astuple(steps or Steps.none(size))
        source = rng.choice(len(SOURCES), size, p=np.array(line.sources))
        number, reasons = np.arange(size) + self.numbers, np.full(size, REASONS.index(line.reason))
        services = np.full(size, self.services.index(line.service))
        self.referrals.append((number, person, services, when, first, discharge, reasons, source, *more))
        self.numbers += size

    def _misses(self, person: Ints) -> Floats:
        people, needs = self.world.people, self.world.needs
        family = people.family[person]
        poor = np.where(family >= 0, needs.deprivation[np.maximum(family, 0)], 0.0)
        return np.clip(0.10 + 0.03 * poor, 0.02, 0.4)

    def seen(self) -> tuple[Ints, Ints]:
        """Everyone on the book, and a day of each of their referrals and contacts."""
        parts = [*self.referrals, *self.contacts]
        person, when = np.concatenate([p[1] for p in parts]), np.concatenate([p[3] for p in parts])
        ok = (when <= REFERENCE_DAY) & (when < self.world.people.left[person])
        return person[ok], when[ok]

    def send(self, outbox: Outbox) -> None:
        """Write the book's referrals and contacts."""
        rng, register = self.world.rng(f"{self.feed} book"), self.world.registers[self.feed]
        number, person, service, when, first, discharge, reason, source, *more = (
            np.concatenate(column) for column in zip(*self.referrals, strict=True)
        )
        steps = Steps(*more)
        columns: dict[str, Column] = {
            "ServiceRequestID": text_ids("SR", number + 1_000_000),
            "LocalPatientID": register.local.gather(register.rows(person)),
            "Service": choose(self.services, service),
            "ReferralDate": when,
            "SourceOfReferral": choose(SOURCES, source),
            "Reason": choose(REASONS, reason),
            "FirstContactDate": first,
            "DischargeDate": discharge,
            "TriageDate": steps.triaged,
            "Priority": choose(PRIORITIES, steps.urgent).set(pl.Series(steps.triaged == NEVER), None),
            "ReferralRejectionDate": steps.rejected,
            "ReferralClosureDate": steps.closed,
            "ReferralClosureReason": choose(CLOSURES, steps.closure).set(
                pl.Series(steps.closed == NEVER), None
            ),
        }
        recorded = lagged(rng, when)
        later = (
            "FirstContactDate", "DischargeDate", "TriageDate", "ReferralRejectionDate", "ReferralClosureDate",
        )  # fmt: skip
        awaits: dict[str, tuple[str, str | None]] = {
            "Priority": ("TriageDate", None),
            "ReferralClosureReason": ("ReferralClosureDate", None),
        }
        layout = f"{self.feed}_referrals"
        outbox.send(layout, columns, recorded, later=later, stamp="RecordedDate", awaits=awaits)
        self._send_contacts(rng, outbox)

    def _send_contacts(self, rng: Generator, outbox: Outbox) -> None:
        register = self.world.registers[self.feed]
        parts = [np.concatenate(column) for column in zip(*self.contacts, strict=True)]
        ok = np.flatnonzero((parts[3] <= REFERENCE_DAY) & (parts[3] < self.world.people.left[parts[1]]))
        ok = ok[np.lexsort((parts[5][ok], parts[2][ok], parts[1][ok], parts[3][ok]))]
        request, person, service, when, missed, kind = (part[ok] for part in parts)
        ids = text_ids("SR", request + 1_000_000)
        recorded = lagged(rng, when)
        columns: dict[str, Column] = {
            "CareContactID": text_ids("CC", np.arange(when.size) + 10_000_000),
            "ServiceRequestID": ids.set(pl.Series(request < 0), None),
            "LocalPatientID": register.local.gather(register.rows(person)),
            "Service": choose(self.services, service),
            "ContactDate": when,
            "Attendance": choose(["A", "DNA"], missed),
            "ContactType": choose(self.types, kind),
            "RecordedDate": recorded,
        }
        outbox.send(f"{self.feed}_contacts", columns, recorded)


def lagged(rng: Generator, when: Ints) -> Ints:
    """When each fact was recorded: within days, now and then weeks later."""
    late = rng.exponential(2.0, when.size) + np.where(
        rng.random(when.size) < LATE, rng.exponential(30, when.size), 0
    )
    return np.minimum(when + late.astype(np.int64), REFERENCE_DAY)


def send_persons(
    world: World, layout: str, feed: str, seen: tuple[Ints, Ints], outbox: Outbox, stamp: str = "RecordedDate"
) -> None:
    """Write the people of each delivery once, as the service knew them at their last contact in its
    period."""
    register = world.registers[feed]
    person, when = last_in_period(*seen, outbox)
    rules = load(layout)
    role = str(rules.spec["persons"][0]["role"])
    columns: dict[str, Column] = {**register.identity(rules, role, register.rows(person), when)}
    columns[stamp] = when
    outbox.send(layout, columns, when)


def last_in_period(person: Ints, when: Ints, outbox: Outbox) -> tuple[Ints, Ints]:
    """Each person once for each delivery in which they appear, with the last day on which they do."""
    ends = np.array([day(end) for _, end in outbox.periods])
    first = day(outbox.periods[0][0])
    period = np.searchsorted(ends, when)
    ok = (period < len(ends)) & (when >= first)
    person, when, period = person[ok], when[ok], period[ok]
    order = np.lexsort((when, person, period))
    person, when, period = person[order], when[order], period[order]
    last = np.append((person[1:] != person[:-1]) | (period[1:] != period[:-1]), True)
    return person[last], when[last]
