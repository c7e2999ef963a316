# ruff: noqa: E501 - a table of cases reads best with a case on a line
"""The registry as shipped: complete, readable, honest, and about events that some layout yields."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import yaml

from evi.feeds import load_layouts
from evi.indicators import DOMAINS, load_registry
from evi.indicators.catalogue import refreshed
from evi.indicators.expressions import AtLeastOf, all_facts, matches, walk
from evi.indicators.packed import MOST_STREAMS
from evi.indicators.plan import Plan
from evi.indicators.registry import FOLDER, read_file
from evi.workspace import EviError

REGISTRY = load_registry()
ROOT = Path(__file__).parents[2]
DERIVED = {"PLACE/MOVE"}

ASKED_FOR = {
    "fewer than the expected level in early learning goals, by framework": ("eyfsp_five_goals", "eyfsp_communication"),
    "ASQ-3 below cut-off": ("asq3_communication", "asq3_motor", "asq3_problem_solving", "asq3_personal_social"),
    "no two-year review by 30 months": ("no_two_year_review",),
    "persistent and severe absence": ("persistent_absence", "severe_absence"),
    "exclusion": ("suspended", "permanently_excluded"),
    "SEN support and plan": ("sen_support", "ehc_plan"),
    "re-referral within 12 months": ("re_referred",),
    "domestic abuse at the home in 12 months": ("domestic_abuse_at_home",),
    "parental mental ill health": ("parental_mental_ill_health",),
    "missing episodes": ("missing", "missing_three_times"),
    "three homes in two years": ("three_homes_two_years",),
    "damp or overcrowding": ("damp_or_overcrowded",),
    "eviction notice": ("eviction_notice",),
    "free school meals": ("free_school_meals",),
    "preterm": ("preterm",),
    "low birth weight": ("low_birth_weight",),
    "carer responsibility": ("young_carer",),
    "A&E four times in a year": ("ae_four_times",),
}  # fmt: skip
FACTORS = [f"{n}{p}" for n in range(1, 7) for p in "ABC"] + ["7A", "8A", "8B", "8C", "8D", "8E", "8F"]
FACTORS += ["9A", "10A", "11A", "12A", "13A", "14A", "15A", "16A", "17A", "18A", "18B", "18C"]
FACTORS += ["19A", "19B", "19C", "22A", "23A", "24A"]


def emitted() -> set[str]:
    """Every code that some layout yields, with the code lists of its fields spelt out."""
    codes = set(DERIVED)
    for layout in load_layouts().values():
        lists = {field.name: [str(code).upper() for code in field.codes] for field in layout.fields}
        for event in layout.events:
            names = re.findall(r"{(\w+)}", event.code)
            for values in itertools.product(*(lists[name] for name in names)):
                codes.add(event.code.format(**dict(zip(names, values, strict=True))))
    return codes


def test_there_are_enough_over_all_ten_domains() -> None:
    assert len(REGISTRY) >= 65
    assert {indicator.domain for indicator in REGISTRY} == set(DOMAINS)
    assert {indicator.scope for indicator in REGISTRY} == {"child", "household", "school", "area"}


@pytest.mark.parametrize("ids", ASKED_FOR.values(), ids=ASKED_FOR.keys())
def test_the_named_examples_are_there(ids: tuple[str, ...]) -> None:
    assert all(REGISTRY[one] for one in ids)


@pytest.mark.parametrize("factor", FACTORS)
def test_each_assessment_factor_counts_somewhere(factor: str) -> None:
    assert any(matches(code, f"CSC/FACTOR/{factor}") for i in REGISTRY for code in i.codes)


def test_every_code_is_one_that_some_layout_yields() -> None:
    known = emitted()
    for indicator in REGISTRY:
        for code in indicator.codes:
            assert any(matches(code, one) for one in known), (indicator.id, code)


def test_every_feed_that_is_needed_is_delivered() -> None:
    feeds = {layout.feed for layout in load_layouts().values()}
    assert all(feed in feeds for indicator in REGISTRY for feed in indicator.needs.feeds)


def test_goals_of_two_frameworks_are_never_counted_together() -> None:
    """A child is behind by the goals of 2012 or by those of 2021: "five goals" can't be two of one and three of the other."""
    for indicator in REGISTRY:
        for part in walk(indicator.expression):
            if isinstance(part, AtLeastOf) and part.at_least > 1:
                codes = {code for facts in all_facts(part) for code in facts.codes}
                assert len({code.split("/")[2] for code in codes if code.startswith("EDU/EYFSP")}) <= 1, (
                    indicator.id
                )


def test_both_frameworks_answer_the_same_questions() -> None:
    read = [
        {c.split("/")[2] for c in i.codes if c.startswith("EDU/EYFSP")}
        for i in REGISTRY
        if i.id.startswith("eyfsp_")
    ]
    assert len(read) == 6
    assert all(frameworks == {"2012", "2021"} for frameworks in read)


@pytest.mark.parametrize("indicator", REGISTRY, ids=lambda i: i.id)
def test_titles_are_plain(indicator) -> None:
    """Few, short words: a mean below six letters, and none that only a service would use."""
    words = re.findall(r"[A-Za-z]+", indicator.title)
    assert len(words) <= 13
    assert sum(map(len, words)) / len(words) < 6
    jargon = {"CIN", "CPP", "SEMH", "SLCN", "UASC", "CLA", "S47", "DNA", "EHCP", "multi", "agency"}
    assert not jargon & set(words)


@pytest.mark.parametrize("indicator", REGISTRY, ids=lambda i: i.id)
def test_reasons_and_evidence_are_whole(indicator) -> None:
    known = {"count", "days", "places", "first", "latest", "value", "feeds", "share", "total", "since"}
    assert set(re.findall(r"{(\w+)}", indicator.reason)) <= known
    assert "no figure found" in indicator.evidence.figure or re.search(r"\d", indicator.evidence.figure)
    assert indicator.owner
    assert indicator.version >= 1


def test_bands_are_marked_provisional_and_say_how_they_were_set() -> None:
    bands = yaml.safe_load((FOLDER / "bands.yaml").read_text())
    assert bands["provisional"] is True
    assert "Clegg 2016" in bands["method"]
    assert [band["from"] for band in bands["bands"]] == sorted(band["from"] for band in bands["bands"])
    assert 0 < bands["minimum_share"] <= 1


def test_the_catalogue_in_the_docs_is_current() -> None:
    page = (ROOT / "docs" / "indicators.md").read_text(encoding="utf-8")
    assert page == refreshed(page, REGISTRY), "run: python -m evi.indicators.catalogue docs/indicators.md"


def test_streams_fit_the_packed_form() -> None:
    plan = Plan.of(REGISTRY)
    assert all(sum(s.kind == kind for s in plan.streams) <= MOST_STREAMS for kind in plan.kinds)


GOOD = """
domain: health
indicators:
  - id: something
    title: Has something
    scope: child
    age_months: [0, 216]
    expression: {exists: {codes: [A/B], days: 30}}
    needs: {any_of: [gp]}
    who_would_know: GP
    reason: "{count} things"
    evidence: {source: somewhere, figure: no figure found}
    owner: health
    version: 1
"""
MISTAKES = {
    "a misspelt head": ("{exists:", "{exist:", "indicators/0/expression: Additional properties are not allowed ('exist' was unexpected)."),
    "a domain of its own": ("domain: health", "domain: wellbeing", "domain: 'wellbeing' is not one of"),
    "no feed": ("{any_of: [gp]}", "{}", "indicators/0/needs: {} is not valid"),
    "a code in small letters": ("[A/B]", "[a/b]", "indicators/0/expression/exists/codes/0: 'a/b' does not match"),
    "a look-back that ends before it starts": ("days: 30", "days: 30, after_days: 40", "a look-back of 30 days ends before it starts, 40 days after the event."),
    "more parts than there are": ("{exists: {codes: [A/B], days: 30}}", "{k_of: {at_least: 2, of: [{exists: {codes: [A]}}]}}", "k_of asks for 2 of 1 parts."),
    "a sum of nothing": ("{exists: {codes: [A/B], days: 30}}", "{sum: {codes: [A], at_least: 0}}", "sum at_least must be above 0, so that no record is never a yes."),
    "a comparison that is missing": ("{exists: {codes: [A/B], days: 30}}", "{last: {codes: [A]}}", "indicators/0/expression/last"),
    "no owner": ("    owner: health\n", "", "'owner' is a required property."),
    "not YAML": ("domain: health", "domain: [", "it is not YAML."),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_gets_its_message(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "health.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(EviError) as caught:
        read_file(tmp_path / "health.yaml")
    assert message in str(caught.value)


def test_a_district_adds_and_replaces_without_touching_the_package(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(GOOD + GOOD.split("indicators:\n")[1].replace("something", "preterm"))
    registry = load_registry([tmp_path])
    assert registry["something"].title == "Has something"
    assert registry["preterm"].domain == "health"
    assert len(registry) == len(REGISTRY) + 1
    assert registry.digest != REGISTRY.digest


def test_the_same_id_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(EviError, match="defined twice: something"):
        load_registry([tmp_path])
