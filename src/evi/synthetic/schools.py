"""Schools, and which child was on which roll from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, Days, Flags, Ints, day, school_cohort, september
from evi.synthetic.draws import Generator, stream
from evi.synthetic.geography import Geography
from evi.synthetic.homes import Homes
from evi.synthetic.identifiers import upns
from evi.synthetic.population import People

OTHER_SCHOOL = (
    0.025  # children educated elsewhere (independent, at home): in no state school's roll (assumption)
)
FIRST_URN = 997_001


@dataclass(frozen=True)
class Schools:
    """Schools (one entry each; `phase`: 0 primary, 1 secondary, 2 special) and roll spells sorted by child
    and entry.

    Attributes:
        urn: six-digit number of each school; ward: its ward's number.
        child, school, entry, leave: one roll spell each (`leave` NEVER: still on roll).
        cohort: year in whose September each child reaches Reception.
        upn: each child's Unique Pupil Number (text), given at the first state school.
    """

    urn: Ints
    phase: Ints
    ward: Ints
    child: Ints
    school: Ints
    entry: Days
    leave: Days
    cohort: Ints
    upn: pl.Series

    def on_roll(self, when: int) -> Ints:
        """Spells that hold on day `when`."""
        return np.flatnonzero((self.entry <= when) & (self.leave > when))


def make_schools(people: People, homes: Homes, place: Geography, seed: int, special: Flags) -> Schools:
    """Found schools near homes and enrol children from Reception to Year 11 (`special`: in a special
    school)."""
    rng = stream(seed, "schools")
    total = people.count
    counts = (max(6, total // 3500), max(2, total // 14500), max(1, total // 75000))
    phase = np.repeat([0, 1, 2], counts)
    wards = int(place.ward_number.max()) + 1
    ward = np.concatenate([np.arange(n) * wards // n for n in counts])
    count = people.children
    birth = people.birth[:count]
    cohort = school_cohort(birth)
    start, end = people.arrived[:count].astype(np.int64), people.left[:count].astype(np.int64)
    attends = rng.random(count) >= OTHER_SCHOOL
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for stage, (first, last) in enumerate(((0, 7), (7, 12))):
        opens, closes = (
            september(cohort + first).astype(np.int64) + 2,
            september(cohort + last).astype(np.int64) - 40,
        )
        enters, leaves = np.maximum(opens, start + 14), np.minimum(closes, end)
        rows = np.flatnonzero(attends & (enters < leaves) & (enters <= REFERENCE_DAY))
        middle = np.minimum(enters[rows], REFERENCE_DAY)
        home_ward = place.ward_number[homes.lsoa[homes.of_person(rows, middle)]]
        kind = np.where(special[rows], 2, stage)
        parts.append((rows, _near(rng, kind, home_ward, phase, ward), enters[rows], leaves[rows]))
    child, school, entry, leave = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    child, school, entry, leave = _moves(rng, (child, school, entry, leave), homes, place, phase, ward)
    order = np.lexsort((entry, child))
    child, school, entry, leave = child[order], school[order], entry[order], leave[order]
    leave = np.where(leave > REFERENCE_DAY, NEVER, leave)
    upn = _upns(count, child, school, entry)
    entry, leave = entry.astype(np.int32), leave.astype(np.int32)
    return Schools(FIRST_URN + np.arange(len(phase)), phase, ward, child, school, entry, leave, cohort, upn)


def _near(rng: Generator, kind: Ints, home_ward: Ints, phase: Ints, ward: Ints) -> Ints:
    """A school of the right kind: usually the one whose ward is nearest by number, sometimes any."""
    chosen = np.zeros(kind.size, dtype=np.int64)
    for value in (0, 1, 2):
        rows = np.flatnonzero(kind == value)
        options = np.flatnonzero(phase == value)
        place = np.searchsorted(ward[options], home_ward[rows] + rng.random(rows.size) * 0.999)
        local = options[np.clip(place - (rng.random(rows.size) < 0.5), 0, options.size - 1)]
        chosen[rows] = np.where(
            rng.random(rows.size) < 0.82, local, options[rng.integers(0, options.size, rows.size)]
        )
    return chosen


def _moves(
    rng: Generator,
    spells: tuple[Ints, Ints, Ints, Ints],
    homes: Homes,
    place: Geography,
    phase: Ints,
    ward: Ints,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Some children change school in mid-phase: those who moved home most often, others at random."""
    child, school, entry, leave = spells
    until = np.minimum(leave, REFERENCE_DAY)
    middle = entry + ((until - entry) * (0.15 + 0.7 * rng.random(child.size))).astype(np.int64)
    moved = homes.of_person(child, entry) != homes.of_person(child, middle)
    change = (
        (rng.random(child.size) < np.where(moved, 0.38, 0.035)) & (until - entry > 200) & (phase[school] < 2)
    )
    rows = np.flatnonzero(change)
    home_ward = place.ward_number[homes.lsoa[homes.of_person(child[rows], middle[rows])]]
    next_school = _near(rng, phase[school[rows]], home_ward, phase, ward)
    rows, next_school = rows[next_school != school[rows]], next_school[next_school != school[rows]]
    gap = (rng.exponential(9, rows.size)).astype(np.int64)
    later = np.minimum(middle[rows] + gap, leave[rows] - 5)
    fresh = (child[rows], next_school, later, leave[rows])
    leave = leave.copy()
    leave[rows] = middle[rows]
    old = (child, school, entry, leave)
    child, school, entry, leave = (np.concatenate(pair) for pair in zip(old, fresh, strict=True))
    return child, school, entry, leave


def _upns(count: int, child: Ints, school: Ints, entry: Ints) -> pl.Series:
    """UPN by first school, year of entry and order of entry; children in no state school have none."""
    first = np.flatnonzero(np.append(True, child[1:] != child[:-1]))
    years = (entry[first].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)) + 1970
    key = school[first] * 10_000 + years
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    fresh = np.append(True, sorted_key[1:] != sorted_key[:-1])
    rank = np.arange(key.size) - np.maximum.accumulate(np.where(fresh, np.arange(key.size), 0))
    serial = np.empty(key.size, dtype=np.int64)
    serial[order] = rank
    number = 1000 + school[first] * 6 + serial // 1000
    text = upns(number, years, serial % 1000)
    full = pl.Series([None], dtype=pl.String).new_from_index(0, count)
    return full.scatter(child[first], text)


def summer_of(year: int) -> int:
    """30 June of a year: when teachers complete the Early Years Foundation Stage Profile."""
    return day(date(year, 6, 30))
