"""Missed and false matches by group: the arithmetic, and what it says of a small district."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.encoding import encode
from evi.index.intervals import wilson
from evi.linkage import link
from evi.linkage.fairness import Rate, Sums, difference, ratio_explained
from tests.linkage.small_district import SmallDistrict, keys_of, make_small_district

people = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=60)


def sums_of(pairs: list[tuple[int, int]]) -> Sums:
    counted = [(min(wrong, of), of) for wrong, of in pairs if of]
    y, x = ([float(one[i]) for one in counted] for i in (0, 1))
    return Sums(
        len(counted),
        sum(y),
        sum(x),
        sum(a * a for a in y),
        sum(a * b for a, b in zip(y, x, strict=True)),
        sum(b * b for b in x),
    )


@given(people)
def test_an_interval_holds_its_rate_and_shares_are_shares(pairs: list[tuple[int, int]]) -> None:
    rate = sums_of(pairs).rate
    low, high = rate.interval()
    assert 0 <= low <= rate.value + 1e-12 and rate.value <= high + 1e-12 <= 1 + 1e-11
    assert 0 <= rate.effective <= len(pairs)


@given(people, people)
def test_the_rest_is_the_whole_without_the_group(
    one: list[tuple[int, int]], two: list[tuple[int, int]]
) -> None:
    rest = sums_of([*one, *two]) - sums_of(one)
    assert rest == sums_of(two)


@given(st.integers(1, 400), st.floats(0, 1))
def test_one_pair_a_person_is_wilsons_interval(n: int, share: float) -> None:
    wrong = round(n * share)
    rate = sums_of([(1, 1)] * wrong + [(0, 1)] * (n - wrong)).rate
    assert max(1, n - 1) - 1e-6 <= rate.effective <= n
    _value, low, high = wilson(rate.value * rate.effective, rate.effective)
    assert rate.interval() == pytest.approx((float(low), float(high)))


@given(people)
def test_pairs_of_one_person_are_no_more_news_than_the_person(pairs: list[tuple[int, int]]) -> None:
    """Counting every pair three times over changes neither the rate nor what it is worth."""
    once, thrice = sums_of(pairs).rate, sums_of([(3 * min(w, of), 3 * of) for w, of in pairs]).rate
    assert thrice.value == pytest.approx(once.value)
    assert thrice.effective == pytest.approx(once.effective)


def test_a_group_without_pairs_says_nothing() -> None:
    assert Sums().rate.interval() == (0.0, 1.0)
    gap, low, high = difference(Rate(0, 0, 0), Rate(1, 10, 10))
    assert low <= gap <= high


def test_equal_groups_can_differ_only_by_their_errors() -> None:
    fair = {"missed": Rate(10, 1000, 1000), "wrong": Rate(1, 1000, 1000)}
    unfair = {"missed": Rate(200, 1000, 1000), "wrong": Rate(1, 1000, 1000)}
    assert ratio_explained(fair, fair)[0] < 1 < ratio_explained(fair, fair)[1]
    least, most = ratio_explained(unfair, fair)
    assert least < 0.8 < most < 1.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallDistrict:
    small = make_small_district(tmp_path_factory.mktemp("fair") / "d", families=80)
    folder = small.district.geography
    folder.mkdir()
    lines = [f"E0101{n:04d},{1 + n % 10}" for n in range(30)]
    (folder / "areas.csv").write_text("lsoa,imd_decile\n" + "\n".join(lines) + "\n")
    encode(small.district, keys_of(small))
    link(small.district)
    return small


def test_every_run_says_for_whom_it_errs(made: SmallDistrict) -> None:
    found = json.loads((made.district.spine / "fairness.json").read_text())
    people = pl.read_parquet(made.district.spine / "people.parquet")
    by_dimension: dict[str, int] = {}
    for group in found["groups"]:
        by_dimension[group["dimension"]] = by_dimension.get(group["dimension"], 0) + group["records"]
    assert set(by_dimension) == set(found["dimensions"])
    assert set(by_dimension.values()) == {people.height}
    for measure in ("missed", "wrong", "held_out"):
        whole = found["whole"][measure]
        for dimension in found["dimensions"]:
            parts = [g[measure]["of"] for g in found["groups"] if g["dimension"] == dimension if measure in g]
            assert sum(parts) == pytest.approx(whole["of"], abs=0.01)
    assert {g["group"] for g in found["groups"] if g["dimension"] == "deprivation"} >= {"decile 01"}
    assert 0 < found["whole"]["held_out"]["rate"] < 0.5


def test_no_code_is_in_what_is_said(made: SmallDistrict) -> None:
    codes = set(pl.read_parquet(made.district.spine / "people.parquet")["person"].to_list())
    text = (made.district.spine / "fairness.json").read_text() + (
        made.district.spine / "gate.json"
    ).read_text()
    assert not [code for code in codes if str(code) in text]


def test_returns_without_names_are_audited_too(tmp_path: Path) -> None:
    """A district may have nothing but statutory returns: numbers and birth dates, and not one name."""
    small = make_small_district(tmp_path / "d", families=20)
    for extract in small.district.extracts.rglob("*.csv"):
        if extract.parent.name != "ssda903":
            extract.unlink()
    encode(small.district, keys_of(small))
    link(small.district)
    people = pl.read_parquet(small.district.spine / "people.parquet")
    assert set(people["feed"]) == {"ssda903"}
    found = json.loads((small.district.spine / "fairness.json").read_text())
    assert sum(g["records"] for g in found["groups"] if g["dimension"] == "feed") == people.height > 0


def test_a_district_without_areas_has_no_deprivation(made: SmallDistrict, tmp_path: Path) -> None:
    import shutil

    from evi.workspace import District

    shutil.copytree(made.district.root, tmp_path / "d")
    (tmp_path / "d" / "geography" / "areas.csv").unlink()
    district = District.open(tmp_path / "d")
    link(district)
    found = json.loads((district.spine / "fairness.json").read_text())
    assert {g["group"] for g in found["groups"] if g["dimension"] == "deprivation"} == {"not told"}
