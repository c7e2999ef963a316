"""Agreements that are wrong are refused whole; those that are not whole permit nothing, and say why."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from evi.sharing.agreements import EXAMPLES, load_agreements, make_agreement
from evi.sharing.compiling import validate
from evi.sharing.decisions import Door
from evi.sharing.gateways import load_gateways
from evi.sharing.residual import residual_of
from evi.sharing.vocabulary import may_do, vocabulary
from evi.workspace import EviError
from tests.sharing.oracle import example_tables

DAY = date(2026, 11, 2)
GATEWAYS = load_gateways()


@pytest.fixture
def table() -> dict[str, Any]:
    """The agreement between schools and health, as its file says it."""
    return deepcopy(example_tables()[2])


def test_the_shipped_agreements_are_nine_and_in_force() -> None:
    door = Door.open([EXAMPLES])
    assert [each.name for each in door.in_force(DAY)] == [
        "school-family", "early-years-health", "school-health", "social-care-safeguarding",
        "operation-encompass", "early-help", "camhs-pathway", "casefinding-release", "governance",
    ]  # fmt: skip
    assert not any(each.faults for each in door.agreements)


def test_every_item_is_open_to_somebody_and_every_role_has_its_place() -> None:
    clauses = [clause for _, clause in Door.open([EXAMPLES]).clauses.values()]
    assert {item for clause in clauses for item in clause.items} == set(vocabulary().items)
    roles = {role for clause in clauses for role in clause.roles}
    assert set(vocabulary().roles) - roles == {"administrator"}
    assert {action for clause in clauses for action in clause.actions} == set(vocabulary().actions)


def test_the_duties_that_are_shipped_but_not_in_force_are_off() -> None:
    for name in ("children-act-2004-s16la", "children-act-2004-s16lc"):
        assert not GATEWAYS[name].live
        assert "29 April 2026" in GATEWAYS[name].why_off


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t["parties"][0].pop("signed"), "The district's schools: not signed."),
        (lambda t: t["steps"].update(risks="  "), "The step “risks” is not answered."),
        (lambda t: t["steps"].pop("emergency"), "The step “emergency” is not answered."),
        (lambda t: t["steps"].update(luck="Some."), "“luck” is none of the ten steps."),
        (lambda t: t.update(end="2025-01-01"), "It ends before it starts."),
        (lambda t: t.update(review="2031-01-01"), "Its review is not between its start and its end."),
        (lambda t: t["gateways"].append("children-act-2004-s16la"), "which is off: Enacted on 29 April 2026"),
        (lambda t: t["gateways"].append("s251-support"), "never for direct care of a child"),
        (lambda t: t["gateways"].append("operation-encompass"), "needs a party of kind police."),
        (lambda t: t["gateways"].remove("uk-gdpr-6-1-e"), "No article-6 among its gateways serves"),
        (lambda t: t["gateways"].remove("uk-gdpr-9-2-h"), "No article-9 among its gateways serves"),
        (lambda t: t["gateways"].remove("children-act-2004-s10"), "No power or duty among its gateways"),
        (lambda t: t["gateways"].append("uk-gdpr-9-2-a"), "but no clause asks for consent."),
        (lambda t: t["clauses"][0]["organisations"].append("police"), "about police, which is no party."),
        (lambda t: t["clauses"][0]["items"].append("chronology.police"), "but no party brings it (police)."),
        (lambda t: t["clauses"][0].update(roles=["police-officer"]), "Clause 1.1 is about nobody"),
        (lambda t: t["clauses"][0].update(relationships="none-needed"), "Clause 1.1 needs no relationship"),
    ],
)
def test_what_is_not_whole_permits_nothing(table: dict[str, Any], change: Any, fault: str) -> None:
    change(table)
    agreement = make_agreement(table, GATEWAYS)
    assert any(fault in said for said in agreement.faults), agreement.faults
    assert agreement.state(DAY) == "incomplete"
    door = Door([agreement], GATEWAYS, "made up")
    assert "permit" not in door.policies


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: t["clauses"][0].update(roles=["sencoo"]), "clause 1.1, roles, names “sencoo”"),
        (lambda t: t["clauses"][0].update(actions=["look"]), "clause 1.1, actions, names “look”"),
        (lambda t: t["clauses"][0].update(relationships=["friend"]), "relationships, names “friend”"),
        (lambda t: t["clauses"][0].update(purposes=["fun"]), "clause 1.1, purposes, names “fun”"),
        (lambda t: t["clauses"][0].update(items=["pasport.*"]), "no item is called “pasport.*”"),
        (lambda t: t["clauses"].append(t["clauses"][0]), "clauses (each id once) names “1.1”"),
        (lambda t: t.update(gateways=["magna-carta"]), "gateways names “magna-carta”"),
        (lambda t: t["parties"][0].update(kind="circus"), "parties names “circus”"),
        (lambda t: t.update(name="all"), "name: 'all' should not be valid"),
        (lambda t: t.update(start="2026-02-30"), "a day is not one of the calendar"),
        (lambda t: t.pop("retention"), "'retention' is a required property"),
        (lambda t: t["clauses"][0].update(consent="maybe"), "clauses/0/consent"),
        (lambda t: t["clauses"][0].update(items=['plan"]) || true || ["x']), "clauses/0/items/0"),
    ],
)
def test_what_is_wrong_is_refused_whole(table: dict[str, Any], change: Any, what: str) -> None:
    change(table)
    with pytest.raises(EviError) as caught:
        make_agreement(table, GATEWAYS, where="3-school-health.yaml")
    assert what in caught.value.what
    assert caught.value.where == "3-school-health.yaml"


def test_an_agreement_holds_from_its_last_signature_until_the_day_before_its_end(
    table: dict[str, Any],
) -> None:
    table["parties"][1]["signed"]["day"] = "2026-03-01"
    agreement = make_agreement(table, GATEWAYS)
    states = [
        agreement.state(day)
        for day in (date(2026, 2, 28), date(2026, 3, 1), date(2030, 1, 4), date(2030, 1, 5))
    ]
    assert states == ["not yet in force", "in force", "in force", "expired"]


def test_two_files_of_one_agreement_are_refused(tmp_path: Path, table: dict[str, Any]) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(table))
    with pytest.raises(EviError, match="is there twice"):
        load_agreements([tmp_path], GATEWAYS)
    with pytest.raises(EviError, match="no such folder"):
        Door.open([tmp_path / "nowhere"])


def test_a_district_can_turn_a_gateway_on_with_a_file_of_its_own(
    tmp_path: Path, table: dict[str, Any]
) -> None:
    table["gateways"].append("children-act-2004-s16la")
    (tmp_path / "3.yaml").write_text(yaml.safe_dump(table))
    assert not Door.open([tmp_path]).in_force(DAY)
    row = next(
        row
        for row in yaml.safe_load((EXAMPLES.parent / "gateways/children-act-2004.yaml").read_text())
        if row["id"] == "children-act-2004-s16la"
    )
    (tmp_path / "gateways").mkdir()
    started = tmp_path / "gateways/duty.yaml"
    started.write_text(yaml.safe_dump([row | {"switched_on": True, "in_force_from": date(2026, 10, 1)}]))
    door = Door.open([tmp_path])
    assert [each.name for each in door.in_force(DAY)] == ["school-health"]
    assert not door.in_force(date(2026, 9, 30))
    assert not door.agreement("school-health").honours("objection"), "the duty overrides an objection"
    started.write_text(yaml.safe_dump([row | {"switched_on": "perhaps"}]))
    with pytest.raises(EviError, match="switched_on"):
        Door.open([tmp_path])


def test_the_fingerprint_is_of_what_is_said_and_not_of_where(tmp_path: Path) -> None:
    for path in EXAMPLES.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert Door.open([tmp_path]).fingerprint == Door.open([EXAMPLES]).fingerprint
    first = tmp_path / "1-school-family.yaml"
    first.write_text(
        first.read_text().replace("roles: [class-teacher]", "roles: [class-teacher, key-worker]")
    )
    assert Door.open([tmp_path]).fingerprint != Door.open([EXAMPLES]).fingerprint


@pytest.mark.parametrize(
    "policy",
    [
        'permit (principal, action, resource) when { [Role::"sencoo"].contains(principal) };',
        "permit (principal, action, resource) when { context.moved_outt };",
        'permit (principal, action, resource) when { context.day > "Monday" };',
    ],
)
def test_a_policy_with_a_slip_stops_the_door_from_opening(policy: str) -> None:
    with pytest.raises(EviError, match="a policy breaks the schema"):
        validate(policy)


@pytest.mark.parametrize(
    "policy",
    [
        'permit (principal, action, resource) when { context.organisation like "h*" };',
        'permit (principal == Role::"senco", action, resource);',
        "permit (principal, action, resource) when { false && context.day > 3 };",
    ],
)
def test_a_policy_that_lists_could_not_follow_is_refused(policy: str) -> None:
    with pytest.raises(EviError):
        residual_of(policy)


def test_duties_are_for_the_roles_named() -> None:
    assert may_do("data-guardian", "review-break-glass")
    assert not may_do("class-teacher", "access-report")
    with pytest.raises(EviError, match="no duty is called"):
        may_do("senco", "party")
