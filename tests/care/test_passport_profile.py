"""The strengths profile: scoring with what is missing, views side by side, a catalogue with sources."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.care.passports.instruments import instrument_for, instruments, strategies, suggested
from evi.care.passports.models import ProfileView
from evi.care.passports.profiling import answer, profile
from evi.care.passports.scoring import checked_answers, score, side_by_side
from evi.care.passports.words import texts
from evi.workspace import EviError

SCHOOL = instruments()["school"]
KEYS = [f"language.{key}" for key in SCHOOL.domains["language"].descriptors]
BANDS = {band.key: band for band in SCHOOL.bands}


def answers(*values):
    return {key: value for key, value in zip(KEYS, values, strict=False) if value is not None}


@pytest.mark.parametrize(
    ("given_values", "mean", "band"),
    [
        ((3, 3, 3, 3), 3.0, "strength"),
        ((3, 3, 2, 2), 2.5, "strength"),
        ((3, 2, 2, 2), 2.25, "going-well"),
        ((2, 2, 2, 1), 1.75, "going-well"),
        ((2, 2, 1, 1), 1.5, "some-support"),
        ((1, 1, 1, 1), 1.0, "some-support"),
        ((1, 1, 1, 0), 0.75, "more-support"),
        ((0, 0, 0, 0), 0.0, "more-support"),
        ((3, 2, 3, None), 8 / 3, "strength"),
        ((1, 1, 0, None), 2 / 3, "more-support"),
    ],
)
def test_the_mean_of_what_was_answered_decides(given_values, mean, band):
    found = score(SCHOOL, "language", answers(*given_values))
    assert found.mean == pytest.approx(mean)
    assert found.band == BANDS[band]


@pytest.mark.parametrize("given_values", [(), (3,), (0, 0), (None, 3, None, 3)])
def test_too_few_answers_are_not_known_and_never_low(given_values):
    found = score(SCHOOL, "language", answers(*given_values))
    assert (found.mean, found.band, found.asked) == (None, None, 4)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(0, 3))
def test_an_easier_answer_never_lowers_the_band(values, position):
    order = [band.key for band in SCHOOL.bands]
    better = [min(3, value + (place == position)) for place, value in enumerate(values)]
    low, high = (score(SCHOOL, "language", answers(*each)).band for each in (values, better))
    assert order.index(high.key) <= order.index(low.key)


def test_views_that_differ_are_pointed_out_and_support_follows_the_lowest():
    lines = side_by_side(SCHOOL, {"teacher": answers(1, 1, 1, 1), "parent": answers(2, 2, 2, 2), "child": {}})
    line = lines[0]
    assert line.apart
    assert line.lowest == BANDS["some-support"]
    assert line.scores["child"].band is None
    assert lines[1].lowest is None
    near = side_by_side(SCHOOL, {"teacher": answers(1, 1, 1, 1), "parent": answers(2, 2, 2, 1)})
    assert not near[0].apart


@pytest.mark.parametrize(
    "wrong", [{"language.nothing": 1}, {KEYS[0]: 4}, {KEYS[0]: "many"}, {KEYS[0]: True}, {"x": 1}]
)
def test_answers_that_do_not_belong_are_refused(wrong):
    with pytest.raises(EviError):
        checked_answers(SCHOOL, wrong)


def test_every_strategy_names_its_source_and_every_need_has_one():
    assert all(each.source.title and each.part for each in strategies())
    for instrument in instruments().values():
        for domain in instrument.domains:
            for band in ("strength", "some-support", "more-support"):
                assert suggested(domain, band, instrument.ages[0]), (instrument.key, domain, band)
    assert all("autis" not in each.text and "ADHD" not in each.text for each in strategies())


def test_the_instrument_follows_age():
    assert [instrument_for(age) and instrument_for(age).key for age in (None, 1, 3, 5, 16, 17)] == [
        None,
        None,
        "early-years",
        "school",
        "school",
        None,
    ]


def test_an_instrument_that_contradicts_itself_is_refused(tmp_path):
    from evi.care.passports.instruments import PROFILES
    from evi.care.passports.instruments import instruments as load

    text = (PROFILES / "school.yaml").read_text()
    for broken in (
        text.replace("from: 0,", "from: 0.5,"),
        text.replace("least_answered: 3", "least_answered: 5"),
        text.replace("value: 2,", "value: 3,"),
        text.replace("apart: 1.0", "apart: -1"),
    ):
        folder = tmp_path / str(hash(broken))
        folder.mkdir()
        (folder / "x.yaml").write_text(broken)
        with pytest.raises(EviError):
            load(folder)


def test_answers_are_kept_and_the_newest_of_each_view_stands(world):
    amir = world.children["amir"]
    answer(world.visit("class-teacher"), amir, "teacher", answers(0, 0, 0))
    answer(world.visit("senco"), amir, "teacher", answers(3, 3, 3))
    answer(world.visit("class-teacher"), amir, "child", answers(2, 2, 2), taken_down=True)
    found = profile(world.visit("senco"), amir)
    assert {view: row.author_name for view, row in found.views.items()} == {
        "teacher": "Sana Mahmood",
        "child": "Tom Reed",
    }
    assert found.earlier == 1
    assert ProfileView.objects.count() == 3
    old = ProfileView.objects.first()
    ProfileView.objects.filter(pk=old.pk).update(instrument_version="0")
    assert profile(world.visit("senco"), amir).views.keys() == {"teacher", "child"}


@pytest.mark.parametrize(
    ("who", "view", "taken_down", "given_answers"),
    [
        ("class-teacher", "child", False, answers(1)),
        ("class-teacher", "parent", False, answers(1)),
        ("parent", "teacher", True, answers(1)),
        ("class-teacher", "teacher", False, {}),
        ("class-teacher", "nobody", False, answers(1)),
        ("class-teacher", "teacher", False, {"nothing": 1}),
    ],
)
def test_answers_that_nobody_may_give_are_refused(world, who, view, taken_down, given_answers):
    with pytest.raises(EviError):
        answer(world.visit(who), world.children["amir"], view, given_answers, taken_down=taken_down)
    assert not ProfileView.objects.exists()


def test_there_is_no_profile_for_a_baby(world):
    amir = world.children["amir"]
    amir.birth_date = replace(world.visit("senco")).day
    amir.save()
    with pytest.raises(EviError):
        answer(world.visit("class-teacher"), amir, "teacher", answers(1, 1, 1))
    assert profile(world.visit("senco"), amir) is None


def test_every_text_of_the_data_files_can_be_translated():
    found = [text for _file, text in texts()]
    assert {"About me", "My pet or animals", "A strength", "Midwife to health visitor"} <= set(found)
    assert all(found)
