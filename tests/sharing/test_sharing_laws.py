"""Laws of the door, on made-up agreements: what no agreement, however written, may bring about."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evi.sharing.conditions import holds
from evi.sharing.question import Request
from evi.sharing.residual import residual_of
from evi.sharing.vocabulary import vocabulary
from tests.sharing import oracle, worlds

LAWS = settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.too_slow])
asked = st.lists(worlds.requests(), min_size=20, max_size=20)


@LAWS
@given(worlds.agreements, asked)
def test_the_engine_decides_as_a_plain_reading_does(tables: Any, requests: list[Request]) -> None:
    door = worlds.door_of(tables)
    for request in requests:
        wanted = oracle.permitting(list(tables), request)
        found = [f"{agreement.name}/{clause.id}" for agreement, clause in door.permitting(request)]
        assert found == wanted, request
    for request in requests[:5]:
        wanted = oracle.permitting(list(tables), request)
        decision = door.decide(request)
        assert decision.permitted is bool(wanted)
        assert (decision.why == "clause") is decision.permitted
        assert decision.sentence.startswith("You can " if decision.permitted else "You can't ")


@LAWS
@given(worlds.agreements, asked)
def test_what_is_left_to_ask_says_what_the_engine_says(tables: Any, requests: list[Request]) -> None:
    door = worlds.door_of(tables)
    for request in requests:
        left = door.residual(request.actor, request.action, request.item, request.purpose, request.day)
        assert holds(left, request) is bool(door.permitting(request)), request


@LAWS
@given(worlds.agreements, asked)
def test_a_refusal_added_never_permits(tables: Any, requests: list[Request]) -> None:
    door = worlds.door_of(tables)
    for request in requests:
        if door.permitting(request):
            continue
        for more in (
            {"withheld": request.withheld | {request.item}},
            {"objections": request.objections | {"all"}},
            {"objections": request.objections | {"opt-out"}},
            {"moved_out": True},
            {"consents": frozenset()},
            {"ties": frozenset()},
        ):
            assert not door.permitting(replace(request, **more))


@LAWS
@given(worlds.agreements, asked, st.sampled_from(("unsigned", "unanswered", "expired", "off")))
def test_nothing_is_permitted_without_a_live_agreement(
    tables: Any, requests: list[Request], way: str
) -> None:
    for table in tables:
        match way:
            case "unsigned":
                table["parties"][0].pop("signed", None)
            case "unanswered":
                del table["steps"]["lawful-basis"]
            case "expired":
                table["start"], table["review"], table["end"] = "2020-01-01", "2020-06-01", "2021-01-01"
            case "off":
                table["gateways"] = [*table["gateways"], "children-act-2004-s16lc"]
    door = worlds.door_of(tables)
    for request in requests[:8]:
        decision = door.decide(request)
        assert not decision.permitted
        assert decision.why in {"expired", "incomplete", "no-agreement"}


@LAWS
@given(worlds.agreements, asked)
def test_wishes_are_honoured_where_a_gateway_says_so(tables: Any, requests: list[Request]) -> None:
    door = worlds.door_of(tables)
    for request in requests:
        if vocabulary().purposes[request.purpose].own:
            continue
        for wish, said in (("objection", "all"), ("opt-out", "opt-out")):
            for agreement, _ in door.permitting(replace(request, objections=frozenset({said}))):
                assert not agreement.honours(wish)


@LAWS
@given(worlds.agreements, asked)
def test_a_refusal_tells_nothing_of_a_child_without_a_tie(tables: Any, requests: list[Request]) -> None:
    door = worlds.door_of(tables)
    for request in requests[:8]:
        plain = Request(request.actor, request.action, request.item, request.purpose, request.day)
        known = replace(request, ties=frozenset(), shared=frozenset())
        if not door.decide(known).permitted and not door.decide(plain).permitted:
            assert door.decide(known) == door.decide(plain)


def test_a_wrong_reading_of_the_policies_is_found() -> None:
    """The test above would see a residual that forgets who objected, the days, or what is withheld."""
    tables = oracle.example_tables()
    door = worlds.door_of(tables)
    senco = worlds.Actor("senco", "hill", "school")
    base = Request(
        senco,
        "view",
        "plan",
        "direct-support",
        date(2026, 11, 2),
        ties=frozenset({"on-roll"}),
        consents=frozenset(),
    )
    requests = [
        replace(base, **more)
        for more in (
            {},
            {"objections": frozenset({"all"})},
            {"withheld": frozenset({"plan"})},
            {"day": date(2031, 1, 1)},
            {"ties": frozenset({"parent-of"})},
        )
    ]
    wrong = {
        "unless": door.policies.replace("unless { [Purpose", "unless { false && [Purpose"),
        "forbid": door.policies.replace("when { context.withheld.contains(resource) }", "when { false }"),
        "days": door.policies.replace("context.day < 2030", "context.day < 2999"),
        "ties": door.policies.replace('Tie::"on-roll"', 'Tie::"parent-of"'),
    }
    right = residual_of(door.policies)
    assert all(agree(right, request, door) for request in requests)
    for name, policies in wrong.items():
        assert policies != door.policies, name
        mutant = residual_of(policies.replace("false &&", "1 == 2 &&").replace("{ false }", "{ 1 == 2 }"))
        assert not all(agree(mutant, request, door) for request in requests), name


def agree(parsed: Any, request: Request, door: Any) -> bool:
    """Whether a reading of the policies decides a request as the engine does."""
    day = request.day.year * 10_000 + request.day.month * 100 + request.day.day
    actor = request.actor
    left = parsed.left(
        actor.role, actor.kind, actor.organisation, request.action, request.item, request.purpose, day
    )
    return holds(left, request) is bool(door.permitting(request))
