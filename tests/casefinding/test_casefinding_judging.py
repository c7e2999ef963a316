"""Judging end to end, on a small store whose truth and draws are written by hand."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from evi.casefinding.finding import find
from evi.casefinding.groups import By
from evi.casefinding.judged_text import printable
from evi.casefinding.judgement import Judgement
from evi.casefinding.judging import judge
from evi.casefinding.truth import outcome_of, truth_table
from evi.cli.app import app, load_verbs
from evi.encoding import Coder, Keys, write_new_key
from evi.workspace import District, EviError
from tests.casefinding.stores import DAY, Fact, profile, write_store

RULE = "autism-eyfsp-2012"
NEED_LOW, NEED_HIGH, DIAGNOSED, WAITING, NOT_FOUND, LOW, HIGH, PIECES = 30, 12, 15, 5, 8, 60, 300, 40
"""Children: with a need nobody knows of and a low or high profile; diagnosed, waiting; assessed of late and
autism not found; without a need, low and high; and second pieces of the last, with no profile."""


def ranges() -> dict[str, range]:
    made, start = {}, 1
    sizes = {
        "need_low": NEED_LOW, "need_high": NEED_HIGH, "diagnosed": DIAGNOSED, "waiting": WAITING,
        "not_found": NOT_FOUND, "low": LOW, "high": HIGH, "pieces": PIECES,
    }  # fmt: skip
    for name, size in sizes.items():
        made[name] = range(start, start + size)
        start += size
    return made


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    """A store, its spine, its truth and three draws. A piece is a record of the GP that is not joined; the
    first draw leaves all pieces apart, the second joins half of them, the third all."""
    root = tmp_path_factory.mktemp("judged")
    who = ranges()
    facts: list[Fact] = []
    for name, value in (
        ("need_low", 1),
        ("need_high", 3),
        ("diagnosed", 1),
        ("waiting", 1),
        ("not_found", 1),
        ("low", 1),
        ("high", 3),
    ):
        for child in who[name]:
            facts += profile(child, "2012", value)
    facts += [Fact(child, "HEALTH/AUTISM/DIAGNOSIS", date(2024, 1, 5)) for child in who["diagnosed"]]
    facts += [Fact(child, "HEALTH/AUTISM/NOT_DIAGNOSED", date(2024, 2, 5)) for child in who["not_found"]]
    facts += [Fact(child, "HEALTH/AUTISM/REFERRAL", date(2024, 5, 5)) for child in who["waiting"]]
    district = write_store(
        root, facts, births={child: date(2018, 3, 1) for some in who.values() for child in some}
    )
    write_new_key(district.key_file)
    write_people(district, who)
    write_truth(district, who)
    return district


@pytest.fixture(scope="module")
def told(district: District) -> Judgement:
    """The rule against every layer of the truth."""
    return judge(district, RULE, DAY, truth=True, by=("sex",), beside="gld-2012")


def owner_of(child: int, who: dict[str, range]) -> int:
    """The true person of a subject: a piece belongs to a child with a high profile."""
    return who["high"][child - who["pieces"].start] if child in who["pieces"] else child


def write_people(district: District, who: dict[str, range]) -> None:
    coder = Coder(Keys.from_environment(district))
    rows = []
    for name, some in who.items():
        feed = "gp" if name == "pieces" else "eyfsp"
        codes = coder.opaque(
            f"person/{feed}", pa.array([f"L{child}" for child in some], pa.string())
        ).to_pylist()
        rows += [(feed, code, child, 0.99) for code, child in zip(codes, some, strict=True)]
    columns = {"feed": pl.String, "person": pl.Int64, "subject_id": pl.Int64, "probability": pl.Float64}
    people = pl.DataFrame(rows, schema=columns, orient="row")
    district.spine.mkdir(parents=True)
    people.write_parquet(district.spine / "people.parquet")
    pieces = people.filter(pl.col("feed") == "gp").select("feed", "person", "subject_id")
    joined = pieces.with_columns(subject_id=pl.col("subject_id") - who["pieces"].start + who["high"].start)
    (district.root / "draws").mkdir()
    pl.concat(
        [
            joined.head(PIECES // 2).select(
                pl.lit(1, pl.Int32).alias("draw"), "feed", "person", "subject_id"
            ),
            joined.select(pl.lit(2, pl.Int32).alias("draw"), "feed", "person", "subject_id"),
        ]
    ).write_parquet(district.root / "draws" / "people.parquet")
    figures = pl.DataFrame({"figure": ["people"], "values": [[3, 2, 1]]})
    figures.write_parquet(district.root / "draws" / "figures.parquet")


def write_truth(district: District, who: dict[str, range]) -> None:
    district.truth.mkdir()
    links = [
        ("gp" if name == "pieces" else "eyfsp", f"L{child}", owner_of(child, who))
        for name, some in who.items()
        for child in some
    ]
    needs = [child for name in ("need_low", "need_high", "diagnosed", "waiting") for child in who[name]]
    everyone = [child for name, some in who.items() if name != "pieces" for child in some]
    born = date(2018, 3, 1)
    tables = {
        "links": pl.DataFrame(links, schema=["feed", "local_id", "person"], orient="row"),
        "needs": pl.DataFrame(
            {"person": needs, "need": "autism", "onset": born},
        ).with_columns(end=pl.lit(None, pl.Date)),
        "people": pl.DataFrame({"person": everyone, "family": everyone}),
        "families": pl.DataFrame({"family": everyone, "mother_a_level": [n % 2 == 0 for n in everyone]}),
        "recognition": pl.DataFrame(
            [(child, "autism", date(2023, 10, 1), date(2024, 1, 5), None) for child in who["diagnosed"]]
            + [(child, "autism", date(2024, 5, 5), None, None) for child in who["waiting"]],
            schema={
                "person": pl.Int64, "condition": pl.String, "referred": pl.Date, "assessed": pl.Date,
                "removed": pl.Date,
            },
            orient="row",
        ),
    }  # fmt: skip
    for name, table in tables.items():
        table.write_parquet(district.truth / f"{name}.parquet")


def test_layers_of_truth_say_different_things(district: District) -> None:
    table = truth_table(district, "autism", DAY)
    assert table["recorded"].sum() == DIAGNOSED
    assert table["need"].sum() == NEED_LOW + NEED_HIGH + DIAGNOSED + WAITING
    assert table["unrecognised"].sum() == NEED_LOW + NEED_HIGH
    unknown = outcome_of(table, "unrecognised")
    assert unknown["outcome"].sum() == NEED_LOW + NEED_HIGH
    assert unknown.height == table.height - DIAGNOSED - WAITING
    before = truth_table(district, "autism", date(2024, 1, 1))
    assert before["unrecognised"].sum() == NEED_LOW + NEED_HIGH + WAITING  # not yet referred
    assert before["recorded"].sum() == 0


def test_the_figures_are_those_of_the_children_who_were_written(told: Judgement) -> None:
    found = told
    layers = {each.layer: each for each in found.layers}
    unknown = layers["unrecognised"].performance.counts
    assert (unknown.tp, unknown.fp, unknown.fn, unknown.tn) == (NEED_LOW, LOW, NEED_HIGH, HIGH)
    recorded = layers["recorded"].performance.counts
    assert (recorded.tp, recorded.fn) == (DIAGNOSED, 0)
    assert recorded.fp == NEED_LOW + WAITING + NOT_FOUND + LOW
    assert found.reach is not None
    assert (found.reach.people, found.reach.flagged) == (NEED_LOW + NEED_HIGH, NEED_LOW)
    assert layers["unrecognised"].beside is not None
    assert layers["unrecognised"].beside.name == "gld-2012"
    assert layers["unrecognised"].curves[RULE].thresholds.tolist() == [17.0, 51.0]


def test_who_is_recorded_later_is_judged_from_what_was_known_before(district: District) -> None:
    found = judge(district, RULE, date(2023, 8, 31), years=1, by=(), layers=("recorded_within",), beside=None)
    counts = found.layers[0].performance.counts
    assert (counts.tp, counts.fn) == (DIAGNOSED, 0)
    assert counts.fp == NEED_LOW + WAITING + NOT_FOUND + LOW
    early = truth_table(district, "autism", date(2022, 8, 31), years=1)
    assert early["recorded_within"].sum() == 0


def test_the_audit_of_recognition_is_among_those_with_the_need_where_that_is_known(
    told: Judgement, district: District
) -> None:
    assert {gap.by for gap in told.gaps} == {"mother_a_level"}  # the store has one of every other group
    assert sum(gap.children for gap in told.gaps) < NEED_LOW + NEED_HIGH + DIAGNOSED + WAITING
    assert "have the need" in told.gaps_among
    assert judge(district, RULE, DAY, by=(), beside=None).gaps_among == "all children with a score"


def test_sensitivity_against_recorded_diagnosis_flatters(told: Judgement) -> None:
    """All who were recognised scored low; of those who were not, nearly a third did not."""
    found = {each.layer: each.performance for each in told.layers}
    assert found["recorded"].sensitivity.value == 1
    assert found["unrecognised"].sensitivity.value == pytest.approx(NEED_LOW / (NEED_LOW + NEED_HIGH))


@pytest.mark.parametrize("by", ["sex", "school"])
def test_pieces_are_counted_as_not_known_and_draws_join_them(district: District, by: By) -> None:
    found = judge(district, RULE, DAY, truth=True, by=(by,), draws=3, beside=None)
    table = next(each for each in found.groups if each.layer == "unrecognised")
    (everyone,) = table.assessable  # all are girls, and no school is known
    children = sum(len(some) for some in ranges().values())
    assert (everyone.children, everyone.lost, everyone.unjoined) == (children, PIECES, PIECES)
    assert everyone.drawn is not None
    shares = [PIECES / children, PIECES / 2 / (children - PIECES / 2), 0]
    assert everyone.drawn.interval.value == pytest.approx(sum(shares) / 3)
    assert (everyone.drawn.low, everyone.drawn.high) == pytest.approx((0, PIECES / children))
    assert everyone.drawn.from_links > 0.5
    layer = next(each for each in found.layers if each.layer == "unrecognised")
    assert layer.linked["sensitivity"].interval.value == pytest.approx(layer.performance.sensitivity.value)


def test_without_truth_nothing_of_it_is_read(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keys, "from_environment", None)  # reading the truth needs the key
    found = judge(district, RULE, DAY, by=("sex",), beside=None)
    assert [each.layer for each in found.layers] == ["recorded"]
    assert found.reach is None
    assert all(each.unjoined is None for table in found.groups for each in table.assessable)
    assert any("Mother's education" in note for note in found.notes)


def test_what_is_asked_for_and_cannot_be_had_is_refused(district: District) -> None:
    with pytest.raises(EviError, match="draws"):
        judge(district, RULE, DAY, draws=50)
    with pytest.raises(EviError, match="no layer"):
        judge(district, RULE, DAY, truth=True, layers=("sideways",))  # type: ignore[arg-type]
    with pytest.raises(EviError, match="records end"):
        judge(district, RULE, DAY, years=2)
    with pytest.raises(EviError, match="nothing is known"):
        judge(district, RULE, DAY, layers=("unrecognised",))


def test_old_draws_are_refused(district: District) -> None:
    path = district.root / "draws" / "figures.parquet"
    now = path.stat().st_mtime
    os.utime(path, (1, 1))
    try:
        with pytest.raises(EviError, match="older spine"):
            judge(district, RULE, DAY, draws=2)
    finally:
        os.utime(path, (now, now))


def test_the_command_prints_and_writes_the_same(district: District, tmp_path: Path) -> None:
    load_verbs("casefind")
    file = tmp_path / "judged.json"
    asked = [
        "casefind",
        "judge",
        RULE,
        "--district",
        str(district.root),
        "--date",
        str(DAY),
        "--beside",
        "none",
    ]
    result = CliRunner().invoke(app, [*asked, "--truth", "--by", "sex", "--out", str(file)])
    assert result.exit_code == 0, result.output
    for words in ("chance", "missed", "flatter a rule", "can't be assessed", "nobody has diagnosed"):
        assert words in " ".join(result.output.split()), words
    document = json.loads(file.read_text())
    found = judge(
        district, RULE, DAY, truth=True, by=("sex",), beside=None, layers=("unrecognised", "recorded")
    )
    assert document == json.loads(json.dumps(printable(found)))
    assert document["layers"][0]["rule"]["sensitivity"]["value"] == 0.71
    bad = CliRunner().invoke(app, [*asked, "--by", "shoe size"])
    assert bad.exit_code == 2


def test_findings_are_left_as_they_are(district: District) -> None:
    before = find(district, RULE, DAY).table
    judge(district, RULE, DAY, truth=True, draws=2, by=(), beside=None)
    assert find(district, RULE, DAY).table.equals(before)
