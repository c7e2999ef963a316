"""Cards: every shipped rule's is refused with gaps and built with answers; forms are whole."""

from __future__ import annotations

import json
import random
from datetime import date
from itertools import pairwise

import pytest
import yaml
from typer.testing import CliRunner

from evi.casefinding.cards.answers import FILE, blank_answers, read_answers
from evi.casefinding.cards.card import check_complete, make_card, note_card
from evi.casefinding.cards.forms import ASK, PLACE, Facts, fill, form, questions
from evi.casefinding.cards.hazards import risk
from evi.casefinding.cards.rule_facts import rule_facts
from evi.casefinding.cards.run_facts import NAMES, run_facts
from evi.casefinding.cards.written import card_document, card_markdown, write_card
from evi.casefinding.finding import find
from evi.casefinding.life import CARD, ledger
from evi.casefinding.models.saved import Saved
from evi.casefinding.rules import load_rules
from evi.cli.app import app, load_verbs
from evi.reports.card_page import card_page
from evi.workspace import EviError
from tests.casefinding.stores import DAY, Fact, low_profile, write_store

RULES = load_rules()
ANSWERS = {key: f"The district's own words on {key.replace('_', ' ')}" for key in questions()}


def facts_of_some_children() -> list[Fact]:
    """140 children, half of each framework; those with low profiles are diagnosed more often."""
    luck, made = random.Random(7), []
    for child in range(1, 141):
        framework = "2021" if child % 2 else "2012"
        low = luck.choice([0, 0, 0, 2, 8, 16])
        made += low_profile(child, framework, low)
        if luck.random() < (0.4 if low > 6 else 0.05):
            made.append(Fact(child, "HEALTH/GP/PROBLEM/AUTISM", date(2024, 1, 5)))
    return made


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    root = tmp_path_factory.mktemp("cards") / "district"
    return write_store(
        root, facts_of_some_children(), schools={child: f"S{child % 3}" for child in range(1, 141)}
    )


@pytest.fixture(autouse=True, scope="module")
def each_run_once():
    """A card is filled in several times from one run."""
    ran = {}

    def once(district, rule, day):
        key = (district.root, rule.id, day)
        if key not in ran:
            ran[key] = run_facts(district, rule, day)
        return ran[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evi.casefinding.cards.card.run_facts", once)
        yield


def answer(district, answers) -> None:
    path = district.root / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(answers), encoding="utf-8")


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_shipped_rule_is_refused_with_gaps_and_built_with_answers(district, name):
    answer(district, {})
    gaps = make_card(district, RULES[name], DAY)
    assert set(gaps.missing) == {ASK + key for key in questions()}  # what is missing is the district's alone
    with pytest.raises(EviError, match=r"the district must say: .*contact_email") as refused:
        check_complete(gaps)
    assert str(FILE) in refused.value.do
    assert "THE DISTRICT MUST SAY" in card_markdown(gaps)

    answer(district, ANSWERS)
    card = make_card(district, RULES[name], DAY)
    check_complete(card)
    page, text = card_page(card), card_markdown(card)
    for words in ("MUST SAY", "MUST GIVE", "{"):
        answers = [field.answer for part in card.parts for field in part.fields]
        assert not [each for each in answers if words in each]
    assert RULES[name].title in page
    assert "Not for" in text
    assert json.loads(json.dumps(card_document(card)))["complete"] is True


def test_one_missing_answer_is_enough_to_be_refused_and_a_promise_is_no_answer(district):
    for promised in ("", "TBC", "to be confirmed.", "n/a", None):
        answer(district, ANSWERS | {"dpia_ref": promised})
        with pytest.raises(EviError, match=r"the district must say: dpia_ref\. Answer"):
            check_complete(make_card(district, RULES["autism-eyfsp-2021"], DAY))


def test_answers_for_one_rule_stand_before_answers_for_all(district):
    answer(district, {"team": "all", "rules": {"gld-2021": {"team": "one"}}})
    assert read_answers(district, "gld-2021") == {"team": "one"}
    assert read_answers(district, "gld-2012") == {"team": "all"}


@pytest.mark.parametrize("text", ["- a list", "team: [", "nobody_asked: x", "rules: words"])
def test_answers_that_are_none_are_refused(district, text):
    answer(district, {})
    (district.root / FILE).write_text(text)
    with pytest.raises(EviError):
        read_answers(district, "gld-2021")


def test_a_blank_file_of_answers_asks_everything_and_answers_nothing(district):
    answer(district, {})
    (district.root / FILE).write_text(blank_answers())
    assert read_answers(district, "gld-2021") == {}
    assert set(yaml.safe_load(blank_answers())) == {*questions(), "rules"}


def test_a_run_that_fails_is_a_gap_that_no_answer_fills(tmp_path):
    empty = write_store(tmp_path / "d", [])
    for path in empty.records.glob("*.parquet"):
        path.unlink()
    answer(empty, ANSWERS)
    card = make_card(empty, RULES["autism-eyfsp-2021"], DAY)
    assert set(card.missing) <= set(NAMES)
    assert "performance" in card.missing
    with pytest.raises(EviError, match=r"the run must give: .*nothing is loaded yet"):
        check_complete(card)


def test_the_figures_of_a_card_are_those_of_its_run(district):
    answer(district, ANSWERS)
    card = make_card(district, RULES["autism-eyfsp-2021"], DAY)
    found = find(district, "autism-eyfsp-2021", DAY)
    flow = next(field.answer for field in card.part("tripod_ai").fields if field.id == "20a")
    assert f"{5 * round(found.table.height / 5)} children asked" in flow
    text = card_markdown(card)
    for child in found.of("positive")["subject_id"]:  # nobody's pseudonym is on a card
        assert f"subject_id {child}" not in text
    assert card.fairness
    shares = card.judged["layers"][0]["rule"]
    performance = next(field.answer for field in card.part("tripod_ai").fields if field.id == "23a")
    if shares["specificity"] is not None:
        assert f"specificity {shares['specificity']['value']:.0%}" in performance


def test_the_forms_are_whole():
    tripod = [row["id"] for row in form("tripod_ai")["items"]]
    assert len(tripod) == len(set(tripod)) == 52  # 27 items with their parts
    assert {each.rstrip("abcdefg") for each in tripod} == {str(number) for number in range(1, 28)}
    sections = {row["section"] for row in form("atrs")["items"]}
    assert {"Metadata", "Tier 1. Overview", "Dataset card"} < sections
    assert len([each for each in sections if each.startswith("Tier 2")]) == 5
    acts = {row["id"] for row in form("equality")["characteristics"]}
    assert acts >= {"age", "disability", "gender_reassignment", "marriage", "pregnancy", "race", "religion",
                    "sex", "orientation"}  # fmt: skip


def test_everything_that_a_district_is_asked_is_used_in_a_form():
    asked = {
        name.removeprefix(ASK)
        for each in ("tripod_ai", "atrs", "hazards", "equality")
        for name in PLACE.findall(json.dumps(form(each)))
        if name.startswith(ASK)
    }
    assert asked == set(questions())


def test_a_form_that_names_no_fact_is_an_error_and_never_a_blank():
    with pytest.raises(EviError, match="no fact named"):
        fill("{surprise}", Facts({}, {}))
    with pytest.raises(EviError, match="no district is asked"):
        fill("{ask.surprise}", Facts({}, {}))
    assert fill("{a}", Facts({"a": None}, {}, why="it broke")) == (
        "[THE RUN MUST GIVE: a (it broke)]",
        ("a",),
    )


def test_risk_rises_with_severity_and_likelihood():
    table = form("hazards")
    likelihoods = list(table["matrix"])
    grid = [[risk(severity, each) for severity in table["severities"]] for each in likelihoods]
    assert all(row == sorted(row) for row in grid)
    assert all(above >= below for a, b in pairwise(grid)
               for above, below in zip(a, b, strict=True))  # fmt: skip
    for row in table["hazards"]:
        assert risk(row["severity"], row["after"]) <= risk(row["severity"], row["likelihood"])


def test_no_card_promises_a_chance_of_a_condition():
    for rule in RULES.values():
        said = " ".join(
            str(text) for name, text in rule_facts(rule).items() if name not in ("text", "evidence")
        )
        assert "% chance" not in said


def test_a_complete_card_is_noted_in_the_ledger_and_a_draft_is_not(district, tmp_path):
    load_verbs("casefind")
    run = CliRunner().invoke
    answer(district, {})
    at = ["casefind", "card", "gld-2021", "--district", str(district.root), "--date", str(DAY)]
    refused = run(app, [*at, "--out", str(tmp_path / "cards")])
    assert refused.exit_code == 2
    assert not (tmp_path / "cards").exists()
    drafted = run(app, [*at, "--draft", "--out", str(tmp_path / "cards")])
    assert drafted.exit_code == 0, drafted.output
    assert "DRAFT" in (tmp_path / "cards" / "gld-2021" / "card.html").read_text()
    assert not [each for each in ledger(district).read() if each["kind"] == CARD]
    answer(district, ANSWERS)
    assert run(app, [*at, "--out", str(tmp_path / "cards")]).exit_code == 0
    noted = [each for each in ledger(district).read() if each["kind"] == CARD]
    assert [each["digest"] for each in noted] == [RULES["gld-2021"].digest]
    names = {path.name for path in (tmp_path / "cards" / "gld-2021").iterdir()}
    assert names == {"card.json", "card.md", "card.html", "hazard-log.csv"}


def test_the_same_card_gives_the_same_bytes(district, tmp_path):
    answer(district, ANSWERS)
    for folder in ("a", "b"):
        card = make_card(district, RULES["movement-eyfsp-2021"], DAY)
        write_card(card, tmp_path / folder, card_page(card))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_draft_is_never_noted_as_complete(district):
    answer(district, {})
    with pytest.raises(EviError, match="not complete"):
        note_card(district, make_card(district, RULES["gld-2012"], DAY), "0" * 32, "2026-01-01")


def test_hostile_answers_stay_text(district):
    answer(district, ANSWERS | {"team": "<script>alert(1)</script> {ask.team} | {code}"})
    card = make_card(district, RULES["gld-2012"], DAY)
    assert "<script>" not in card_page(card)
    assert "{ask.team}" in card_markdown(card)  # a place in an answer is not filled in


def measured(auc=0.77):
    return {"auc": [auc, auc - 0.04, auc + 0.03], "calibration_slope": [0.93, 0.78, 1.07],
            "calibration_in_the_large": [0.0, None, 0.1]}  # fmt: skip


def saved_model():
    share = {"value": 0.25, "low": 0.2, "high": 0.3}
    shares = dict.fromkeys(("came", "by_rule", "by_model", "wrongly_by_rule", "wrongly_by_model"), share)
    rule = RULES["gld-2012"]
    about = {
        "kind": "logistic", "use": "It only puts a list in order.",
        "learned_from": {"years_to_outcome": 3, "children": 1643, "events": 257, "code": "0" * 32},
        "features": [{"name": "total", "title": "total of the assessment", "why": "what the rule reads"},
                     {"name": "sex", "title": "sex", "why": ""}],
        "needed": {"children": 1279, "events": 201, "parameters": 13},
        "validation": {"by": {"family": measured(), "place": measured(0.76)},
                       "not_done": {"time": "one year"}},
        "stability": {"refits": 5, "auc_optimism": 0.014, "first_who_stay_first": 0.93},
        "equal_work": {"recorded_within": {"assessed": 578, "needy": 257, "found_by_rule": 191,
                                           "found_by_model": 4}},
        "groups": [{"by": "sex", "group": "boys", "children": 839, "said": 0.19, **shares}],
        "groups_too_small": ["ethnicity: Black"], "external": None,
    }  # fmt: skip
    return Saved(None, rule.label, rule.digest, False, "It is not offered: use the rule.", about, "a" * 32)


def test_the_card_of_a_model_holds_how_it_was_tried_and_what_it_takes_into_account(district):
    answer(district, ANSWERS)
    card = make_card(district, RULES["gld-2012"], DAY, saved_model())
    check_complete(card)
    text = card_markdown(card)
    assert "On families it did not learn from: AUC 0.77 (0.73 to 0.80)" in text
    assert "It is not offered: use the rule." in text
    assert "of 255 (recorded within) the model finds fewer than 10 and the rule 190" in text  # few are hidden
    assert "Among its items: sex." in text  # a characteristic that enters is said to
    assert card.digest == "a" * 32
    assert ("ethnicity: Black", *["too few"] * 7) in card.fairness
    assert "Riley's criteria ask for 1,280 children" in text
    assert "A logistic model" in card_page(card)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing_wrong_with_a_card_and_it_is_never_too_wide(district, tmp_path, width, chromium):
    from axe_playwright_python.sync_playwright import Axe

    page = tmp_path / "card.html"
    answer(district, {})  # a draft: its gaps are marked, and marks can lack contrast too
    page.write_text(card_page(make_card(district, RULES["gld-2021"], DAY)), encoding="utf-8")
    tab = chromium.new_page(viewport={"width": width, "height": 800})
    tab.goto(page.as_uri())
    assert tab.locator("h2").count() > 5
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    wrong = Axe().run(tab, options={"runOnly": {"type": "tag", "values": rules}})
    assert wrong.violations_count == 0, wrong.generate_report()
    wide = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
    tab.close()
