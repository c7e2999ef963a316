"""Decisions of the shipped agreements, as a table of cases: who, what, tied how, and which sentence."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from evi.sharing.agreements import EXAMPLES
from evi.sharing.comparing import changes, permissions, unversioned
from evi.sharing.decisions import Actor, Decision, Door, Request
from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from tests.sharing import oracle
from tests.sharing.worlds import door_of

DAY = date(2026, 11, 2)
DOOR = Door.open([EXAMPLES])
SENCO, TEACHER, HEAD = ("senco", "school"), ("class-teacher", "school"), ("head-teacher", "school")
VISITOR, CAMHS, SOCIAL = (
    ("health-visitor", "health-visiting"), ("camhs-clinician", "camhs"), ("social-worker", "social-care"),
)  # fmt: skip
PARENT, YOUNG, CLUB = ("parent", "family"), ("young-person", "family"), ("key-worker", "voluntary")
POLICE, GUARDIAN = ("police-officer", "police"), ("data-guardian", "partnership")
MANAGER, ADMIN = ("partnership-manager", "partnership"), ("administrator", "school")


def ask(who: tuple[str, str], what: str, tie: str = "", **more: Any) -> Decision:
    """`what` is an action and an item; facts as one word or a list of them."""
    action, item = what.split()
    role, kind = who
    facts = {
        key: more.pop(key, ()) for key in ("shared", "consents", "objections", "withheld") if key in more
    } | {"ties": tie}
    sets = {
        key: frozenset(value.split() if isinstance(value, str) else value) for key, value in facts.items()
    }
    purpose = more.pop("purpose", vocabulary().roles[role].purpose)
    return DOOR.decide(Request(Actor(role, "hill", kind), action, item, purpose, DAY, **sets, **more))


PERMITTED = [
    (SENCO, "view plan", "on-roll"),
    (SENCO, "view passport.health", "on-roll"),
    (SENCO, "view chronology.education", "on-roll"),
    (SENCO, "view finding", "on-roll"),
    (SENCO, "view chronology.domestic-abuse-notice", "on-roll"),
    (SENCO, "invite circle", "on-roll"),
    (TEACHER, "contribute passport.about-me", "teaches"),
    (TEACHER, "view plan", "teaches"),
    (VISITOR, "view chronology.early-years", "on-caseload"),
    (VISITOR, "contribute passport.health", "on-caseload"),
    (VISITOR, "view passport.home", "in-circle"),
    (CAMHS, "view chronology.health", "in-circle"),
    (CAMHS, "contribute passport.sensory", "on-caseload"),
    (SOCIAL, "view chronology.police", "on-caseload"),
    (SOCIAL, "view contact", "duty-desk"),
    (PARENT, "view plan", "parent-of"),
    (PARENT, "view access-list", "parent-of"),
    (PARENT, "contribute passport.home", "parent-of"),
    (PARENT, "share passport.works", "parent-of"),
    (YOUNG, "contribute voice", "self"),
    (POLICE, "contribute chronology.domestic-abuse-notice", "duty-desk"),
    (GUARDIAN, "view access-list", ""),
    (MANAGER, "release finding", ""),
    (CLUB, "search identity", "shared-with"),
]
REFUSED = [
    (SENCO, "view plan", "", "no-relationship"),
    (SENCO, "view chronology.police", "on-roll", "no-agreement"),
    (SENCO, "view chronology.social-care", "on-roll", "role"),
    (TEACHER, "view plan", "on-roll", "no-relationship"),
    (TEACHER, "view finding", "teaches", "role"),
    (VISITOR, "view chronology.police", "on-caseload", "no-agreement"),
    (CAMHS, "view chronology.social-care", "on-caseload", "purpose"),
    (CLUB, "view plan", "in-circle", "consent-needed"),
    (POLICE, "view plan", "on-caseload", "no-relationship"),
    (PARENT, "view chronology.police", "parent-of", "no-agreement"),
    (PARENT, "view index", "parent-of", "no-agreement"),
    (GUARDIAN, "view plan", "", "no-agreement"),
    (ADMIN, "view identity", "on-roll", "role"),
    (MANAGER, "view identity", "", "role"),
    (HEAD, "view chronology.social-care", "on-roll", "purpose"),
]


@pytest.mark.parametrize(("who", "what", "tie"), PERMITTED)
def test_what_is_open(who: tuple[str, str], what: str, tie: str) -> None:
    decision = ask(who, what, tie)
    assert decision.permitted, decision.sentence
    assert decision.gateway
    assert f"clause {decision.clause}" in decision.sentence


@pytest.mark.parametrize(("who", "what", "tie", "why"), REFUSED)
def test_what_is_not(who: tuple[str, str], what: str, tie: str, why: str) -> None:
    decision = ask(who, what, tie)
    assert (decision.permitted, decision.why) == (False, why), decision.sentence


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (
            ask(SENCO, "view plan", "on-roll"),
            "You can see this child's support plan because you are the SENCO at the child's school "
            "(agreement 3, school and health, clause 1.1).",
        ),
        (
            ask(SENCO, "view chronology.police", "on-roll"),
            "You can't see the police entries: no agreement covers this for schools, except domestic "
            "abuse notices.",
        ),
        (
            ask(SENCO, "view plan", "on-roll", objections="school-health"),
            "You can't see this child's support plan: the family has objected to sharing under agreement 3 "
            "(school and health). Talk with the family; they can take it back at any time.",
        ),
        (
            ask(CLUB, "view plan"),
            "You can't see this child's support plan. It would be open to you if it were shared with you or "
            "the family agreed and you were in the child's circle (agreement 1, school and family).",
        ),
        (
            ask(TEACHER, "view finding", "teaches"),
            "You can't see what case-finding released about this child: for schools, agreement 8 (release of "
            "case-finding) covers it for a SENCO or a head teacher, not for a class teacher.",
        ),
        (
            ask(SENCO, "view chronology.social-care", "on-roll"),
            "You can't see the social care entries: for schools, agreement 4 (safeguarding) covers it for a "
            "head teacher who acts for keeping the child safe, not for a SENCO.",
        ),
        (
            ask(PARENT, "view contact", "parent-of", withheld="contact"),
            "You can't see this child's address and telephone number: it is held back from you for this "
            "child. The data guardian can tell you more.",
        ),
        (
            ask(SENCO, "contribute plan", "on-roll", moved_out=True),
            "You can't add to this child's support plan: the child has left the district. What was there can "
            "still be read.",
        ),
        (
            ask(HEAD, "view contact", purpose="emergency"),
            "You can see this child's address and telephone number because this is an emergency; the data "
            "guardian is told at once (agreement 4, safeguarding, clause 5.1).",
        ),
    ],
)
def test_sentences(decision: Decision, sentence: str) -> None:
    assert decision.sentence == sentence


def test_wishes() -> None:
    assert ask(SENCO, "view plan", "on-roll", objections="all").why == "objection"
    assert ask(SENCO, "view plan", "on-roll", objections="camhs-pathway").permitted
    assert ask(SENCO, "view finding", "on-roll", objections="opt-out").why == "opt-out"
    assert ask(SENCO, "view plan", "on-roll", objections="opt-out").permitted, "it is care, not planning"
    assert ask(SENCO, "view chronology.domestic-abuse-notice", "on-roll", objections="all").permitted, (
        "a duty"
    )
    assert ask(SOCIAL, "view plan", "on-caseload", objections="all").permitted, "safeguarding"
    assert ask(PARENT, "view plan", "parent-of", objections="all").permitted, "their own access"
    assert ask(CLUB, "view plan", "in-circle", consents="early-help").permitted
    assert not ask(CLUB, "view plan", "in-circle", consents="early-help", objections="early-help").permitted


def test_an_emergency_opens_the_least_and_no_more() -> None:
    opened = [
        item for item in vocabulary().items if ask(TEACHER, f"view {item}", purpose="emergency").permitted
    ]
    assert opened == ["identity", "contact", "passport.communication", "passport.health", "circle"]
    assert not ask(TEACHER, "contribute passport.health", purpose="emergency").permitted
    assert not ask(PARENT, "view identity", purpose="emergency").permitted
    assert not ask(TEACHER, "view contact", purpose="emergency", withheld="contact").permitted


def test_a_share_opens_what_it_names_and_who_the_child_is() -> None:
    shared = {"tie": "shared-with", "shared": "passport.sensory"}
    opened = [item for item in vocabulary().items if ask(CLUB, f"view {item}", **shared).permitted]
    assert opened == ["identity", "passport.sensory"]


def test_who_has_moved_away_can_be_read_of_but_not_written_to() -> None:
    for action in vocabulary().actions.values():
        if ask(SENCO, f"{action.key} passport.health", "on-roll").permitted:
            gone = ask(SENCO, f"{action.key} passport.health", "on-roll", moved_out=True)
            assert gone.permitted is action.after_move, action.key


def test_a_slip_in_a_question_is_an_error_and_no_silent_refusal() -> None:
    for who, what, tie in (
        (SENCO, "view plann", ""),
        (("sencoo", "school"), "view plan", ""),
        (SENCO, "view plan", "on-rol"),
    ):
        with pytest.raises((EviError, KeyError)):
            ask(who, what, tie)
    with pytest.raises(EviError, match="a word or a type"):
        DOOR.decide(Request(Actor("senco", "hill", "school"), "view", "plan", "fun", DAY))


def test_event_codes_limit_what_is_covered() -> None:
    tables = oracle.example_tables()
    tables[0]["clauses"][0] |= {
        "items": ["chronology.education"],
        "event_codes": ["EDU/EYFSP/*", "EDU/ABSENT"],
    }
    request = Request(
        Actor("parent", "", "family"),
        "view",
        "chronology.education",
        "family-access",
        DAY,
        frozenset({"parent-of"}),
    )
    decision = door_of(tables).decide(request)
    assert decision.codes == ("EDU/ABSENT", "EDU/EYFSP/*")
    covered = [
        code
        for code in ("EDU/EYFSP/2021", "EDU/ABSENT", "EDU/ABSENT/X", "EDU/EXCLUDED", "")
        if decision.covers(code)
    ]
    assert covered == ["EDU/EYFSP/2021", "EDU/ABSENT"]
    assert DOOR.decide(request).covers("")


def test_an_organisation_that_has_not_joined_is_told_so() -> None:
    tables = oracle.example_tables()
    tables[2]["parties"][0]["organisations"] = ["lake"]
    door = door_of(tables)
    asked = {
        code: door.decide(
            Request(
                Actor("senco", code, "school"), "view", "plan", "direct-support", DAY, frozenset({"on-roll"})
            )
        )
        for code in ("lake", "hill")
    }
    assert asked["lake"].permitted
    assert asked["hill"].sentence == (
        "You can't see this child's support plan: your school has not joined agreement 3 (school and health)."
    )


def test_an_agreement_that_has_ended_is_named() -> None:
    tables = oracle.example_tables()
    tables[2] |= {"end": "2026-10-01", "review": "2026-09-01"}
    request = Request(
        Actor("senco", "", "school"), "view", "plan", "direct-support", DAY, frozenset({"on-roll"})
    )
    assert door_of(tables).decide(request).sentence == (
        "You can't see this child's support plan: agreement 3 (school and health) would cover it, but it "
        "ended on 1 October 2026."
    )
    del tables[2]["parties"][1]["signed"]
    decision = door_of(tables).decide(request)
    assert decision.why == "incomplete"
    assert decision.sentence.endswith("but is not complete. The district's nurseries: not signed.")


def test_permissions_spelled_out_are_what_a_plain_reading_permits() -> None:
    tables = oracle.example_tables()
    found = permissions(DOOR, DAY)
    assert len(found) > 1000
    for each in sorted(found)[::40]:
        ties = frozenset(() if each.tie == "no tie needed" else (each.tie,))
        request = Request(
            Actor(each.role, "", each.kind), each.action, each.item, each.purpose, DAY, ties=ties,
            shared=frozenset({each.item}), consents=frozenset({"all"}),
        )  # fmt: skip
        assert oracle.permitting(tables, request), each


def test_a_change_is_told_by_what_it_does() -> None:
    tables = oracle.example_tables()
    tables[4]["clauses"][0]["roles"].append("class-teacher")
    new = door_of(tables)
    assert [each.sentence for each in changes(DOOR, new, DAY)] == [
        "+ class teacher at school (on-roll; direct-support, safeguarding) view: "
        "chronology.domestic-abuse-notice"
    ]
    assert [each.sentence[0] for each in changes(new, DOOR, DAY)] == ["-"]
    assert unversioned(DOOR.agreements, new.agreements) == ["operation-encompass"]
