"""Questions to spans: one day, many months, rates of places, reasons; and files whose bytes repeat."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evi.indicators import (
    SpanFiles,
    SpanIndex,
    build_spans,
    evaluate_at,
    prevalence_by_month,
    reasons,
    register_views,
    state_at,
)
from evi.indicators.expressions import Count, Facts, MissingBy, Rate, Ratio
from evi.indicators.reference import Covered, Event, World
from evi.indicators.registry import Needs, Registry, make_registry
from evi.workspace import EviError
from tests.indicators.worlds import indicator, write_world

CHILDREN = tuple(range(1, 41))
NOON = datetime.min.time()


def when(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), NOON)


def fact(child: int, code: str, day: str, value: float | None = None) -> Event:
    happened = when(day)
    return Event(child, happened, code, happened.date(), child, value, source="school")


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty children at two schools; a quarter of the first school's have the code A in March 2020."""
    folder = tmp_path_factory.mktemp("district")
    events = [fact(child, "A", "2020-03-05") for child in CHILDREN if child <= 20 and child % 4 == 0]
    events += [fact(child, "PART", "2020-02-01", 9.0) for child in (1, 2)]
    events += [fact(child, "WHOLE", "2020-02-01", 60.0) for child in CHILDREN]
    coverage = [
        Covered(c, "school", date(2019, 9, 1), date(2021, 9, 1), date(2019, 9, 1))
        for c in CHILDREN
        if c != 40
    ]
    births = {child: date(2014 if child % 2 else 2018, 1 + child % 12, 1) for child in CHILDREN}
    records = write_world(World(tuple(events), (), tuple(coverage), births, CHILDREN), folder / "records")
    schools = ["first" if child <= 20 else "second" for child in CHILDREN]
    pq.write_table(
        pa.table(
            {
                "subject_id": pa.array(CHILDREN, pa.int64()),
                "school": schools,
                "start": pa.array([date(2019, 9, 1)] * 40),
                "end": pa.array([None] * 40, pa.date32()),
            }
        ),
        records / "enrolment.parquet",
    )
    build_spans(records, registry=REGISTRY, out=folder / "index")
    return folder


def made() -> Registry:
    one = indicator(Count(Facts(("A",), 100)), id="one", reason="{count} of A ({feeds}, latest {latest})")
    share = indicator(
        Ratio(Facts(("PART",), 365), Facts(("WHOLE",), 365), 100, 50_000),
        id="share",
        reason="{share} of {total}",
    )
    gap = indicator(
        MissingBy(Facts(("B",)), 30),
        needs=Needs(("school",), watched_at_months=(30,)),
        id="gap",
        reason="none since {since}",
    )
    rate = indicator(
        Rate("one", "school", 200, 10),
        needs=Needs(),
        id="rate",
        scope="school",
        reason="{share} of {total} pupils",
    )
    return make_registry([one, share, gap, rate])


REGISTRY = made()
DAY = date(2020, 4, 1)


def test_one_day_in_three_values(district: Path) -> None:
    states = state_at(district / "records", DAY, registry=REGISTRY, out=district / "index")
    assert states.of(4)["one"] == "present"
    assert states.of(5)["one"] == "absent"
    assert states.of(40)["one"] == "not assessable"
    assert states.of(12345)["one"] == "not assessable"
    tall, wide = states.tall(), states.wide()
    assert tall.num_rows == 40 * 4
    assert wide.column_names == ["subject_id", "gap", "one", "share", "rate"]
    assert tall["state"].to_pylist().count("present") == int((states.matrix == 2).sum())


def test_a_school_s_rate_is_every_pupil_s(district: Path) -> None:
    states = state_at(district / "records", DAY, registry=REGISTRY, out=district / "index")
    assert {states.of(child)["rate"] for child in range(1, 21)} == {"present"}
    assert {states.of(child)["rate"] for child in range(21, 40)} == {"absent"}


def test_a_place_with_few_children_says_nothing(district: Path) -> None:
    few = make_registry(
        [REGISTRY["one"], indicator(Rate("one", "school", 200, 21), needs=Needs(), id="rate", scope="school")]
    )
    states = SpanIndex(district / "records", few, district / "index").state_at(DAY)
    assert {states.of(child)["rate"] for child in CHILDREN} == {"not assessable"}


def test_the_day_s_states_are_those_read_from_events(district: Path) -> None:
    kept = state_at(district / "records", DAY, registry=REGISTRY, out=district / "index")
    read = evaluate_at(district / "records", DAY, registry=REGISTRY)
    assert (kept.matrix[:, : len(read.indicators)] == read.matrix).all()


def test_months_are_the_first_days_of_months(district: Path) -> None:
    table = prevalence_by_month(
        district / "records", date(2019, 6, 15), date(2020, 12, 31), registry=REGISTRY, out=district / "index"
    )
    assert table.num_rows == 3 * 19
    for row in table.to_pylist():
        states = state_at(district / "records", row["month"], registry=REGISTRY, out=district / "index")
        column = states.matrix[:, states.indicators.index(row["indicator"])]
        assert row["present"] == int((column == 2).sum()), row
        assert row["assessable"] == int((column > 0).sum()), row


def test_views_have_the_shape_that_other_rooms_read(district: Path) -> None:
    with duckdb.connect() as con:
        register_views(con, district / "index")
        for view in ("spans", "assessable"):
            columns = [column[0] for column in con.execute(f"DESCRIBE {view}").fetchall()]
            assert columns == ["subject_id", "indicator", "true_from", "true_to"]
        assert con.execute("SELECT count(*) FROM assessable WHERE subject_id = 40").fetchall() == [(0,)]


def test_reasons_are_sentences_with_dates(district: Path) -> None:
    found = {
        r.indicator.id: r
        for r in reasons(district / "records", 4, DAY, registry=REGISTRY, out=district / "index")
    }
    assert found["one"].text == "1 of A (school, latest 5 March 2020)"
    assert found["one"].since == date(2020, 3, 5)
    assert [event.code for event in found["one"].events] == ["A"]
    assert found["rate"].text == "25% of 20 pupils"
    older = {
        r.indicator.id: r.text
        for r in reasons(district / "records", 1, DAY, registry=REGISTRY, out=district / "index")
    }
    assert older["share"] == "15% of 60"


def test_a_silence_says_since_when(district: Path) -> None:
    found = {
        r.indicator.id: r
        for r in reasons(district / "records", 4, date(2021, 3, 1), registry=REGISTRY, out=district / "index")
    }
    assert found["gap"].text == "none since 1 November 2020"
    assert found["gap"].events == ()


def test_the_same_store_gives_the_same_bytes(district: Path, tmp_path: Path) -> None:
    build_spans(district / "records", registry=REGISTRY, out=tmp_path)
    for mine, theirs in zip(SpanFiles(tmp_path).all, SpanFiles(district / "index").all, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()


def test_spans_of_another_registry_are_not_read_as_this_one_s(district: Path) -> None:
    more = make_registry([*REGISTRY, indicator(Count(Facts(("NEW",))), id="new")])
    with pytest.raises(EviError, match="lacks some of today's indicators"):
        SpanIndex(district / "records", more, district / "index").state_at(DAY)


def test_without_spans_it_says_what_to_do(tmp_path: Path, district: Path) -> None:
    with pytest.raises(EviError, match="Run `evi index`"):
        state_at(district / "records", DAY, registry=REGISTRY, out=tmp_path)
    with pytest.raises(EviError, match="Run `evi load`"):
        build_spans(tmp_path, registry=REGISTRY, out=tmp_path)
