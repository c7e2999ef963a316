"""The truth of a synthetic district: kept apart in `truth/`, for scoring only. No stage of the pipeline reads
it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from evi.synthetic.calendar import NEVER, REFERENCE_DAY, Ints
from evi.synthetic.pathway import truth_of
from evi.synthetic.recognition import Recognition
from evi.synthetic.world import World
from evi.synthetic.writing import dates
from evi.workspace import replace_dir

STATES = ("none", "diagnosed", "waiting", "unknown")


def write_truth(world: World, known: Recognition, folder: Path) -> None:
    """Write people, links, homes, needs and recognition as Parquet, each in a total order, and the queue."""
    with replace_dir(folder) as scratch:
        for name, table in (
            ("people", people_table(world)),
            ("links", links_table(world)),
            ("homes", homes_table(world)),
            ("needs", needs_table(world)),
            ("recognition", recognition_table(world, known)),
            ("families", families_table(world)),
        ):
            table.write_parquet(scratch / f"{name}.parquet", compression="zstd", row_group_size=122_880)
        queue = truth_of(known.referrals, moving_away(world))
        (scratch / "queue.json").write_text(json.dumps(queue) + "\n", encoding="utf-8")


def moving_away(world: World) -> float:
    """Weekly chance that a child of two or more moves out of the district: moves, of all weeks lived here."""
    people = world.people
    count = people.children
    since = np.maximum(people.arrived[:count], people.birth[:count] + 730).astype(np.int64)
    weeks = (np.minimum(people.left[:count], REFERENCE_DAY) - since).clip(0) / 7
    moves = int(((people.left[:count] <= REFERENCE_DAY) & (weeks > 0)).sum())
    return moves / max(float(weeks.sum()), 1.0)


def people_table(world: World) -> pl.DataFrame:
    """One row a person: person, kind, birth_date, sex, ethnicity, language, mother, father, family, arrived,
    left."""
    people, codes = world.people, world.communities
    language = np.where(people.english, len(codes.language), people.group)
    return pl.DataFrame(
        {
            "person": np.arange(people.count),
            "kind": pl.Series(np.where(np.arange(people.count) < people.children, "child", "adult")),
            "birth_date": pl.Series(people.birth).cast(pl.Date),
            "sex": pl.Series(["F", "M"]).gather(people.sex),
            "ethnicity": pl.Series(codes.code).gather(people.group),
            "language": pl.Series([*codes.language, "ENG"]).gather(language),
            "mother": _nobody(people.mother),
            "father": _nobody(people.father),
            "family": _nobody(people.family),
            "arrived": pl.Series(people.arrived).cast(pl.Date),
            "left": dates(people.left),
        }
    )


def _nobody(ids: Ints) -> pl.Series:
    series = pl.Series(ids)
    return series.set(series < 0, None)


def links_table(world: World) -> pl.DataFrame:
    """feed, local_id (clear text, as in the extract) and the true person, sorted."""
    return pl.concat([world.registers[feed].links() for feed in sorted(world.registers)]).sort(
        "feed", "local_id", "person"
    )


def homes_table(world: World) -> pl.DataFrame:
    """person, uprn, start, end (null: still there): who lived where."""
    people, homes = world.people, world.homes
    following = np.append(homes.first_spell[1:], homes.spell_household.size)
    parts = []
    for household, begin, until in (
        (people.household, people.arrived, np.minimum(people.switch, people.left)),
        (people.second, people.switch, people.left),
    ):
        who = np.flatnonzero(household >= 0)
        size = (following - homes.first_spell)[household[who]]
        person = np.repeat(who, size)
        offset = np.arange(person.size) - np.repeat(np.cumsum(size) - size, size)
        spell = homes.first_spell[household[person]] + offset
        start = np.maximum(homes.spell_start[spell], np.maximum(begin, people.birth)[person])
        end = np.minimum(homes.spell_end[spell], until[person])
        keep = (start < end) & (start <= REFERENCE_DAY)
        parts.append((person[keep], homes.uprn[homes.spell_dwelling[spell[keep]]], start[keep], end[keep]))
    person, uprn, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pl.DataFrame(
        {
            "person": person,
            "uprn": uprn,
            "start": pl.Series(start.astype(np.int32)).cast(pl.Date),
            "end": dates(end),
        }
    ).sort("person", "start", "uprn")


def needs_table(world: World) -> pl.DataFrame:
    """person (child), need, onset, end (null: it lasts): every latent need of every child, its family's
    included."""
    people, needs, family = world.people, world.needs, world.family
    birth = people.birth[: people.children]
    parts = []
    for name, need in sorted(needs.child.items()):
        rows = np.flatnonzero(need.has & (need.onset <= REFERENCE_DAY))
        parts.append(_need_rows(name, rows, need.onset[rows], need.end[rows]))
    for name, need in sorted(needs.family.items()):
        onset, end = np.maximum(need.onset[family], birth), need.end[family]
        rows = np.flatnonzero(need.has[family] & (onset < end) & (onset <= REFERENCE_DAY))
        parts.append(_need_rows(name, rows, onset[rows], end[rows]))
    rows = np.flatnonzero(needs.gestation < 37)
    parts.append(_need_rows("preterm", rows, birth[rows], np.full(rows.size, NEVER)))
    return pl.concat(parts).sort("person", "need")


def _need_rows(name: str, rows: Ints, onset: Ints, end: Ints) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": rows,
            "need": pl.repeat(name, rows.size, eager=True),
            "onset": pl.Series(onset.astype(np.int32)).cast(pl.Date),
            "end": dates(end),
        }
    )


def recognition_table(world: World, known: Recognition) -> pl.DataFrame:
    """person, condition, state, noticed, referred, assessed, removed: every autistic child and every child
    referred."""
    made = known.referrals
    count = world.people.children
    referred, assessed, removed = (np.full(count, NEVER) for _ in range(3))
    referred[made.child], assessed[made.child] = made.referred, made.assessed
    removed[made.child] = made.queue.removed
    rows = np.flatnonzero((known.state > 0) | (referred < NEVER))
    return pl.DataFrame(
        {
            "person": rows,
            "condition": pl.repeat("autism", rows.size, eager=True),
            "state": pl.Series(STATES).gather(known.state[rows]),
            "noticed": dates(known.noticed[rows]),
            "referred": dates(referred[rows]),
            "assessed": dates(assessed[rows]),
            "removed": dates(removed[rows]),
        }
    )


def families_table(world: World) -> pl.DataFrame:
    """family, mother, father, mother_a_level: what recognition depends on."""
    families = world.families
    return pl.DataFrame(
        {
            "family": np.arange(len(families.group)),
            "mother": families.mother,
            "father": _nobody(families.father),
            "mother_a_level": world.needs.a_level,
        }
    )
