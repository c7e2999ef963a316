"""Made-up agreements and questions for property tests: small, mostly whole, sometimes broken in one way."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from evi.sharing.agreements import make_agreement, ten_steps
from evi.sharing.decisions import Door
from evi.sharing.gateways import load_gateways
from evi.sharing.question import Actor, Request

KINDS = ("school", "health-visiting", "police")
ACTORS = (
    ("senco", "school"), ("class-teacher", "school"), ("health-visitor", "health-visiting"),
    ("police-officer", "police"), ("parent", "family"), ("data-guardian", "school"),
)  # fmt: skip
CODES = ("hill", "lake")
ACTIONS = ("view", "contribute", "share", "search")
PATTERNS = (
    "identity",
    "passport.*",
    "passport.health",
    "plan",
    "chronology.health",
    "chronology.education",
    "*",
)
ITEMS = (
    "identity",
    "passport.health",
    "passport.home",
    "plan",
    "chronology.health",
    "chronology.education",
    "voice",
)
TIES = ("on-roll", "teaches", "on-caseload", "in-circle", "parent-of", "shared-with")
LEGAL = {
    "honours": ["children-act-2004-s10", "uk-gdpr-6-1-e", "uk-gdpr-9-2-h"],
    "overrides": [
        "children-act-2004-s11",
        "uk-gdpr-6-1-e",
        "dpa-2018-sch-1-para-18",
        "children-act-2004-s10",
    ],
    "off": ["children-act-2004-s16la", "children-act-2004-s10", "uk-gdpr-6-1-e", "uk-gdpr-9-2-h"],
}
PURPOSES = ("direct-support", "family-access", "governance")
FIRST = date(2026, 1, 1)
NAMES = ("one", "two", "three")


def some(values: Any, most: int = 3) -> st.SearchStrategy[list[str]]:
    """A few of some words, each once."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


@st.composite
def clauses(draw: st.DrawFn, number: int, legal: str) -> dict[str, Any]:
    """A clause about somebody."""
    actors = draw(some(ACTORS))
    purposes = ["direct-support"] if legal == "overrides" else draw(some(PURPOSES))
    nothing = purposes == ["governance"] and draw(st.booleans())
    return {
        "id": f"1.{number}",
        "sentence": "Somebody may do something with it.",
        "organisations": sorted({kind for _, kind in actors}),
        "roles": sorted({role for role, _ in actors}),
        "actions": draw(some(ACTIONS)),
        "items": draw(some(PATTERNS)),
        "relationships": "none-needed" if nothing else draw(some(TIES)),
        "purposes": purposes,
        "consent": draw(st.sampled_from(("not-needed", "not-needed", "needed"))),
    }


@st.composite
def tables(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """An agreement as a file would say it; one in four or so is broken."""
    legal = draw(st.sampled_from(("honours", "honours", "overrides", "off")))
    table: dict[str, Any] = {
        "name": name,
        "number": NAMES.index(name) + 1,
        "version": 1,
        "title": f"agreement {name}",
        "summary": "Made up for a test of the engine.",
        "purposes": ["direct-support"],
        "parties": [
            {
                "kind": kind,
                "name": f"all of {kind}",
                "signed": {"by": "A. B.", "role": "head", "day": "2025-12-01"},
            }
            for kind in (
                "school",
                "health-visiting",
                "police",
                "nursery",
                "social-care",
                "housing",
                "voluntary",
            )
        ],
        "gateways": LEGAL[legal],
        "clauses": [draw(clauses(number, legal)) for number in range(draw(st.integers(1, 3)))],
        "retention": "Until the test is over.",
        "start": str(FIRST + timedelta(days=draw(st.integers(-40, 40)))),
        "review": "2026-04-01",
        "end": str(FIRST + timedelta(days=draw(st.integers(100, 200)))),
        "steps": dict.fromkeys(ten_steps(), "Answered."),
    }
    if draw(st.booleans()):
        table["also_honours"] = draw(some(("objection", "opt-out"), 2))
    if draw(st.booleans()):
        table["parties"][0]["organisations"] = ["hill"]
    match draw(st.integers(0, 8)):
        case 0:
            del table["parties"][1]["signed"]
        case 1:
            table["steps"]["risks"] = " "
        case 2:
            table["parties"][2]["signed"]["day"] = "2026-03-01"
    return table


agreements = st.integers(1, 3).flatmap(lambda n: st.tuples(*(tables(name) for name in NAMES[:n])))
names = st.frozensets(st.sampled_from(("all", *NAMES)), max_size=2)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A question, with any facts."""
    role, kind = draw(st.sampled_from(ACTORS))
    return Request(
        Actor(role, draw(st.sampled_from(CODES)), kind),
        draw(st.sampled_from(ACTIONS)),
        draw(st.sampled_from(ITEMS)),
        draw(st.sampled_from(PURPOSES)),
        FIRST + timedelta(days=draw(st.integers(-50, 210))),
        ties=draw(st.frozensets(st.sampled_from(TIES), max_size=3)),
        shared=draw(st.frozensets(st.sampled_from(ITEMS), max_size=2)),
        consents=draw(names),
        objections=draw(st.one_of(st.just(frozenset()), names, st.just(frozenset({"opt-out"})))),
        withheld=draw(st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(ITEMS), max_size=1))),
        moved_out=draw(st.integers(0, 5)) == 0,
    )


def door_of(tables: Any) -> Door:
    """The door of agreements made up."""
    gateways = load_gateways()
    return Door([make_agreement(deepcopy(table), gateways) for table in tables], gateways, "made up")
