"""Absence from school by half term, fitted to the published shares of pupils persistently absent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evi.synthetic.calendar import REFERENCE_DAY, SCHOOL_YEARS, Days, Floats, Ints, terms
from evi.synthetic.draws import Generator, stream
from evi.synthetic.needs import Needs
from evi.synthetic.schools import Schools

FITTED_YEAR = 2024  # school year 2024/25
FITTED_HALVES = 3  # half terms that the published figures cover (to week 21 of the year)
PERSISTENT = (0.1342, 0.2325, 0.3538)  # primary, secondary, special (calibration.csv)
TYPICAL = (
    0.050,
    0.068,
    0.085,
)  # median share of sessions missed (assumption; the mean is checked, see claims)
CLOSED = ((2019, 2), (2020, 1))  # spring to summer 2020 and early 2021: no registers were collected


def year_factor(year: int) -> float:
    """Absence relative to 2024/25: lower before the pandemic, highest in 2022/23 (assumption)."""
    return 0.72 if year < 2020 else {2020: 0.75, 2021: 1.08, 2022: 1.06}.get(year, 1.0)


@dataclass(frozen=True)
class Absence:
    """Sessions by roll spell and half term, one row each."""

    spell: Ints
    start: Days
    end: Days
    possible: Ints
    authorised: Ints
    unauthorised: Ints
    year: Ints
    half: Ints


def sessions(schools: Schools, needs: Needs, seed: int) -> Absence:
    """Make attendance of everyone on a roll, half term by half term."""
    rng = stream(seed, "absence")
    year_noise = rng.normal(size=len(needs.absence))
    slope = 0.62
    level = _fit(rng, schools, needs, slope)
    parts: list[tuple[Ints, ...]] = []
    for year in SCHOOL_YEARS:
        year_noise = 0.75 * year_noise + 0.66 * rng.normal(size=year_noise.size)
        for number, (first, last) in enumerate(_halves(year)):
            if first > REFERENCE_DAY or (year, (number + 1) // 2) in CLOSED or (year, number // 2) in CLOSED:
                continue
            spells = np.flatnonzero((schools.entry <= last - 7) & (schools.leave > first + 7))
            rate = _rates(
                schools, needs, spells, level, slope, year_noise[schools.child[spells]]
            ) * year_factor(year)
            possible, absent = _half(rng, schools, spells, rate, first, last)
            excused = rng.binomial(absent, np.clip(0.82 - 2.0 * rate, 0.25, 0.85))
            size = spells.size
            parts.append(
                (
                    spells, np.full(size, first), np.full(size, last), possible, excused, absent - excused,
                    np.full(size, year), np.full(size, number),
                )
            )  # fmt: skip
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    some = columns[3] > 0
    spell, start, end, possible, excused, rest, years, half = (column[some] for column in columns)
    return Absence(spell, start.astype(np.int32), end.astype(np.int32), possible, excused, rest, years, half)


def _halves(year: int) -> list[tuple[int, int]]:
    return [half for term in terms(year) for half in term.halves]


def _rates(
    schools: Schools, needs: Needs, spells: Ints, level: Floats, slope: float, year_noise: Floats
) -> Floats:
    child, phase = schools.child[spells], schools.phase[schools.school[spells]]
    score = 0.78 * needs.absence[child] + 0.62 * year_noise
    return np.clip(level[phase] * np.exp(slope * score), 0.002, 0.95)


def _half(
    rng: Generator, schools: Schools, spells: Ints, rate: Floats, first: int, last: int
) -> tuple[Ints, Ints]:
    """Possible and missed sessions (two a school day) of each spell in one half term."""
    begin, until = np.maximum(schools.entry[spells], first), np.minimum(schools.leave[spells], last)
    days = np.clip(np.round((until - begin + 1) * 5 / 7), 0, 45).astype(np.int64)
    possible = 2 * days
    burst = rng.gamma(1.6, 1 / 1.6, spells.size)
    expected = np.clip(rate * burst, 0, 0.97) * possible
    absent = np.minimum(np.floor(expected + rng.random(spells.size)).astype(np.int64), possible)
    return possible, absent


def _fit(rng: Generator, schools: Schools, needs: Needs, slope: float) -> Floats:
    """Level of absence of each phase that gives the published shares persistently absent, by trial on one
    year."""
    halves = _halves(FITTED_YEAR)[:FITTED_HALVES]
    spells = np.flatnonzero((schools.entry <= halves[0][0]) & (schools.leave > halves[-1][1]))
    few = np.flatnonzero(schools.phase[schools.school[spells]] == 2)
    spells = np.concatenate([spells, np.repeat(spells[few], -(-3000 // max(few.size, 1)))])
    phase = schools.phase[schools.school[spells]]
    noise = rng.normal(size=spells.size)
    state = rng.bit_generator.state
    level = np.array(TYPICAL)
    low, high = np.full(3, 0.005), np.full(3, 0.3)
    for _ in range(14):
        level = np.sqrt(low * high)
        rng.bit_generator.state = state
        possible, absent = np.zeros(spells.size), np.zeros(spells.size)
        rate = _rates(schools, needs, spells, level, slope, noise)
        for first, last in halves:
            more, missed = _half(rng, schools, spells, rate, first, last)
            possible, absent = possible + more, absent + missed
        persistent = absent >= 0.1 * possible
        for number in range(3):
            mine = persistent[phase == number]
            if mine.size and mine.mean() < PERSISTENT[number]:
                low[number] = level[number]
            else:
                high[number] = level[number]
    return level
