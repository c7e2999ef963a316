"""Putting a rota right: everything that can stand does, and what changes is the least that must."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.queues.days.checking import validate
from evi.queues.days.disturbance import disturbance
from evi.queues.days.made_up import made_up
from evi.queues.days.planning import plan_days
from evi.queues.days.problem import Away, Problem
from evi.queues.days.replan import replan
from evi.queues.days.rota import Rota, Visit
from evi.workspace import EviError
from tests.queues.small_days import START, child, districts, person, problem, team

DAY = timedelta(days=1)
CHILDREN = tuple(child(name) for name in "ABCDEF")
ROTA = Rota(
    (
        Visit(START, "S1", ("A", "B", "C"), ("paed0", "psyc0", "spee0")),
        Visit(START + DAY, "S1", ("D", "E", "F"), ("paed0", "psyc0", "spee0")),
    )
)


def ill(name: str, first: date = START, last: date | None = None) -> list[Away]:
    return [Away("person", name, first, last or first)]


def test_another_person_goes_the_same_day_and_no_family_is_moved() -> None:
    made = problem(CHILDREN, (*team(), person("other", "psychiatrist", max_km=400, easting=410_000)))
    new = replan(ROTA, made, ill("paed0"))
    assert new.rota.visits[0] == replace(ROTA.visits[0], team=("other", "psyc0", "spee0"))
    assert new.rota.visits[1] == ROTA.visits[1]
    found = new.disturbance
    assert (found.visits_hit, found.visits_changed, found.children_moved, found.diaries_changed) == (
        1,
        1,
        0,
        2,
    )


def test_a_visit_moves_if_nobody_else_can_go_and_gives_notice() -> None:
    new = replan(ROTA, problem(CHILDREN), ill("paed0"))
    assert new.rota.visits[0] == ROTA.visits[1]
    assert new.rota.visits[1].day > START + DAY
    assert (new.disturbance.visits_changed, new.disturbance.children_moved) == (1, 3)
    warned = replan(ROTA, problem(CHILDREN, notice_days=3), ill("paed0"))
    assert warned.rota.visits[1].day >= START + 3 * DAY
    lost = replan(ROTA, problem(CHILDREN, notice_days=5), ill("paed0"))
    assert (lost.disturbance.children_lost, lost.disturbance.visits_changed) == (3, 1)
    assert {one.child for one in lost.rota.unplaced} == {"A", "B", "C"}
    assert {one.why for one in lost.rota.unplaced} == {"room_shut"}  # no day is left after the notice


def test_other_visits_change_only_for_children_who_would_lose_their_day() -> None:
    """Room on Mondays and Tuesdays of one week: the child who is left joins the other visit."""
    made = problem(CHILDREN[:4], weeks=1, maximum_children=4)
    rota = Rota((replace(ROTA.visits[0], children=("A", "B")), replace(ROTA.visits[1], children=("C", "D"))))
    shut = [Away("school", "S1", START, START), Away("school", "S1", START + 2 * DAY, START + 9 * DAY)]
    new = replan(rota, made, shut, today=START)
    assert new.rota.visits == (replace(rota.visits[1], children=("A", "B", "C", "D")),)
    assert (new.disturbance.visits_changed, new.disturbance.children_lost) == (2, 0)


def test_visits_before_today_have_been() -> None:
    new = replan(ROTA, problem(CHILDREN), ill("paed0", START, START + DAY), today=START + DAY)
    assert new.rota.visits[0] == ROTA.visits[0]
    assert new.disturbance.visits_hit == 1


def test_nothing_changes_if_nothing_is_hit() -> None:
    new = replan(ROTA, problem(CHILDREN), ill("paed0", START + 3 * DAY))
    assert new.rota == ROTA
    assert set(vars(new.disturbance).values()) == {0}


def test_a_team_with_someone_to_spare_stands_as_it_is() -> None:
    """Of two interpreters one would do, and a psychiatrist could be taken for the core's other place."""
    spoken = tuple(child(name, language="urdu") for name in "ABC")
    people = (
        *team(), person("y", "psychiatrist"), person("i", "interpreter", languages=("urdu",)),
        person("j", "interpreter", languages=("polish", "urdu")), person("t", "teacher"),
    )  # fmt: skip
    core = (("paediatrician", "psychiatrist"), ("psychiatrist",), ("psychologist",))
    made = problem(
        spoken, people, core=core, extra=("interpreter", "teacher", "speech_and_language_therapist")
    )
    rota = Rota((Visit(START, "S1", ("A", "B", "C"), ("i", "j", "paed0", "psyc0", "t", "y")),))
    assert validate(rota, made) == []
    assert replan(rota, made, ill("spee0")).rota == rota
    nobody = replan(rota, made, ill("paed0", START, START + 20 * DAY))
    assert (nobody.rota.visits, nobody.disturbance.children_lost) == ((), 3)


def test_it_disturbs_far_less_than_planning_anew() -> None:
    made = made_up(25, 100, 20, seed=6)
    rota = plan_days(made, rounds=4).rota
    busy = max(made.people[:5], key=lambda p: sum(p.person in visit.team for visit in rota.visits)).person
    new = replan(rota, made, ill(busy, date(2027, 2, 1), date(2027, 2, 28)))
    anew = disturbance(rota, plan_days(new.problem, rounds=4).rota)
    assert new.disturbance.visits_hit > 0
    assert new.disturbance.visits_changed == new.disturbance.visits_hit < anew.visits_changed / 3
    assert new.disturbance.children_moved < anew.children_moved / 3


@settings(max_examples=40, deadline=None)
@given(districts(), st.data())
def test_every_new_rota_keeps_every_rule_and_changes_no_more_than_it_must(
    made: Problem, data: st.DataObject
) -> None:
    rota = plan_days(made, rounds=1).rota
    if not rota.visits:
        return
    visit = data.draw(st.sampled_from(rota.visits))
    kind = data.draw(st.sampled_from(["person", "school"]))
    name = visit.school if kind == "school" else data.draw(st.sampled_from(visit.team))
    last = visit.day + data.draw(st.integers(0, 5)) * DAY
    new = replan(rota, made, [Away(kind, name, visit.day, last)])
    found = new.disturbance
    assert validate(new.rota, new.problem, promised=True) == []
    hit = [
        old
        for old in rota.visits
        if visit.day <= old.day <= last and (old.school == name if kind == "school" else name in old.team)
    ]
    assert found.visits_hit == len(hit) <= found.visits_changed
    saved = sum(len(old.children) for old in hit) - found.children_lost
    assert found.visits_changed - found.visits_hit <= max(0, saved)
    before = {old for old in rota.visits if old.day < visit.day}
    assert before <= set(new.rota.visits)
    unhit = {name for old in rota.visits if old not in hit for name in old.children}
    assert unhit <= new.rota.visit_of.keys()  # nobody whose visit could stand has lost it


@pytest.mark.parametrize(
    ("away", "says"),
    [
        ([], "nobody is said to be absent"),
        (ill("nobody"), "this person is not in the plan"),
        ([Away("school", "S9", START, START)], "this school is not in the plan"),
        (ill("paed0", START, START - DAY), "ends before it starts"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused(away: list[Away], says: str) -> None:
    with pytest.raises(EviError, match=says):
        replan(ROTA, problem(CHILDREN), away)


def test_a_rota_that_does_not_fit_its_problem_is_refused() -> None:
    with pytest.raises(EviError, match="rules are broken by this rota"):
        replan(ROTA, problem(CHILDREN, (*team()[1:], person("x", "paediatrician"))), ill("x"))
