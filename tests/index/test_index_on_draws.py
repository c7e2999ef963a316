"""The index on draws, against the whole way from records to index with the draw in the spine's place."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from evi.encoding import Keys, encode, write_new_key
from evi.index import index_at, read_catalogue
from evi.index.on_draws import counted_on, index_draws
from evi.indicators import evaluate_at, refresh_spans
from evi.linkage import link
from evi.records import load
from evi.synthetic import make_district
from evi.workspace import District, EviError

DAY = date(2026, 8, 31)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> District:
    folder = tmp_path_factory.mktemp("on_draws") / "d"
    make_district(folder, 500, 4)
    district = District.open(folder)
    write_new_key(district.key_file)
    encode(district, Keys.from_environment(district))
    link(district)
    load(district)
    refresh_spans(district)
    index_at(district, DAY)
    return district


def of_district(table: pl.DataFrame) -> dict[str, list[int]]:
    """The values of each figure of the whole district."""
    rows = table.filter(pl.col("scope") == "district").select("figure", "values").rows()
    return dict(rows)


def needs_with(district: District, spine: pl.DataFrame, folder: Path) -> dict[str, int]:
    """How many children have each need if these are the spine's people: all loaded and evaluated anew."""
    shutil.copytree(district.root, folder, ignore=shutil.ignore_patterns("records", "index"))
    other = District.open(folder)
    spine.write_parquet(other.spine / "people.parquet")
    load(other)
    there = set(spine["subject_id"].to_list())
    states = evaluate_at(other, DAY)
    who = [subject in there for subject in states.subject_ids.tolist()]
    return {name: int((states.matrix[who, place] == 2).sum()) for place, name in enumerate(states.indicators)}


def test_draws_that_move_nothing_give_the_index(made: District) -> None:
    nothing = pl.DataFrame(
        schema={"draw": pl.Int32, "feed": pl.String, "person": pl.Int64, "subject_id": pl.Int64}
    )
    table = counted_on(made, DAY, nothing, 3)
    assert (table["sd"] == 0).all() and (table["mean"] == table["spine"]).all()
    children = pl.read_parquet(made.index / f"at-{DAY}" / "children.parquet")
    counts = of_district(table)
    assert counts["children"] == [children.height] * 3
    assert counts["any"] == [children.filter(pl.col("n_present") > 0).height] * 3
    lsoas = table.filter(pl.col("scope") == "lsoa", pl.col("figure") == "children")
    assert lsoas["spine"].sum() == children["lsoa"].drop_nulls().len()


@pytest.fixture(scope="module")
def moved(made: District) -> pl.DataFrame:
    """Two draws: records of A&E, police and social care go to other people, of whatever age."""
    people = pl.read_parquet(made.spine / "people.parquet")
    subjects = people["subject_id"].unique().sort().to_list()
    once = people.filter(pl.struct("feed", "subject_id").is_unique())
    stay = people.filter(~pl.col("feed").is_in(["ae", "police", "ssd", "cin"])).select("subject_id")
    some = once.join(stay, on="subject_id", how="semi")  # nobody loses all that they are made of
    some = some.filter(pl.col("feed").is_in(["ae", "police", "ssd", "cin"])).sort("feed", "person")
    draws = []
    for number in (0, 1):
        taken = people.select("feed", to="subject_id")
        of_draw = some.gather_every(2, offset=number)
        to = pl.Series("to", [subjects[(7 * i + number) % len(subjects)] for i in range(of_draw.height)])
        of_draw = of_draw.with_columns(to).join(taken, on=["feed", "to"], how="anti")
        of_draw = of_draw.unique(["feed", "to"], keep="first", maintain_order=True)
        draws.append(
            of_draw.select(pl.lit(number).cast(pl.Int32).alias("draw"), "feed", "person", subject_id="to")
        )
    return pl.concat(draws)


def test_records_that_change_hands_are_counted_as_if_everything_were_done_again(
    made: District, moved: pl.DataFrame, tmp_path: Path
) -> None:
    table = counted_on(made, DAY, moved, 2)
    counted = of_district(table)
    people = pl.read_parquet(made.spine / "people.parquet")
    one = moved.filter(pl.col("draw") == 1).select("feed", "person", to="subject_id")
    spine = people.join(one, on=["feed", "person"], how="left")
    spine = spine.with_columns(subject_id=pl.coalesce("to", "subject_id")).drop("to")
    own = {entry.id for entry in read_catalogue(made).own}
    true = {name: n for name, n in needs_with(made, spine, tmp_path / "d").items() if name in own}
    assert {name: counted.get(name, [0, 0])[1] for name in true} == true
    before = dict(table.filter(pl.col("kind") == "indicator").select("figure", "spine").rows())
    assert any(true[name] != before.get(name, 0) for name in true)


def test_draws_are_counted_and_written(made: District, moved: pl.DataFrame) -> None:
    with pytest.raises(EviError, match="no draws"):
        index_draws(made, DAY)
    folder = made.root / "draws"
    folder.mkdir()
    moved.write_parquet(folder / "people.parquet")
    pl.DataFrame({"values": [[0, 0]]}).write_parquet(folder / "figures.parquet")
    index_draws(made, DAY)
    table = pl.read_parquet(folder / "index.parquet")
    assert table["values"].list.len().unique().to_list() == [2]
    assert (table["low"] <= table["high"]).all() and (table["values"].list.min() >= 0).all()
    whole = table.filter(pl.col("scope") == "district", pl.col("figure") == "any")["values"][0]
    wards = table.filter(pl.col("scope") == "ward", pl.col("figure") == "any")["values"]
    assert all(0 < sum(ward[n] for ward in wards) <= whole[n] for n in (0, 1))  # some have no home
    with pytest.raises(EviError, match="no index of that day"):
        index_draws(made, date(2020, 1, 1))
