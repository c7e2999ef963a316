"""The parts of the synthetic district: draws, identifiers, geography, names, queue, scoring."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.synthetic import score_households, score_links, score_mothers, score_needs, subject_of
from evi.synthetic.calendar import NEVER, REFERENCE_DAY, as_date, day, school_cohort, terms
from evi.synthetic.district import area
from evi.synthetic.draws import pick_rows, stream, systematic, top_share
from evi.synthetic.fitting import Moment, fit_chances, odds_ratios
from evi.synthetic.geography import invented
from evi.synthetic.identifiers import UPN_LETTERS, mistype_number, nhs_check, nhs_numbers, postcodes, upns
from evi.synthetic.names import load_names, slip
from evi.synthetic.pathway import policy, run_queue
from evi.synthetic.world import make_world


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(0, 2**32))
def test_a_systematic_draw_has_the_expected_total(chances, seed):
    chance = np.array(chances)
    picked = systematic(stream(seed, "x"), chance)
    assert abs(picked.sum() - chance.sum()) <= 1 + 1e-6


def test_streams_are_apart_and_repeat():
    one, same, other = (stream(1, name).random(5).tolist() for name in ("a", "a", "b"))
    assert one == same != other


def test_top_share_is_exact_and_rows_are_drawn_by_their_weights():
    rng = stream(1, "t")
    assert top_share(rng.normal(size=1000), 0.137).sum() == 137
    rows = np.repeat([0, 1], 5000)
    drawn = pick_rows(rng, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 3.0]]), rows)
    assert (drawn[:5000] == 0).all() and 0.70 < (drawn[5000:] == 2).mean() < 0.80


def test_fitted_chances_give_the_means_asked_for():
    rng = stream(3, "fit")
    boy = rng.random(20_000) < 0.5
    offset = rng.normal(size=boy.size)
    moments = [Moment(boy.astype(float), 0.6), Moment((~boy).astype(float), 0.75)]
    chance = fit_chances(offset, np.column_stack([np.ones(boy.size), boy]).astype(float), moments)
    assert chance[boy].mean() == pytest.approx(0.6, abs=1e-4)
    assert chance[~boy].mean() == pytest.approx(0.75, abs=1e-4)
    x = rng.normal(size=boy.size)
    outcome = systematic(rng, 1 / (1 + np.exp(-0.5 * x)))
    assert odds_ratios(outcome.astype(float), x[:, None])[0] == pytest.approx(np.exp(0.5), rel=0.1)


def test_nhs_numbers_are_valid_tests_ones():
    numbers = nhs_numbers(np.arange(5000))
    assert (numbers // 10**7 == 999).all() and len(set(numbers.tolist())) == 5000
    assert (nhs_check(numbers // 10) == numbers % 10).all()
    assert (mistype_number(stream(1, "m"), numbers, 10) != numbers).mean() > 0.9
    with pytest.raises(ValueError, match="909,000"):
        nhs_numbers(np.array([950_000]))


def test_upns_carry_the_check_letter_of_the_rule():
    for upn in upns(np.array([1000, 2345]), np.array([2014, 2025]), np.array([0, 999])).to_list():
        total = sum(int(digit) * (place + 2) for place, digit in enumerate(upn[1:]))
        assert upn[0] == UPN_LETTERS[total % 23] and upn[1:4] == "997" and len(upn) == 13


def test_postcodes_are_in_an_area_that_does_not_exist():
    made = postcodes(np.array([0, 57]), np.array([0, 399])).to_list()
    assert made == ["QV1 0AA", "QV6 7ZZ"]


def test_school_years_begin_in_september():
    births = np.array([day(date(2010, 8, 31)), day(date(2010, 9, 1))], dtype=np.int32)
    assert school_cohort(births).tolist() == [2014, 2015]
    autumn, spring, summer = terms(2025)
    assert as_date(spring.census).weekday() == 3 and as_date(spring.census) == date(2026, 1, 15)
    assert autumn.calendar_year == 2025 and summer.calendar_year == 2026


@pytest.mark.parametrize("people", [20_000, 300_000])
def test_invented_areas_tile(people):
    place = invented(people, 5)
    total = sum(area(rings[0]) for rings in place.lsoa_rings.values())
    assert total == pytest.approx(0.42 * 0.24, rel=1e-3)
    wards = sum(area(ring) for rings in place.ward_rings.values() for ring in rings)
    assert wards == pytest.approx(total, rel=1e-6)
    assert (place.decile == 1).mean() == pytest.approx(0.34, abs=0.02)
    assert min(np.bincount(place.ward_number)) >= 3


def test_names_have_variants_within_one_pool():
    pool = load_names()
    words = pool.strings.to_list()
    muhammad = words.index("Muhammad")
    assert {words[i] for i in pool.spellings[muhammad]} >= {"Mohammed", "Mohammad"}
    assert words[pool.plain[words.index("Kowalski")]] == "Kowalski"
    assert words[pool.plain[words.index("Wójcik")]] == "Wojcik"
    assert all(words[i] != "Muhammad" for i in pool.slips[muhammad])
    assert slip("Hussain", 0.4, 0.0) != "Hussain"
    style = pool.traditions["polish"]
    first = style.surnames.ids.tolist().index(words.index("Kowalski"))
    assert words[style.surnames_f[first]] == "Kowalska"
    english = pool.traditions["english"].surnames
    assert len(english.ids) > 2000 and english.weights[0] > 20 * english.weights[500]


def test_nobody_is_seen_before_triage_and_a_queue_forms():
    rng = stream(2, "q")
    referred = np.sort(rng.integers(day(date(2012, 1, 1)), REFERENCE_DAY, 3000)).astype(np.int32)
    queue = run_queue(rng, referred)
    seen = queue.assessed < NEVER
    assert ((queue.assessed - referred)[seen] >= 7 * policy().earliest_weeks - 7).all()
    removed = queue.removed < NEVER
    assert not (seen & removed).any() and queue.waiting[-1] == (~seen & ~removed).sum()
    assert queue.slots.sum() >= seen.sum() + queue.missed_row.size
    assert 20 < ((queue.assessed - referred)[seen] / 7).mean() < 45


LINKS = pl.DataFrame(
    {"feed": ["a", "b", "a", "b", "b"], "person": [1, 2, 3, 4, 5], "true_person": [10, 10, 11, 11, 12]}
)


def test_links_are_scored_in_pairs():
    found = pl.DataFrame(
        {"feed": ["a", "b", "a", "b", "b"], "person": [1, 2, 3, 4, 5], "subject_id": [1, 1, 2, 3, 3]}
    )
    people = pl.DataFrame({"person": [10, 11, 12], "ethnicity": ["WBRI", "APKN", "APKN"]})
    scores = {s.group: s for s in score_links(LINKS, found, people)}
    assert (scores["all"].precision, scores["all"].recall, scores["all"].f1) == (0.5, 0.5, 0.5)
    assert scores["WBRI"].recall == 1.0 and scores["APKN"].recall == 0.0
    perfect = found.with_columns(subject_id=pl.Series([1, 1, 2, 2, 3]))
    assert score_links(LINKS, perfect)[0].f1 == 1.0
    missing = score_links(LINKS, perfect.head(2))[0]
    assert missing.recall == 0.5 and missing.precision == 1.0


def test_homes_mothers_and_needs_are_scored():
    found = LINKS.select("feed", "person", subject_id=pl.col("true_person") + 100)
    named = subject_of(LINKS, found)
    people = pl.DataFrame(
        {"person": [10, 11, 12], "kind": ["child", "adult", "child"], "mother": [11, None, 11]}
    )
    relations = pl.DataFrame({"subject_id": [110], "relation": ["mother"], "other_id": [111]})
    mother = score_mothers(named, relations, people)
    assert (mother.precision, mother.recall) == (1.0, 0.5)
    when = date(2024, 1, 1)
    dates = {"start": [date(2020, 1, 1)] * 3, "end": [None] * 3}
    types = {"end": pl.Date}
    homes = pl.DataFrame({"person": [10, 11, 12], "uprn": [1, 1, 2], **dates}, schema_overrides=types)
    one = {"subject_id": [110, 111, 112], "household_id": [7, 7, 7], **dates}
    lived = pl.DataFrame(one, schema_overrides=types)
    score = score_households(named, lived, homes, when)
    assert score.recall == 1.0 and score.precision == pytest.approx(1 / 3)
    needs = pl.DataFrame({"person": [10, 12], "need": ["autism", "autism"]})
    seen = pl.DataFrame({"subject_id": [110], "sign": ["HEALTH/AUTISM/REFERRAL"]})
    table = score_needs(needs, named, seen, {"autism": ("HEALTH/AUTISM/",)})
    assert table.row(0) == ("autism", 2, 2, 1, 0.5)


def test_needs_go_together_as_they_should():
    world = make_world(20_000, 6, invented(20_000, 6))
    needs, family = world.needs, world.family
    poor = needs.family["poverty"].has[family]
    assert needs.fsm[poor].mean() > 0.95  # meals go to the poorest, who are nearly all of those in poverty
    abuse, neglect = needs.family["domestic_abuse"].has, needs.family["neglect"].has
    assert neglect[abuse].mean() > 2 * neglect.mean()
    language, learning = needs.child["language_delay"].has, needs.child["learning_disability"].has
    assert learning[language].mean() > 1.5 * learning.mean()
    dwelling = world.homes.of_person(
        np.arange(world.people.children), np.full(world.people.children, REFERENCE_DAY)
    )
    deprived = world.place.decile[world.homes.lsoa[dwelling]] <= 2
    assert poor[deprived].mean() > 2 * poor[~deprived].mean()
