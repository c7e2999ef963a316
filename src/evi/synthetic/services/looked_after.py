"""Children looked after (SSDA903): header, episodes and missing episodes, one return a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, YEAR, Ints, day
from evi.synthetic.care import NEEDS, Cases
from evi.synthetic.draws import poisson_rows
from evi.synthetic.layouts import load
from evi.synthetic.world import World
from evi.synthetic.writing import Column, Outbox, choose, dates, frame

RETURN_LAG = 60  # days after 31 March on which the returns reach the hub
RETURN_YEARS = range(2021, 2026)  # the hub holds five returns, of years from 1 April
PLACES = ("U1", "U3", "U4", "U6", "K2", "P1", "A6", "H5")
PLACE_SHARES = (0.14, 0.10, 0.30, 0.24, 0.10, 0.06, 0.02, 0.04)
REASONS = ("CARPL", "CREQB", "CHILD", "LAREQ", "PLACE", "STAND", "OTHER")
REASON_SHARES = (0.34, 0.16, 0.10, 0.14, 0.10, 0.04, 0.12)
ENDS = ("E4A", "E4", "E45", "E12", "E8", "E3")


@dataclass(frozen=True)
class Episodes:
    """Care episodes, one row each, sorted by child and start."""

    child: Ints
    start: Ints
    end: Ints
    opening: Ints  # 0: S, 1: P, 2: L
    closing: Ints  # 0: X1, 1: ended, 2: still open
    need: Ints
    place: Ints
    reason: Ints


def episodes(world: World, cases: Cases) -> Episodes:
    """Split each time looked after into episodes at changes of placement or legal status."""
    rng = world.rng("episodes")
    rows = np.flatnonzero(cases.looked_start < NEVER)
    start, end = cases.looked_start[rows].astype(np.int64), cases.looked_end[rows].astype(np.int64)
    until = np.minimum(end, REFERENCE_DAY)
    exploited = world.needs.child["exploitation"].has[cases.child[rows]]
    rate = (until - start) / YEAR * np.where(exploited, 1.4, 0.62) + 0.3
    extra = poisson_rows(rng, np.clip(rate, 0, 12))
    cut = (
        start[extra]
        + 3
        + (rng.random(extra.size) ** 1.4 * np.maximum(until[extra] - start[extra] - 3, 1)).astype(np.int64)
    )
    row = np.concatenate([np.arange(rows.size), extra])
    begin = np.concatenate([start, cut])
    kind = np.concatenate([np.zeros(rows.size, int), np.where(rng.random(extra.size) < 0.8, 1, 2)])
    order = np.lexsort((kind, begin, row))
    row, begin, kind = row[order], begin[order], kind[order]
    fresh = np.append(True, (row[1:] != row[:-1]) | (begin[1:] > begin[:-1]))
    fresh &= (begin < until[row]) | (kind == 0)
    row, begin, kind = row[fresh], begin[fresh], kind[fresh]
    last = np.append(row[1:] != row[:-1], True)
    finish = np.where(last, end[row], np.append(begin[1:], NEVER))
    closing = np.where(~last, 0, np.where(end[row] < NEVER, 1, 2))
    place = rng.choice(len(PLACES), row.size, p=PLACE_SHARES)
    reason = rng.choice(len(REASONS), row.size, p=REASON_SHARES)
    need = cases.need[rows][row]
    child = cases.child[rows][row]
    order = np.lexsort((begin, child))
    parts = (child, begin, finish, kind, closing, need, place, reason)
    return Episodes(*(part[order] for part in parts))


def returns(world: World, cases: Cases, outbox: Outbox) -> None:
    """Write the three files of each year's return."""
    made = episodes(world, cases)
    world.open_register("ssda903", np.unique(made.child))
    missing = _missing(world, made)
    for year in RETURN_YEARS:
        first, last = day(date(year, 4, 1)), day(date(year + 1, 3, 31))
        rows = np.flatnonzero((made.start <= last) & (made.end >= first))
        if rows.size and outbox.wants(last + RETURN_LAG):
            _year(world, made, missing, rows, (year, first, last), outbox)


def _missing(world: World, made: Episodes) -> tuple[Ints, Ints, Ints]:
    """Times when looked-after children went missing: child, start, end."""
    rng, people = world.rng("missing"), world.people
    until = np.minimum(made.end, REFERENCE_DAY)
    age = (until - people.birth[made.child]) / YEAR
    exploited = world.needs.child["exploitation"].has[made.child]
    rate = np.where(age > 11, 0.25, 0.0) * np.where(exploited, 6.0, 1.0) * (until - made.start) / YEAR
    rows = poisson_rows(rng, np.clip(rate, 0, 12))
    start = made.start[rows] + (rng.random(rows.size) * (until - made.start)[rows]).astype(np.int64)
    ok = start > people.birth[made.child[rows]] + 10 * YEAR
    child, start = made.child[rows[ok]], start[ok]
    order = np.lexsort((start, child))
    child, start = child[order], start[order]
    fresh = (
        np.append(True, (child[1:] != child[:-1]) | (start[1:] > start[:-1] + 3)) if child.size else child > 0
    )
    child, start = child[fresh], start[fresh]
    return child, start, start + 1 + rng.geometric(0.5, start.size)


def _year(
    world: World,
    made: Episodes,
    missing: tuple[Ints, Ints, Ints],
    rows: Ints,
    period: tuple[int, int, int],
    outbox: Outbox,
) -> None:
    year, _, last = period
    register, people = world.registers["ssda903"], world.people
    child = np.unique(made.child[rows])
    who = register.rows(child)
    born = register.identity_of("date_of_birth", "", who)
    rng = world.rng("young mothers")
    parent = (rng.random(people.children) < 0.03)[child] & (people.sex[child] == 0)
    young = (last - people.birth[child]) / YEAR
    parent &= young > 16
    columns: dict[str, Column] = {
        "CHILD": register.local.gather(who),
        "SEX": register.identity_of("sex", "sex_digits", who),
        "DOB": born,
        "ETHNIC": register.identity_of("ethnicity", "ethnicity_dfe", who),
        "UPN": register.identity_of("upn", "", who),
        "MOTHER": pl.Series(["1", None]).gather((~parent).astype(np.int64)),
        "MC_DOB": dates(np.where(parent, last - 200 - child % 100, NEVER)),
    }
    layout = load("ssda903_header")
    outbox.file(layout, frame(layout, columns), f"{year}-header.csv")
    start, end = made.start[rows], made.end[rows]
    closed = end <= last
    homes = world.homes
    home = homes.of_person(made.child[rows], start)
    carer = (home * 7919 + start) % len(homes.uprn)
    ends = np.where(made.closing[rows] == 0, len(ENDS), (made.child[rows] + start) % len(ENDS))
    moved = closed & (made.closing[rows] == 0) & (np.append(made.opening[1:], 0)[rows] == 1)
    layout = load("ssda903_episodes")
    columns = {
        "CHILD": register.local.gather(register.rows(made.child[rows])),
        "DECOM": start,
        "RNE": choose(["S", "P", "L"], made.opening[rows]),
        "LS": choose(["V2", "C1", "C2", "E1"], np.minimum((start - people.birth[made.child[rows]]) % 4, 3)),
        "CIN": choose(NEEDS, made.need[rows]),
        "PLACE": choose(PLACES, made.place[rows]),
        "PLACE_PROVIDER": choose(["PR1", "PR4"], (made.place[rows] % 3 == 0).astype(int)),
        "DEC": dates(np.where(closed, end, NEVER)),
        "REC": choose([*ENDS, "X1", None], np.where(closed, ends, len(ENDS) + 1)),
        "REASON_PLACE_CHANGE": choose([*REASONS, None], np.where(moved, made.reason[rows], len(REASONS))),
        "HOME_POST": homes.postcode_text.gather(home),
        "PL_POST": homes.postcode_text.gather(carer),
    }
    outbox.file(layout, frame(layout, columns), f"{year}-episodes.csv")
    _absences(world, missing, period, outbox)


def _absences(
    world: World, missing: tuple[Ints, Ints, Ints], period: tuple[int, int, int], outbox: Outbox
) -> None:
    """Write the year's file of children who went missing, if any did."""
    year, first, last = period
    register = world.registers["ssda903"]
    who_left, gone, back = missing
    rows = np.flatnonzero((gone >= first) & (gone <= last))
    if rows.size:
        layout = load("ssda903_missing")
        who = register.rows(who_left[rows])
        columns: dict[str, Column] = {
            "CHILD": register.local.gather(who),
            "DOB": register.identity_of("date_of_birth", "", who),
            "MISSING": choose(["M", "A"], (rows % 6 == 0).astype(int)),
            "MIS_START": gone[rows],
            "MIS_END": dates(np.where(back[rows] <= last, back[rows], NEVER)),
        }
        outbox.file(layout, frame(layout, columns), f"{year}-missing.csv")
