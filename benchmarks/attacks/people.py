"""The people who are attacked, the files that the attacker holds, and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from evi.encoding import normalise

ROLES = ("forename", "surname", "date_of_birth", "sex", "postcode")
PUBLIC_NAMES = 3_000


@dataclass(frozen=True)
class Population:
    """One data set as the two files of a linkage.

    Attributes:
        name: what it is called in the tables.
        hub: the file that is encoded: `person`, the roles, and `group` (a community of names, where known).
        other: another file about the same and other people, with its own slips.
    """

    name: str
    hub: pl.DataFrame
    other: pl.DataFrame


@dataclass(frozen=True)
class Scene:
    """What is attacked, and what each attacker holds.

    Attributes:
        target: the people whose codes the attacker sees.
        held: by attacker, the people that they hold in clear (of "public", names and sex alone).
    """

    target: pl.DataFrame
    held: dict[str, pl.DataFrame]


def columns_of(people: pl.DataFrame) -> dict[str, pa.Array]:
    """The roles of a table of people as Arrow columns."""
    return {role: people[role].cast(pl.String).to_arrow().cast(pa.string()) for role in ROLES}


def plain_names(people: pl.DataFrame, role: str) -> list[str | None]:
    """The value that a code of `forename` or `surname` stands for."""
    made: list[str | None] = []
    for value in people[role].to_list():
        parts = normalise.name_parts(value) if value else []
        whole = parts[0] if parts and role == "forename" else normalise.letters_of(parts)
        made.append(whole or None)
    return made


def ons(opendata: Path) -> Population:
    """The fictional census and patient register of the Office for National Statistics."""
    frames = []
    for name in ("ons_census", "ons_cis"):
        raw = pl.read_parquet(opendata / "linkage" / f"{name}.parquet")
        born = [pl.col(f"dob_{part}").str.zfill(2) for part in ("year", "mon", "day")]
        frames.append(
            raw.select(
                person=pl.col("person_id"),
                forename=pl.col("pername1"),
                surname=pl.col("pername2"),
                date_of_birth=pl.concat_str(born, separator="-"),
                sex=pl.col("sex"),
                postcode=pl.col("enumpc"),
                group=pl.lit("all"),
            )
        )
    return Population("ONS", _cleaned(frames[0]), _cleaned(frames[1]))


def febrl(opendata: Path) -> Population:
    """FEBRL's third set: each original, and the first of its spoiled copies."""
    raw = pl.read_csv(opendata / "linkage" / "febrl3.csv", infer_schema=False)
    raw = raw.rename({name: name.strip() for name in raw.columns}).with_columns(pl.all().str.strip_chars())
    people = raw.select(
        person=pl.col("rec_id").str.split("-").list.get(1),
        kind=pl.col("rec_id").str.split("-").list.get(2),
        forename=pl.col("given_name"),
        surname=pl.col("surname"),
        date_of_birth=pl.col("date_of_birth"),
        sex=pl.lit(None, pl.String),
        postcode=pl.col("postcode"),
        group=pl.lit("all"),
    )
    originals = people.filter(pl.col("kind") == "org").drop("kind")
    copies = people.filter(pl.col("kind") == "dup").unique("person", keep="first", maintain_order=True)
    return Population("FEBRL", _cleaned(originals), _cleaned(copies.drop("kind")))


def synthetic(district: Path) -> Population:
    """The synthetic district: the GP register, and the people whom accident and emergency saw."""
    con = duckdb.connect()
    frames = []
    for feed, names, number, born in _FEEDS:
        frames.append(
            pl.from_arrow(
                con.sql(
                    f"""SELECT p.person::VARCHAR AS person, any_value(e.Forename) AS forename,
                    any_value(e.Surname) AS surname, any_value(e.{born})::VARCHAR AS date_of_birth,
                    any_value(p.sex) AS sex, any_value(e.Postcode) AS postcode,
                    any_value({_COMMUNITY}) AS "group"
                    FROM read_csv('{district}/extracts/{feed}/{names}*.csv', all_varchar=true) e
                    JOIN '{district}/truth/links.parquet' l
                      ON l.feed = '{feed}' AND l.local_id = e.{number}
                    JOIN '{district}/truth/people.parquet' p USING (person)
                    GROUP BY 1 ORDER BY 1"""
                ).to_arrow_table()
            )
        )
    return Population("district", *(_cleaned(frame) for frame in frames))


_FEEDS = (
    ("gp", "gp_patients", "PatientID", "DateOfBirth"),
    ("ae", "ae_attendances", "LocalPatientID", "PersonBirthDate"),
)
_COMMUNITY = """CASE WHEN p.ethnicity IN ('APKN', 'ABAN', 'AIND') THEN 'South Asian'
    WHEN p.ethnicity = 'WBRI' THEN 'white British' ELSE 'other' END"""


def _cleaned(people: pl.DataFrame) -> pl.DataFrame:
    """Blanks are nothing, and everybody stands once, in an order that tells nothing."""
    roles = [
        pl.when(pl.col(r).str.strip_chars() == "").then(None).otherwise(pl.col(r)).alias(r) for r in ROLES
    ]
    return people.with_columns(roles).unique("person", keep="first", maintain_order=True)


def cohort(population: Population) -> Population:
    """The people of the year of birth that most have."""
    year = pl.col("date_of_birth").str.slice(0, 4)
    most = population.hub.select(year.drop_nulls().mode().sort().first()).item()
    return Population(
        population.name, population.hub.filter(year == most), population.other.filter(year == most)
    )


def scene(
    population: Population,
    people: int,
    seed: int,
    *,
    shares: Sequence[float] = (0.2, 0.8, 1.0),
    public: int = PUBLIC_NAMES,
) -> Scene:
    """Draw the people who are attacked, and what the attackers hold.

    Args:
        people: how many are attacked; everyone of them stands in both files.
        public: names in the public list.
        shares: the shares of them that an attacker holds in clear; the rest of what they hold are others.
    """
    rng = np.random.default_rng(seed)
    hub, other = population.hub, population.other
    both = np.array(sorted(set(hub["person"]) & set(other["person"])))
    rng.shuffle(both)
    chosen, outside = both[:people], np.array(sorted(set(other["person"]) - set(both[:people])))
    rng.shuffle(outside)
    target = hub.filter(pl.col("person").is_in(chosen)).sample(fraction=1, shuffle=True, seed=seed)
    listed = other.filter(pl.col("person").is_in(outside[:public]))
    nothing = [pl.lit(None, pl.String).alias(role) for role in ("date_of_birth", "postcode")]
    held = {"public": listed.with_columns(nothing)}
    for share in shares:
        known = round(share * people)
        names = [*chosen[:known], *outside[-(people - known) :][: people - known]]
        mine = other.filter(pl.col("person").is_in(names))
        held[f"clear_{share:.0%}".rstrip("%")] = mine.sample(fraction=1, shuffle=True, seed=seed + 1)
    return Scene(target, held)
