"""What a rule is judged against, in layers that answer different questions.

- `recorded`: a service has recorded the condition by the day. Who is like those already found? A rule that
  imitates past recognition does well here, and children nobody has looked at count as not having it.
- `recorded_within`: recorded in the k years after the day, of those not recorded on it. Whom would the
  services have found anyway, and how much sooner would the rule have?
- `unrecognised`: has it, is neither diagnosed nor waiting, and no service has recorded it under any of the
  child's records, linked or not. Whom does nobody know of? This is what
  case-finding is for; only a made-up district can say, so it is read from `truth/` and for scoring only.
- `any`: has it, whether or not anybody knows.

Sensitivity against `recorded` flatters: whoever was recognised was often recognised because of the same low
scores that a rule reads, while children who have it and were never looked at are counted as not having it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal, get_args

import polars as pl
import pyarrow as pa

from evi.casefinding.conditions import Condition, condition_named
from evi.casefinding.known import Known
from evi.encoding import Coder, Keys
from evi.records import reference_day
from evi.workspace import District, EviError

Layer = Literal["recorded", "recorded_within", "unrecognised", "any"]
TRUTH = ("links", "people", "needs", "recognition", "families")
"""Tables of the truth that are read here."""
QUESTIONS: dict[Layer, str] = {
    "recorded": "a service has recorded it by the day: who is like those already found?",
    "recorded_within": "recorded in the years after the day: who would have been found anyway?",
    "unrecognised": "has it, and nobody has diagnosed or referred: whom does nobody know of?",
    "any": "has it, known or not",
}
"""The question that each layer answers."""


def truth_table(
    district: District,
    condition: str,
    day: date,
    *,
    years: int | None = None,
    people: pl.DataFrame | None = None,
    links: pl.DataFrame | None = None,
    told: bool = True,
) -> pl.DataFrame:
    """Every child on `day`, and what each layer says of it.

    Args:
        years: also who is recorded within so many years after the day.
        people: feed, person, subject_id of one draw of the spine.
        links: what `coded_links` gives, if it is at hand, since coding takes a while.
        told: whether to read the truth of a made-up district; without it, only what services recorded.

    Returns:
        subject_id; recorded (bool); recorded_within (bool, null without `years`); and, in a made-up district
        (null elsewhere, and for a child whom the truth doesn't know): need, diagnosed, waiting, unrecognised
        (bool), true_person, true_family (i64), mother_a_level (bool). One row a child, sorted.

    Raises:
        EviError: nobody can say who has the condition, or the records end before `years` are over.
    """
    sought = condition_named(condition)
    known = _recorded(district, sought, day, people)
    if years is None:
        known = known.with_columns(recorded_within=pl.lit(None, pl.Boolean))
    else:
        end = _years_after(district, day, years)
        later = _recorded(district, sought, end, people).filter("recorded").select("subject_id")
        known = known.with_columns(
            recorded_within=~pl.col("recorded") & pl.col("subject_id").is_in(later["subject_id"].to_list())
        )
    truth = _NO_TRUTH
    if told and sought.need and has_truth(district):
        truth = _truth(district, sought, day, true_owners(district, people, links), known)
    return known.join(truth, on="subject_id", how="left").sort("subject_id")


def outcome_of(table: pl.DataFrame, layer: Layer) -> pl.DataFrame:
    """subject_id and outcome of one layer, of those about whom it says something.

    In the layers of what is not yet known (`recorded_within`, `unrecognised`) children who are recorded or on
    a pathway on the day are left out, since no rule is asked about them.

    Raises:
        EviError: there is no such layer, or nothing is known in it.
    """
    if layer not in get_args(Layer):
        raise EviError(
            f"there is no layer “{layer}”.", do=f"Choose {', '.join(get_args(Layer))}.", exit_code=2
        )
    column = "need" if layer == "any" else layer
    rows = table.filter(pl.col(column).is_not_null())
    if layer == "recorded_within":
        rows = rows.filter(~pl.col("recorded"))
    if layer == "unrecognised":
        rows = rows.filter(~pl.col("diagnosed") & ~pl.col("waiting") & ~pl.col("recorded"))
    if rows.is_empty():
        raise EviError(
            "nothing is known here of that layer.",
            where=layer,
            do="Only a district made with `evi new --synthetic` knows who has an unrecognised need.",
            exit_code=2,
        )
    return rows.select("subject_id", outcome=column)


def _years_after(district: District, day: date, years: int) -> date:
    leap = (day.month, day.day) == (2, 29)
    end = date(day.year + years, day.month, 28 if leap else day.day)
    newest = reference_day(district)
    if years < 1 or end > newest:
        raise EviError(
            f"the records end on {newest}, before {years} years after {day} are over.",
            where="--years",
            do=f"Ask about a day before {newest.year - max(years, 1)}, or fewer years.",
            exit_code=2,
        )
    return end


def _recorded(district: District, sought: Condition, day: date, people: pl.DataFrame | None) -> pl.DataFrame:
    """subject_id and recorded, of every child born by the day."""
    with Known(district, day, sought.recorded, people) as known:
        children = known.frame(
            f"""WITH said AS (SELECT DISTINCT subject_id FROM {known.events(sought.recorded)})
            SELECT DISTINCT b.subject_id, s.subject_id IS NOT NULL AS recorded
            FROM born b LEFT JOIN said s USING (subject_id)
            WHERE b.kind = 'child' AND b.birth_month <= DATE '{day}'"""
        )
    return children if people is None else children.join(people, on="subject_id", how="semi")


def has_truth(district: District) -> bool:
    """Whether the district is a made-up one that says who has what."""
    return all((district.truth / f"{name}.parquet").is_file() for name in TRUTH)


def _truth(
    district: District, sought: Condition, day: date, owner: pl.DataFrame, known: pl.DataFrame
) -> pl.DataFrame:
    files = {name: district.truth / f"{name}.parquet" for name in TRUTH}
    needs = pl.read_parquet(files["needs"]).filter(
        (pl.col("need") == sought.need)
        & (pl.col("onset") <= day)
        & (pl.col("end").is_null() | (pl.col("end") > day))
    )
    told = pl.read_parquet(files["people"]).select(true_person="person", true_family="family")
    families = pl.read_parquet(files["families"]).select(
        true_family="family", mother_a_level="mother_a_level"
    )
    found = (
        owner.join(told, on="true_person", how="left")
        .join(families, on="true_family", how="left")
        .with_columns(need=pl.col("true_person").is_in(needs["person"].unique().to_list()))
    )
    if sought.recognition:
        states = _states(files["recognition"], sought.id, day)
        found = found.join(states, on="true_person", how="left")
    else:
        found = found.join(known.select("subject_id", "recorded"), on="subject_id", how="left")
        found = found.rename({"recorded": "assessed"}).with_columns(waiting=pl.lit(False))
    found = found.with_columns(
        diagnosed=pl.col("need") & pl.col("assessed").fill_null(False),
        waiting=pl.col("waiting").fill_null(False),
    )
    said = found.join(known.filter("recorded"), on="subject_id", how="semi")["true_person"].unique()
    known_of = pl.col("diagnosed") | pl.col("waiting") | pl.col("true_person").is_in(said.to_list())
    return found.with_columns(unrecognised=pl.col("need") & ~known_of).select(_NO_TRUTH.columns)


_NO_TRUTH = pl.DataFrame(
    schema={
        "subject_id": pl.Int64, "need": pl.Boolean, "diagnosed": pl.Boolean, "waiting": pl.Boolean,
        "unrecognised": pl.Boolean, "true_person": pl.Int64, "true_family": pl.Int64,
        "mother_a_level": pl.Boolean,
    }
)  # fmt: skip


def _states(path: Path, condition: str, day: date) -> pl.DataFrame:
    """true_person, assessed and waiting on the day: referred, not assessed, and not taken off the list."""
    rows = pl.read_parquet(path).filter(pl.col("condition") == condition)
    gone = pl.col("removed").is_not_null() & (pl.col("removed") <= day)
    return rows.select(
        pl.col("person").alias("true_person"),
        (pl.col("assessed") <= day).fill_null(False).alias("assessed"),
        waiting=(pl.col("referred") <= day).fill_null(False)
        & ~(pl.col("assessed") <= day).fill_null(False)
        & ~gone,
    )


def true_owners(
    district: District, people: pl.DataFrame | None = None, links: pl.DataFrame | None = None
) -> pl.DataFrame:
    """subject_id and true_person: each subject is the true person that most of its records belong to.

    Needs the district's key, since only that side can say which code is whose.

    Args:
        people: feed, person, subject_id of one draw; the spine's unless given.
    """
    if people is None:
        people = pl.read_parquet(district.spine / "people.parquet")
    links = coded_links(district) if links is None else links
    counted = (
        links.join(people.select("feed", "person", "subject_id"), on=["feed", "person"])
        .group_by("subject_id", "true_person")
        .len()
        .sort("len", "subject_id", "true_person", descending=[True, False, False])
    )
    return counted.unique("subject_id", keep="first", maintain_order=True).select("subject_id", "true_person")


def coded_links(district: District) -> pl.DataFrame:
    """feed, person (code, as in the spine) and true_person of every record of a made-up district."""
    coder = Coder(Keys.from_environment(district))
    parts = []
    links = pl.read_parquet(district.truth / "links.parquet").sort("feed")
    for (feed,), rows in links.group_by("feed", maintain_order=True):
        codes = coder.opaque(f"person/{feed}", pa.array(rows["local_id"].to_list(), pa.string()))
        parts.append(
            rows.select("feed", true_person="person").with_columns(person=pl.Series(codes.to_pylist()))
        )
    return pl.concat(parts)


def people_in_feeds(district: District, links: pl.DataFrame, feeds: Sequence[str]) -> pl.Series:
    """True persons of whom some of these feeds delivered a record."""
    delivered = pl.read_parquet(district.spine / "people.parquet").filter(pl.col("feed").is_in(list(feeds)))
    return links.join(delivered, on=["feed", "person"], how="semi")["true_person"].unique()
