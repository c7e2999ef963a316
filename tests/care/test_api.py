"""The interface: tokens, the same decisions, writes that are done once, edits that hold, plain problems."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evi.care.api import tokens
from evi.care.api.operations import ByToken, operations
from evi.care.api.views import openapi
from evi.care.children.models import Entry, Tie
from evi.care.door.endpoints import asks_of
from evi.care.door.models import AccessEntry
from evi.care.exchange.models import Answer, Token
from evi.care.passports.models import Revision
from evi.care.support import planning
from evi.care.support.models import Action
from evi.encoding import normalise
from tests.care.conftest import World

API = "/api/v1"


class Program:
    """A program that calls with a token."""

    def __init__(self, secret: str) -> None:
        self.client, self.secret, self.keys = Client(), secret, 0

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {self.secret}"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        data = b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, API + path, data, "application/json", headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, key: str = "") -> Any:
        self.keys += 1
        return self.call("POST", path, body, Idempotency_Key=key or f"key-{self.keys:08}")


@pytest.fixture
def program(world: World) -> Callable[..., Program]:
    """Makes a program of an organisation that acts as a role."""

    def made(role: str = "senco", organisation: str = "hill-school", per_minute: int = 1000) -> Program:
        visit = world.visit("administrator")
        visit.membership.organisation = world.organisations[organisation]
        last = timezone.localdate() + timedelta(days=30)
        _token, secret = tokens.make_token(visit, "A program", role, last, per_minute)
        return Program(secret)

    return made


def path(world: World, child: str, rest: str = "") -> str:
    return f"/children/{world.children[child].public_id}{rest}"


def make_plan(world: World, child: str = "amir") -> Action:
    visit, day = world.visit("senco"), timezone.localdate()
    plan = planning.start_plan(visit, world.children[child])
    need = planning.add_need(visit, plan, area="communication", text="Finds talking hard")
    outcome = planning.add_outcome(
        visit, need, text="Asks for help", measure="Times a day", target="5", by_when=day + timedelta(days=90)
    )
    return planning.add_action(
        visit, outcome, what="Small group", who_name="Tom", start=day, until=day + timedelta(days=60)
    )


def test_a_token_is_kept_as_a_digest_and_ends_at_once(world: World, program: Callable[..., Program]) -> None:
    school = program()
    token = Token.objects.get()
    assert school.secret not in json.dumps(list(Token.objects.values()), default=str)
    assert school.secret.startswith(token.prefix)
    assert school.get("/children").status_code == 200
    assert Token.objects.get().last_used_at is not None
    with pytest.raises(Exception, match="no such token"):
        tokens.end_token(world.visit("administrator"), "another")
    tokens.end_token(world.visit("administrator"), token.public_id)
    ended = school.get("/children")
    assert (ended.status_code, ended.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert ended.headers["Content-Type"] == "application/problem+json"
    assert Client().get(f"{API}/children").status_code == 401


def test_an_expired_token_and_one_of_a_role_that_is_not_there_do_not_work(
    world: World, program: Callable[..., Program]
) -> None:
    school = program()
    Token.objects.update(expires_on=timezone.localdate())
    assert school.get("/children").status_code == 401
    for role, last in (("midwife", 30), ("parent", 30), ("senco", 0), ("senco", 400)):
        with pytest.raises(Exception, match=r"no such role|at most a year"):
            tokens.make_token(
                world.visit("administrator"), "x", role, timezone.localdate() + timedelta(days=last)
            )
    with pytest.raises(Exception, match="for other roles"):
        tokens.make_token(world.visit("senco"), "x", "senco", timezone.localdate() + timedelta(days=30))


def test_the_same_decisions_and_ledger_as_for_a_person(world: World, program: Callable[..., Program]) -> None:
    school = program()
    listed = {child["id"] for child in school.get("/children").json()["children"]}
    assert listed == {world.children[key].public_id for key in ("amir", "cy")}
    before = AccessEntry.objects.count()
    seen = school.get(path(world, "amir")).json()
    assert (seen["given_name"], seen["birth_date"]) == ("Amir", "2020-03-09")
    entry = AccessEntry.objects.latest("number")
    assert (AccessEntry.objects.count(), entry.role, entry.action) == (before + 1, "senco", "view")
    refused = school.get(path(world, "bea"))
    nobody = school.get("/children/23456789bcdfgh")
    assert refused.status_code == nobody.status_code == 403
    assert refused.json()["detail"] == nobody.json()["detail"]  # they look alike
    assert AccessEntry.objects.latest("number").decision == "refused"
    police = school.get(path(world, "amir", "/chronology?kind=chronology.police"))
    assert police.status_code == 403
    assert (
        police.json()["detail"]
        == world.visit("senco").decision(world.children["amir"], "view", "chronology.police").sentence
    )


def test_search_is_in_the_body_and_in_the_ledger(world: World, program: Callable[..., Program]) -> None:
    school = program()
    found = school.call("POST", "/children/search", {"text": "Ameer Iqbal", "born": "2020-03-09"}).json()
    assert [child["id"] for child in found["children"]] == [world.children["amir"].public_id]
    assert school.call("POST", "/children/search", {"text": "Bea Stone"}).json()["children"] == []
    assert AccessEntry.objects.filter(action="search").exists()
    assert not AccessEntry.objects.filter(note__icontains="iqbal").exists()


@pytest.mark.both_databases
def test_a_write_is_done_once(world: World, program: Callable[..., Program]) -> None:
    school = program()
    entry = {
        "happened_on": "2026-03-02",
        "title": "Met with Mum",
        "fact": "We met.",
        "opinion": "It went well.",
    }
    url = path(world, "amir", "/chronology/education")
    assert school.call("POST", url, entry).status_code == 422  # no key
    first = school.post(url, entry, "same-key-1")
    again = school.post(url, entry, "same-key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert sorted(Entry.objects.values_list("nature", flat=True)) == ["fact", "opinion"]
    other = school.post(url, {**entry, "title": "Another"}, "same-key-1")
    assert (other.status_code, other.json()["title"]) == (409, "Key used before")
    wrong = school.post(url, {**entry, "happened_on": "2999-01-01"}, "a-failed-key")
    assert wrong.status_code == 422
    assert not Answer.objects.filter(key="a-failed-key").exists()
    assert school.post(url, entry, "a-failed-key").status_code == 201
    assert program("senco", "lake-school").post(url, entry, "same-key-1").status_code == 403


def test_a_replay_is_refused_once_the_right_has_gone(world: World, program: Callable[..., Program]) -> None:
    school = program()
    entry = {"happened_on": "2026-03-02", "title": "Met", "fact": "We met."}
    url = path(world, "amir", "/chronology/education")
    assert school.post(url, entry, "kept-key-1").status_code == 201
    Tie.objects.filter(child=world.children["amir"], organisation__code="hill-school").update(
        until=timezone.localdate()
    )
    assert school.post(url, entry, "kept-key-1").status_code == 403


@pytest.mark.both_databases
def test_words_of_the_passport_and_a_second_writer(world: World, program: Callable[..., Program]) -> None:
    school, url = program(), path(world, "amir", "/passport/works")
    assert school.post(url, {"text": "Pictures help", "base": 0}).json()["base"] == 1
    late = school.post(url, {"text": "Songs help", "base": 0})
    assert (late.status_code, late.json()["stands"]["text"]) == (409, "Pictures help")
    assert school.post(url, {"text": "Songs help", "base": 1}).status_code == 201
    assert Revision.objects.count() == 2
    read = school.get(url)
    assert [words["text"] for words in read.json()["sections"]["works"]] == ["Songs help"]
    assert school.get(url, If_None_Match=read.headers["ETag"]).status_code == 304
    assert school.post(path(world, "amir", "/passport/nonsense"), {"text": "x"}).status_code == 404
    assert school.post(url, {"text": "I am the child", "voice": "child"}).status_code == 422
    assert school.post(url, {"text": "He said so", "voice": "child", "taken_down": True}).status_code == 201
    assert set(school.get(path(world, "amir", "/passport")).json()["sections"]) >= {"works", "health"}


@pytest.mark.both_databases
def test_an_edit_holds_what_was_read(world: World, program: Callable[..., Program]) -> None:
    action = make_plan(world)
    school = program()
    read = school.get(path(world, "amir", "/plan"))
    url, tag = path(world, "amir", f"/plan/actions/{action.public_id}"), read.headers["ETag"]
    assert school.call("PATCH", url, {"status": "under-way"}).status_code == 422  # no If-Match
    assert school.call("PATCH", url, {"status": "under-way"}, If_Match='"old"').status_code == 412
    changed = school.call("PATCH", url, {"status": "under-way"}, If_Match=tag)
    assert (changed.status_code, changed.json()["status"]) == (200, "under-way")
    assert school.call("PATCH", url, {"status": "done"}, If_Match=tag).status_code == 412
    day = timezone.localdate()
    outcome = read.json()["needs"][0]["outcomes"][0]["id"]
    added = school.post(
        path(world, "amir", f"/plan/outcomes/{outcome}/actions"),
        {"what": "Cards", "who_name": "Tom", "start": str(day), "until": str(day + timedelta(days=9))},
    )
    assert added.status_code == 201
    wrong = school.post(
        path(world, "amir", f"/plan/outcomes/{outcome}/actions"),
        {"what": "Cards", "who_name": "Tom", "start": str(day), "until": "1999-01-01"},
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["at"]) == (422, ["until"])
    review = {
        "held_on": str(day),
        "summary": "Go on",
        "findings": [
            {"action": one, "effect": "helped", "verdict": "keep"}
            for one in (action.public_id, added.json()["id"])
        ],
    }
    assert school.post(path(world, "amir", "/plan/reviews"), review).json()["cycle"] == 1
    assert school.get(path(world, "cy", "/plan")).status_code == 404


@pytest.mark.both_databases
def test_calls_are_limited_for_each_token(
    world: World, program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: 1_800_000_010.0))  # in mid-minute
    school, other = program(per_minute=3), program()
    codes = [school.get("/children").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    last = school.get("/children")
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert other.get("/children").status_code == 200


@pytest.mark.both_databases
def test_a_school_says_who_is_on_roll(world: World, program: Callable[..., Program]) -> None:
    bea = world.children["bea"]
    letters = "ABCDEFGHJKLMNPQRTUVWXYZ"
    bea.upn = next(f"{each}123456789012" for each in letters if normalise.upn(f"{each}123456789012"))
    bea.save()
    office = program("administrator")
    line = {"upn": bea.upn, "birth_date": "2020-03-09", "since": "2026-03-01"}
    assert program().call("PUT", "/roll", {"children": [line]}).status_code == 403
    wrong_day = {**line, "birth_date": "2020-03-10"}
    said = office.call("PUT", "/roll", {"children": [line, wrong_day]}).json()
    assert [each["result"] for each in said["lines"]] == ["begun", "not-known"]
    assert office.call("PUT", "/roll", {"children": [line]}).json()["lines"][0]["result"] == "same"
    assert program().get(path(world, "bea")).status_code == 200
    ended = office.call("PUT", "/roll", {"children": [{**line, "until": str(timezone.localdate())}]}).json()
    assert ended["lines"][0]["result"] == "ended"
    assert program().get(path(world, "bea")).status_code == 403
    assert Tie.objects.filter(child=bea, organisation__code="hill-school").count() >= 1
    assert AccessEntry.objects.filter(child=bea.public_id, note__contains="on-roll").count() == 2


@pytest.mark.both_databases
def test_a_refusal_is_raised_as_a_blockage(world: World, program: Callable[..., Program]) -> None:
    school = program()
    harm = {"action": "view", "item": "chronology.police", "harm": "We can't keep him safe on the way home."}
    raised = school.post(path(world, "amir", "/blockages"), harm)
    assert raised.status_code == 201
    assert raised.json()["sentence"]
    assert school.post(path(world, "amir", "/blockages"), {**harm, "item": "plan"}).status_code == 422
    nobody = school.post("/children/23456789bcdfgh/blockages", harm)
    assert nobody.status_code == school.post(path(world, "bea", "/blockages"), harm).status_code == 201


def test_every_operation_declares_what_it_asks_and_is_in_the_document(world: World, as_role: Any) -> None:
    from django.urls import get_resolver

    named = {(each.method, each.path) for each in operations()}
    document = openapi()
    assert named == {
        (method.upper(), url.removeprefix(API))
        for url, methods in document["paths"].items()
        for method in methods
    }
    views = [pattern.callback for pattern in _patterns(get_resolver().url_patterns)]
    assert all(asks_of(view) for view in views)
    asked = [one for view in views if isinstance(asks_of(view), ByToken) for one in asks_of(view).operations]
    assert set(asked) == set(operations())
    assert {each.name for each in operations() if each.free} == {
        "children",
        "search",
        "import_by_number",
        "blockage",
    }
    assert Client().get("/api/openapi.json").json() == json.loads(json.dumps(document))
    for method in ("GET", "POST"):
        nothing = Client().generic(method, f"{API}/nothing/at/all")
        assert (nothing.status_code, nothing.headers["Content-Type"]) == (404, "application/problem+json")


def _patterns(found: Any, inside: bool = False) -> list[Any]:
    """Every pattern of the interface."""
    made = []
    for pattern in found:
        inner = inside or str(pattern.pattern) == "api/"
        if hasattr(pattern, "url_patterns"):
            made += _patterns(pattern.url_patterns, inner)
        elif inner:
            made.append(pattern)
    return made


@pytest.mark.both_databases
def test_hostile_strings_are_answered_and_never_break_anything(
    world: World, program: Callable[..., Program]
) -> None:
    school = program()
    url = path(world, "amir", "/passport/works")
    for text in (
        "\ud800",
        "\x00\x07",
        "'; DROP TABLE child;--",
        "<script>alert(1)</script>",
        "🎨" * 20_000,
        "x" * 20_001,
    ):
        assert school.post(url, {"text": text}).status_code in (201, 422), text[:5]
    for body in (b"{", b"[1]", b"\xff", b'"x"', b"1e999", b"[" * 5_000):
        key = {"Authorization": f"Bearer {school.secret}", "Idempotency-Key": "hostile-1"}
        sent = school.client.post(API + url, body, "application/json", headers=key)
        assert 400 <= sent.status_code < 500, body
    assert school.get("/children?page=-1").status_code == 422
    assert school.get("/children/%00").status_code in (404, 422)
