"""`evi score-truth`: how right the whole pipeline was, on a district whose truth is known."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
import pyarrow as pa
import typer

from evi import encoding, records, synthetic
from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.truth_groups import table_of, true_rates
from evi.linkage.fairness import DIMENSIONS
from evi.workspace import District, EviError, quote


@app.command("score-truth")
def score_truth(
    district: DistrictOption = HERE,
    by: Annotated[
        list[str] | None,
        typer.Option(help=f"Missed and false matches by group instead: {', '.join(DIMENSIONS)}, or all."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what was linked and found with the truth of a synthetic district.

    Needs the district key, because only the agency side can say which code is whose.

    Example: `evi score-truth --district demo-district --by ethnicity`
    """
    with mistakes_explained(as_json=as_json):
        if by:
            _by_group(District.open(district), by, as_json=as_json)
            return
        scores = score(District.open(district))
        if as_json:
            show_json(scores)
            return
        for name, title in (
            ("links", "Records linked to the right person"),
            ("families", "Homes and families"),
            ("needs", "Children whose need something recorded shows"),
        ):
            show_table(title, scores[name])
            out.print()


def _by_group(district: District, by: list[str], *, as_json: bool) -> None:
    dimensions = DIMENSIONS if "all" in by else tuple(by)
    unknown = sorted(set(dimensions) - set(DIMENSIONS))
    if unknown:
        raise EviError(
            f"there is no grouping by {unknown[0]}.",
            where="--by",
            do=f"Choose from {', '.join(DIMENSIONS)}, or all.",
            exit_code=2,
        )
    known, _made = _tables(district)
    found = true_rates(district, _with_codes(known["links"], encoding.Keys.from_environment(district)))
    if as_json:
        show_json(found | {"groups": [one for one in found["groups"] if one["dimension"] in dimensions]})
        return
    for dimension in dimensions:
        show_table(f"Matches missed and false, by {dimension}", table_of(found, dimension))
        out.print()


def score(district: District) -> dict[str, list[dict[str, Any]]]:
    """Score links (overall, by feed, by ethnicity), homes and mothers, and needs found.

    Raises:
        EviError: the district has no truth, or has not been run.
    """
    known, made = _tables(district)
    keyed = _with_codes(known["links"], encoding.Keys.from_environment(district))
    named = synthetic.subject_of(keyed, made["people"])
    links = synthetic.score_links(keyed, made["people"], known["people"])
    day = records.reference_day(district)
    families = [
        synthetic.score_households(named, made["households"], known["homes"], day),
        synthetic.score_mothers(
            named, made["relations"], known["people"], _told_of_births(keyed, made["people"])
        ),
    ]
    children = known["people"].filter(pl.col("kind") == "child").select("person")
    needs = synthetic.score_needs(known["needs"].join(children, on="person"), named, _seen(district))
    return {
        "links": [_row(one) for one in links],
        "families": [_row(one) for one in families],
        "needs": needs.to_dicts(),
    }


def _told_of_births(keyed: pl.DataFrame, people: pl.DataFrame) -> pl.Series:
    """True persons in a delivered birth record: a child who moved in later has a mother whom nobody names."""
    births = keyed.filter(pl.col("feed") == "maternity")
    return births.join(people, on=["feed", "person"], how="semi")["true_person"]


def _tables(district: District) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """The tables of the truth and of the spine, by name."""
    truth = {name: district.truth / f"{name}.parquet" for name in ("links", "people", "homes", "needs")}
    spine = {name: district.spine / f"{name}.parquet" for name in ("people", "households", "relations")}
    for path, do in (
        *((path, "Only a district made with `evi new --synthetic` has one.") for path in truth.values()),
        *((path, "Run `evi run` first.") for path in spine.values()),
    ):
        if not path.is_file():
            raise EviError("there is no such file.", where=str(path), do=do, exit_code=2)
    known = {name: pl.read_parquet(path) for name, path in truth.items()}
    return known, {name: pl.read_parquet(path) for name, path in spine.items()}


def _with_codes(links: pl.DataFrame, keys: encoding.Keys) -> pl.DataFrame:
    """The truth's records under the codes that the spine knows them by."""
    coder = encoding.Coder(keys)
    parts = []
    for (feed,), rows in links.sort("feed").group_by("feed", maintain_order=True):
        codes = coder.opaque(f"person/{feed}", pa.array(rows["local_id"].to_list(), pa.string()))
        parts.append(
            rows.select("feed", true_person="person").with_columns(person=pl.Series(codes.to_pylist()))
        )
    return pl.concat(parts)


def _seen(district: District) -> pl.DataFrame:
    """subject_id, sign: the codes of the events about each child and about those in its home on the day."""
    starts = sorted({start for codes in synthetic.signs().values() for start in codes})
    shown = " OR ".join(f"starts_with(code, {quote(start)})" for start in starts)
    query = f"""
        WITH shown AS (SELECT subject_id, time::DATE AS day, code, place_id FROM events WHERE {shown}),
             homes AS (
               SELECT day, code, replace(place_id, 'home:', '')::BIGINT AS home
               FROM shown WHERE starts_with(place_id, 'home:')
               UNION ALL
               SELECT day, code, home FROM shown JOIN residence AS r USING (subject_id)
               WHERE place_id IS NULL AND r.start <= day AND (r."end" IS NULL OR day < r."end"))
        SELECT subject_id, code AS sign FROM shown
        UNION
        SELECT r.subject_id, code FROM homes JOIN residence AS r USING (home)
        WHERE r.start <= day AND (r."end" IS NULL OR day < r."end")"""
    con = records.open_records(district)
    try:
        return pl.DataFrame(con.sql(query).to_arrow_table()).sort("subject_id", "sign")
    finally:
        con.close()


def _row(score: synthetic.Score) -> dict[str, Any]:
    pairs = {name: round(getattr(score, name)) for name in ("pairs_true", "pairs_found", "pairs_right")}
    rates = {name: round(getattr(score, name), 4) for name in ("precision", "recall", "f1")}
    return {"group": score.group, "records": score.records} | pairs | rates
