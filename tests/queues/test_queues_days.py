"""Assessment days: laws that every rota keeps, and a check that finds each rule that is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations, product

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from evi.queues.days.breakeven import break_even, fewest_children
from evi.queues.days.checking import validate
from evi.queues.days.greedy import greedy
from evi.queues.days.grid import Plan, Slot, grid
from evi.queues.days.made_up import made_up
from evi.queues.days.planning import plan_days, rota_of
from evi.queues.days.priority import by_priority
from evi.queues.days.problem import Away, Problem, School, check
from evi.queues.days.rota import Rota, Unplaced, Visit, kilometres
from evi.workspace import EviError
from tests.queues.small_days import START, child, districts, person, problem, school, team

THREE = (child("A", weeks=30), child("B", weeks=20), child("C", weeks=10))


def plan(made: Problem, rounds: int = 3, seed: int = 1) -> Rota:
    return plan_days(made, rounds=rounds, seed=seed).rota


def test_a_team_of_three_for_seven_hours_breaks_even_at_1_83_children() -> None:
    assert break_even(3, 7) == pytest.approx(21 / 11.5)
    assert round(break_even(3, 7), 2) == 1.83
    assert fewest_children(3, 7) == 2
    assert fewest_children(2, 11.5) == 2  # exactly two: not three by a rounding error
    with pytest.raises(EviError, match="above nought"):
        break_even(0, 7)


@settings(max_examples=60, deadline=None)
@given(districts())
def test_every_rota_keeps_every_rule_and_names_every_child(made: Problem) -> None:
    planned = plan_days(made, rounds=2)
    event(f"visits: {min(3, len(planned.rota.visits))}")
    assert validate(planned.rota, made) == []
    assert validate(planned.first, made) == []
    assert planned.rota.seen <= planned.most
    assert planned.rota.seen + len(planned.rota.unplaced) == len(made.children)
    assert planned.search.last >= planned.search.first
    assert all(one.says.endswith(".") and one.do.endswith(".") for one in planned.rota.unplaced)


def test_made_up_districts_are_planned_within_every_rule_and_near_the_bound() -> None:
    made = made_up(30, 120, 20, seed=4)
    planned = plan_days(made, rounds=8)
    assert validate(planned.rota, made) == []
    assert planned.first.seen <= planned.rota.seen <= planned.most
    assert planned.rota.seen >= 0.9 * planned.most


def test_the_same_seed_and_rounds_give_the_same_rota() -> None:
    made = made_up(20, 80, 16, seed=2)
    assert made == made_up(20, 80, 16, seed=2) != made_up(20, 80, 16, seed=3)
    assert plan(made, rounds=5, seed=3) == plan(made, rounds=5, seed=3)


def brute_force(made: Problem) -> int:
    """The most children that a visit a day to one school with one team can see, by trying every choice."""
    arrays = grid(made)
    days = int((arrays.open[0] & arrays.free.all(0)).sum())
    return max(
        min(made.rules.most * visits, len(made.children))
        for visits in range(days + 1)
        if not visits or made.rules.least * visits <= len(made.children)
    )


@pytest.mark.parametrize("count", range(12))
def test_one_school_and_one_team_see_as_many_as_trying_everything_finds(count: int) -> None:
    made = problem(
        tuple(child(f"C{n}") for n in range(count)),
        away=(Away("person", "paed0", date(2027, 3, 15), date(2027, 3, 16)),),
    )
    planned = plan_days(made, rounds=2)
    assert planned.rota.seen == planned.most == brute_force(made) if count != 1 else planned.rota.seen == 0


def test_the_longest_waiters_go_first_and_need_counts_as_weeks() -> None:
    short = (child("N", weeks=1), child("U", weeks=2, need="urgent"))
    made = problem((*THREE, *short), maximum_children=2, weeks=1, schools=(school(room_days=("Mon",)),))
    rota = plan(made)
    assert rota.visits[0].children == ("A", "U")  # 30 weeks, and 2 weeks with 52 for urgent need
    assert [one.child for one in rota.unplaced] == ["B", "C", "N"]


def test_a_child_of_higher_priority_takes_the_place_of_a_lower_one() -> None:
    made = problem((*THREE, child("D", weeks=90)), schools=(school(room_days=("Mon",)),))
    arrays = grid(made)
    first = greedy(arrays)
    rota = rota_of(first)
    (visit,) = rota.visits
    swapped = Rota((replace(visit, children=("A", "B", "C")),), (_left("D"),))
    assert [one.rule for one in validate(swapped, made)] == ["priority"]
    assert validate(swapped, made, promised=True) == []
    assert by_priority(first) == 0  # the greedy plan had it right
    assert rota_of(first).visits[0].children == ("A", "B", "D")


def test_a_place_that_putting_in_order_opens_is_given_too() -> None:
    """The order puts a low priority beside the interpreter; a higher one who needs the interpreter waits."""
    urdu = {"language": "urdu"}
    children = (
        child("A", weeks=99, **urdu), child("B", weeks=50), child("C", weeks=23), child("D", weeks=30),
        child("W", weeks=25, **urdu),
    )  # fmt: skip
    made = problem(children, (*team(), person("i", "interpreter", languages=("urdu",))))
    arrays = grid(made)
    core = tuple((n, n) for n in range(3))
    first = Plan(arrays)
    first.add(Slot(0, 0, (2, 3), core))
    first.add(Slot(0, 1, (0, 1), (*core, (3, 3))))
    assert by_priority(first) == 1
    assert validate(rota_of(first), made) == []
    assert not first.seen[2]


def test_a_lone_child_is_seen_at_the_partner_school_or_said_to_be_too_few() -> None:
    schools = (school("S1", partner="S2"), school("S2"))
    made = problem((child("A"), child("B", "S2"), child("C", "S2")), schools=schools)
    assert plan(made).visits[0].school == "S2"
    assert plan(made).seen == 3
    alone = replace(made, schools=(school("S1"), school("S2")))
    assert [one.why for one in plan(alone).unplaced] == ["too_few_children"]


def _left(name: str) -> Unplaced:
    return Unplaced(name, "S1", "left_over", "Says.", "Do.")


def test_reasons_say_what_is_missing_and_what_would_help() -> None:
    urdu = child("D", language="urdu")
    speaker = person("i", "interpreter", languages=("urdu",))
    one_day = (school(room_days=("Fri",)),)
    shut = (Away("school", "S1", START, date(2027, 3, 21)),)
    cases = {
        "no_interpreter": problem((*THREE, urdu)),
        "nobody_with_role": problem((*THREE, child("D", roles=("teacher",)))),
        "room_shut": problem((*THREE, urdu), (*team(), speaker), away=shut),
        "nobody_free": problem(tuple(child(f"C{n}") for n in range(8)), schools=(*one_day, school("S2"))),
        "left_over": problem((*THREE, urdu), (*team(), speaker)),
    }
    for why, made in cases.items():
        rota = plan(made)
        if why == "left_over":
            assert rota.seen == 4  # two visits of two
            rota = plan(replace(made, children=THREE, rules=replace(made.rules, maximum_children=2)))
        assert {one.why for one in rota.unplaced} == {why}, why
    assert plan(cases["no_interpreter"]).unplaced[0].says == "There is no interpreter of urdu."
    far = replace(speaker, max_km=0.0, easting=500_000.0)
    said = plan(problem((*THREE, urdu), (*team(), far))).unplaced[0]
    assert (said.why, said.says) == (
        "no_interpreter",
        "No interpreter of urdu works near enough on any day when the room is open.",
    )


GOOD = Visit(START, "S1", ("A", "B", "C"), ("paed0", "psyc0", "spee0"))


def broken(case: str) -> tuple[Rota, Problem]:
    """A rota of one visit, or two, that breaks one rule."""
    made = problem(THREE)
    longer = replace(made, rules=replace(made.rules, weeks=3))
    spoken = (*THREE[:2], child("D", language="urdu"))
    idle = [replace(p, max_days_a_week=0) for p in made.people]
    at = {
        "unknown": lambda: (replace(GOOD, team=("nobody", "psyc0", "spee0")), made),
        "outside": lambda: (replace(GOOD, day=date(2027, 3, 22)), made),
        "holiday": lambda: (replace(GOOD, day=date(2027, 3, 26)), longer),
        "term": lambda: (GOOD, replace(made, terms=(replace(made.terms[0], start=date(2027, 3, 16)),))),
        "room": lambda: (GOOD, replace(made, schools=(school(room_days=("Tue",)),))),
        "core": lambda: (replace(GOOD, team=("paed0", "psyc0")), made),
        "away": lambda: (GOOD, replace(made, away=(Away("person", "paed0", START, START),))),
        "far": lambda: (GOOD, replace(made, schools=(school(easting=500_000),))),
        "few": lambda: (replace(GOOD, children=("A",)), replace(made, children=THREE[:1])),
        "many": lambda: (GOOD, replace(made, rules=replace(made.rules, maximum_children=2))),
        "lost": lambda: (replace(GOOD, children=("A", "B")), made),
        "need": lambda: (replace(GOOD, children=("A", "B", "D")), replace(made, children=spoken)),
        "week": lambda: (GOOD, replace(made, people=tuple(idle))),
    }  # fmt: skip
    visit, changed = at[case]()
    return Rota((visit,)), changed


ONE_VISIT = (
    "unknown", "outside", "holiday", "term", "room", "core", "away", "far", "few", "many", "lost", "need",
    "week",
)  # fmt: skip


@pytest.mark.parametrize("rule", ONE_VISIT)
def test_the_check_finds_each_broken_rule(rule: str) -> None:
    assert validate(Rota((GOOD,)), problem(THREE)) == []
    rota, made = broken(rule)
    assert rule in {one.rule for one in validate(rota, made)}


def test_the_check_finds_what_takes_two_visits_to_break() -> None:
    schools: tuple[School, ...] = (school("S1"), school("S2"))
    children = (*THREE, child("D", "S2"), child("E", "S2"))
    made = problem(children, team(2), schools)
    other = Visit(START, "S2", ("D", "E"), ("paed1", "psyc1", "spee1"))
    assert validate(Rota((GOOD, other)), made) == []
    cases = {
        "two_places": replace(other, team=("paed0", "psyc1", "spee1")),
        "booked_twice": replace(other, children=("A", "D", "E")),
        "elsewhere": replace(other, children=("A", "D", "E")),
        "twice": replace(other, school="S1"),
    }
    for rule, second in cases.items():
        assert rule in {one.rule for one in validate(Rota((GOOD, second)), made)}, rule
    apart = problem(children, team(1), schools)
    alone = replace(apart, people=tuple(replace(p, max_days_a_week=1) for p in apart.people))
    later = replace(other, day=date(2027, 3, 16), team=GOOD.team)
    assert {one.rule for one in validate(Rota((GOOD, later)), alone)} == {"week"}


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (problem(THREE, team()[1:]), "nobody can be the paediatrician or psychiatrist"),
        (problem(THREE, start=date(2028, 1, 3)), "no term has a day"),
        (problem(THREE, maximum_children=1), "at least 2 children, and at most 1"),
    ],
)
def test_what_cannot_be_planned_at_all_is_refused_with_what_would_help(made: Problem, says: str) -> None:
    with pytest.raises(EviError, match=says) as caught:
        plan_days(made, rounds=1)
    assert caught.value.do
    with pytest.raises(EviError, match=says):
        check(made)


@st.composite
def tiny(make: st.DrawFn) -> Problem:
    """Two schools, two days, one team and an interpreter, up to four children: everything can be tried."""
    some = st.sampled_from([("Mon",), ("Tue",), ("Mon", "Tue")])
    schools = (school("S1", room_days=make(some)), school("S2", room_days=make(some)))
    speaks = st.sampled_from(["", "urdu"])
    where = st.sampled_from(["S1", "S2"])
    children = tuple(
        child(f"C{n}", make(where), make(st.integers(0, 99)), language=make(speaks))
        for n in range(make(st.integers(2, 4)))
    )
    people = (*team(), person("i", "interpreter", languages=("urdu",)))
    limited = tuple(replace(p, days=make(some), max_days_a_week=make(st.integers(1, 2))) for p in people)
    return problem(children, limited, schools)


def most_seen(made: Problem) -> int:
    """The most children that any rota which passes the check sees: every rota is tried."""
    days = (START, START + timedelta(days=1))
    core, speaker = tuple(p.person for p in made.people[:3]), made.people[3].person
    choices: list[list[Visit | None]] = [[None]]
    for day, where in product(days, ("S1", "S2")):
        here = [one.child for one in made.children if one.school == where]
        visits: list[Visit | None] = [None]
        for count, extra in product((2, 3), ((), (speaker,))):
            visits += [
                Visit(day, where, kids, tuple(sorted((*core, *extra)))) for kids in combinations(here, count)
            ]
        choices.append(visits)
    best = 0
    for chosen in product(*choices):
        rota = Rota(tuple(visit for visit in chosen if visit))
        if rota.seen > best and all(one.rule == "lost" for one in validate(rota, made, promised=True)):
            best = rota.seen
    return best


@settings(max_examples=25, deadline=None)
@given(tiny())
def test_tiny_plans_see_as_many_as_trying_every_rota_finds(made: Problem) -> None:
    planned = plan_days(made, rounds=3)
    assert planned.rota.seen == most_seen(made) <= planned.most


def test_travel_is_by_road_one_way_for_everyone() -> None:
    made = problem(THREE, schools=(school(easting=410_000),))
    assert kilometres(Rota((GOOD,)), made) == pytest.approx(3 * 10 * 1.3)
