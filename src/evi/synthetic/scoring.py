"""Score what the pipeline found against the truth of a synthetic district.

The caller brings the join between the two worlds (a table of keyed person codes and true persons), since only
the agency side can make it; everything here works on tables and reads no key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import polars as pl
import yaml


@dataclass(frozen=True)
class Score:
    """How right some links are, counted in pairs of records (halved where a pair belongs to two groups).

    Attributes:
        group: what is scored: "all", or a feed, or an ethnicity.
        records: records in it; pairs_true, pairs_found, pairs_right: pairs that should be, were, and rightly
            were linked.
    """

    group: str
    records: int
    pairs_true: float
    pairs_found: float
    pairs_right: float

    @property
    def precision(self) -> float:
        """Share of linked pairs that are right (1 where none was linked)."""
        return self.pairs_right / self.pairs_found if self.pairs_found else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that were linked (1 where there is none)."""
        return self.pairs_right / self.pairs_true if self.pairs_true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def score_links(truth: pl.DataFrame, found: pl.DataFrame, people: pl.DataFrame | None = None) -> list[Score]:
    """Score clusters of records: overall, by feed, and by true ethnicity if `people` is given.

    Args:
        truth: feed, person (the code that the spine uses), true_person.
        found: feed, person, subject_id (`spine/people.parquet`).
        people: person, ethnicity (`truth/people.parquet`).

    A pair is right if both records belong to one true person and to one subject. Records of `truth` that the
    spine lacks count as linked to nothing; records of the spine without truth are left out.
    """
    rows = truth.join(found.select("feed", "person", "subject_id"), on=["feed", "person"], how="left")
    rows = rows.with_row_index("row").with_columns(
        subject=pl.coalesce(pl.col("subject_id"), -pl.col("row").cast(pl.Int64) - 1)
    )
    rows = rows.with_columns(
        half_true=(pl.len().over("true_person") - 1) / 2,
        half_found=(pl.len().over("subject") - 1) / 2,
        half_right=(pl.len().over("true_person", "subject") - 1) / 2,
    )
    scores = _scores(rows.with_columns(group=pl.lit("all")))
    scores += _scores(rows.with_columns(group=pl.col("feed")))
    if people is not None:
        named = people.select(true_person="person", group="ethnicity")
        scores += _scores(rows.join(named, on="true_person", how="inner"))
    return scores


def _scores(rows: pl.DataFrame) -> list[Score]:
    table = rows.group_by("group").agg(
        pl.len(), pl.col("half_true").sum(), pl.col("half_found").sum(), pl.col("half_right").sum()
    )
    return [Score(str(row[0]), *row[1:]) for row in table.sort("group").iter_rows()]


def subject_of(truth: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """true_person, subject_id: each subject given to the true person that most of its records belong to."""
    rows = truth.join(found.select("feed", "person", "subject_id"), on=["feed", "person"], how="inner")
    counted = (
        rows.group_by("subject_id", "true_person")
        .len()
        .sort("len", "subject_id", "true_person", descending=[True, False, False])
    )
    return counted.unique("subject_id", keep="first", maintain_order=True).select("true_person", "subject_id")


def score_mothers(
    named: pl.DataFrame, relations: pl.DataFrame, people: pl.DataFrame, born_here: pl.Series | None = None
) -> Score:
    """Score mother-child relations.

    Args:
        named: true_person, subject_id (from `subject_of`).
        relations: subject_id, relation, other_id (`spine/relations.parquet`).
        people: person, kind, mother (`truth/people.parquet`).
        born_here: true persons of whom a delivered birth record tells; only births of these can be known.
            Without it every child here whose mother is here counts, born here or not.
    """
    mothers = relations.filter(pl.col("relation") == "mother").select("subject_id", "other_id").unique()
    both = mothers.join(named, on="subject_id").join(
        named.rename({"true_person": "claimed", "subject_id": "other_id"}), on="other_id"
    )
    told = people.select(true_person="person", mother="mother")
    right = both.join(told, on="true_person").filter(pl.col("claimed") == pl.col("mother"))
    here = named["true_person"].unique()
    if born_here is not None:
        here = here.filter(here.is_in(born_here.unique().to_list()))
    children = people.filter(
        (pl.col("kind") == "child") & pl.col("person").is_in(here) & pl.col("mother").is_in(here)
    )
    pairs = right.select("true_person", "claimed").unique().height
    return Score("mother", children.height, children.height, both.height, pairs)


def score_households(named: pl.DataFrame, households: pl.DataFrame, homes: pl.DataFrame, when: Any) -> Score:
    """Score who lives with whom on a date, in pairs of people.

    Args:
        named: true_person, subject_id (from `subject_of`).
        households: subject_id, household_id, start, end (`spine/households.parquet`).
        homes: person, uprn, start, end (`truth/homes.parquet`).
        when: the date.
    """
    on = (pl.col("start") <= when) & (pl.col("end").is_null() | (pl.col("end") > when))
    found = households.filter(on).join(named, on="subject_id").select("true_person", "household_id")
    found = found.unique("true_person", keep="first", maintain_order=True)
    told = (
        homes.filter(on)
        .select(true_person="person", uprn="uprn")
        .unique("true_person", keep="first", maintain_order=True)
    )
    rows = found.join(told, on="true_person").with_columns(
        group=pl.lit("household"),
        half_true=(pl.len().over("uprn") - 1) / 2,
        half_found=(pl.len().over("household_id") - 1) / 2,
        half_right=(pl.len().over("uprn", "household_id") - 1) / 2,
    )
    return _scores(rows)[0] if rows.height else Score("household", 0, 0.0, 0.0, 0.0)


@cache
def signs() -> dict[str, tuple[str, ...]]:
    """For each latent need, the event codes (beginnings) that would show it, from `data/signs.yaml`."""
    text = resources.files("evi.synthetic").joinpath("data/signs.yaml").read_text(encoding="utf-8")
    return {name: tuple(codes) for name, codes in yaml.safe_load(text)["signs"].items()}


def score_needs(
    needs: pl.DataFrame, named: pl.DataFrame, seen: pl.DataFrame, by: dict[str, tuple[str, ...]] | None = None
) -> pl.DataFrame:
    """Share of the children with each latent need for whom something recorded shows it.

    Args:
        needs: person, need (`truth/needs.parquet`); children only.
        named: true_person, subject_id (from `subject_of`).
        seen: subject_id, sign: event codes (or indicator ids) about each child, its household's included.
        by: beginnings of the signs of each need; `signs()` unless given.

    Returns:
        need, children (with the need), in_spine, found, share (found of children), sorted by need.
    """
    rows = []
    for need, starts in sorted((by or signs()).items()):
        having = needs.filter(pl.col("need") == need).select(true_person="person").unique()
        present = having.join(named, on="true_person")
        match = pl.any_horizontal([pl.col("sign").str.starts_with(start) for start in starts])
        hits = present.join(seen.filter(match).select("subject_id").unique(), on="subject_id")[
            "true_person"
        ].n_unique()
        total = having.height
        rows.append((need, total, present["true_person"].n_unique(), hits, hits / total if total else 0.0))
    names = ["need", "children", "in_spine", "found", "share"]
    return pl.DataFrame(rows, schema=names, orient="row")
