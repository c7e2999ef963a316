"""Rules as data: what a file may say, what is refused, and what the shipped rules rest on."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import yaml

from evi.casefinding.deriving import equal_share
from evi.casefinding.frameworks import assessments
from evi.casefinding.moved_line import lines_by_odds, months_younger, share_past
from evi.casefinding.rule_pages import rules_page
from evi.casefinding.rules import FOLDER, Rule, load_rules, make_rule, read_rule, rules_named
from evi.feeds import load_layouts
from evi.queues.measuring.clocks import _yields
from evi.workspace import District, DistrictConfig, EviError

DOCS = Path(__file__).parents[2] / "docs" / "casefinding-rules.md"
RULES = load_rules()
FIVE = [f"EDU/EYFSP/2012/{goal}" for goal in ("COM/LA", "COM/U", "COM/S", "PSED/MR", "PSED/MFB")]


def table(name: str = "autism-eyfsp-2012") -> dict:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def changed(name: str = "autism-eyfsp-2012", **parts: object) -> dict:
    made = table(name)
    for path, value in parts.items():
        keys = path.split("__")
        inner = made
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
    return made


MISTAKES = [
    ({"reads__frameworks": ["2012", "2021"]}, "may not read two frameworks"),
    ({"reads__frameworks": ["2030"]}, "frameworks must be among 2012, 2021"),
    ({"reads__items": ["EDU/EYFSP/2021/COM/LAU"], "reads__items_source": "seen somewhere"},
     "is no item of the framework 2012"),
    ({"reads__items": FIVE}, "needs an items_source"),
    ({"reads__items": []}, "names no items"),
    ({"reads__assessment": "ks1"}, "assessment must be one of"),
    ({"age_months": [60, 60]}, "must end after it starts"),
    ({"score": {"kind": "share"}}, "needs of and to and days and minimum"),
    ({"score__kind": "guess"}, "score/kind"),
    ({"threshold__direction": "near"}, "threshold/direction"),
    ({"review_by": "soon"}, "review_by"),
    ({"surprise": 1}, "surprise"),
    ({"score": {"kind": "below", "cuts": {"EDU/EYFSP/2012/COM/LA": 2}}}, "cuts need a cuts_source"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "said"), MISTAKES)
def test_a_mistake_in_a_rule_is_refused_with_its_reason(parts, said):
    with pytest.raises(EviError, match=re.escape(said)):
        make_rule(changed(**parts))


def test_two_exclusions_of_one_name_are_refused():
    made = table()
    made["exclusions"].append(made["exclusions"][0])
    with pytest.raises(EviError, match="two have the same id"):
        make_rule(made)


def test_a_broken_file_is_refused_with_its_place(tmp_path):
    (tmp_path / "bad.yaml").write_text("id: [unclosed")
    with pytest.raises(EviError, match="can't be read as YAML") as caught:
        read_rule(tmp_path / "bad.yaml")
    assert caught.value.where.endswith("bad.yaml")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_shipped_rule_can_be_answered_for(rule: Rule):
    assert rule.evidence
    assert all(not re.search(r"\[M\]", each.figure) for each in rule.evidence)
    assert rule.owner
    assert rule.review_by.year >= 2027
    assert rule.status_default in ("proposed", "shadow"), "no rule is live before a district says so"
    assert rule.limits
    assert not re.search(r"diagnos", rule.next_step[0])
    assert (
        rule.threshold.method != "derived"
        or "local" in rule.threshold.source
        or "own children" in rule.threshold.source
    )


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_code_that_a_rule_reads_can_come_from_a_feed(rule: Rule):
    patterns = [pattern for layout in load_layouts([]).values() for pattern in _yields(layout)]
    for code in rule.codes:
        named = code.replace("/*", "/PASS")
        assert any(pattern.fullmatch(named) for pattern in patterns), code


def test_autism_follows_questionnaire_then_assessment_day_and_never_a_diagnosis():
    for rule in (*rules_named("autism-eyfsp"), *rules_named("autism-eyfsp-age")):
        assert "questionnaire" in rule.next_step[1]
        assert "assessment day" in rule.next_step[2]


def test_a_family_has_one_rule_for_each_framework():
    assert [rule.frameworks for rule in rules_named("autism-eyfsp")] == [("2012",), ("2021",)]
    assert [rule.id for rule in rules_named("gld")] == ["gld-2012", "gld-2021"]
    with pytest.raises(EviError, match="no rule named"):
        rules_named("autism-eyfsp-2030")


def test_frameworks_do_not_share_an_item_and_have_their_own_values():
    old, new = (assessments()["eyfsp"].frameworks[name] for name in ("2012", "2021"))
    assert len(old.items) == len(new.items) == 17
    assert not set(old.items) & set(new.items)
    assert (old.values, new.values) == ((1, 2, 3), (1, 2))


def test_five_goals_at_the_expected_level_make_ten():
    rule = RULES["autism-eyfsp-five-2012"]
    assert rule.threshold.value == 5 * 2
    assert rule.items == {}


def test_the_five_goal_rule_refuses_to_run_until_filled_and_sourced(tmp_path):
    with pytest.raises(EviError, match="could not be seen") as caught:
        RULES["autism-eyfsp-five-2012"].check_ready()
    assert "reads.items_source" in caught.value.do
    made = table("autism-eyfsp-five-2012")
    made["reads"]["items"] = FIVE
    with pytest.raises(EviError, match="items_source"):
        make_rule(made)
    made["reads"]["items_source"] = "a page that a district has read"
    with pytest.raises(EviError, match="could not be seen"):
        make_rule(made).check_ready()
    del made["not_ready"]
    make_rule(made).check_ready()


def test_a_district_replaces_a_rule_and_adds_its_own(tmp_path):
    district = District.create(tmp_path / "d", DistrictConfig(name="Testbridge"))
    folder = district.root / "rules"
    folder.mkdir()
    (folder / "mine.yaml").write_text(yaml.safe_dump(changed(threshold__value=24, version=2)))
    (folder / "other.yaml").write_text(yaml.safe_dump(changed(id="autism-ours", family="autism-ours")))
    found = load_rules(district)
    assert found["autism-eyfsp-2012"].threshold.value == 24
    assert found["autism-eyfsp-2012"].digest != RULES["autism-eyfsp-2012"].digest
    assert set(found) == {*RULES, "autism-ours"}
    (folder / "again.yaml").write_text(yaml.safe_dump(changed(threshold__value=23)))
    with pytest.raises(EviError, match="there twice"):
        load_rules(district)


def test_the_derived_line_follows_from_the_counts_in_the_rule():
    rule, old = RULES["autism-eyfsp-2021"], RULES["autism-eyfsp-2012"]
    derived = rule.threshold.derived
    counts = {
        name: {float(score): count for score, count in scores.items()}
        for name, scores in derived["counts"].items()
    }
    assert rule.threshold.value == equal_share(old, counts[old.id], rule, counts[rule.id])
    before = share_past(counts[old.id], 25, below=True)
    nearest = [abs(share_past(counts[rule.id], line, below=True) - before) for line in (26, 27, 28)]
    assert min(nearest) == nearest[1]


def test_of_two_lines_as_near_the_one_that_sees_more_children_is_taken():
    before, after = {17.0: 20, 30.0: 80}, {17.0: 10, 18.0: 20, 19.0: 70}
    assert equal_share(RULES["autism-eyfsp-2012"], before, RULES["autism-eyfsp-2021"], after) == 19


def test_no_rule_reads_2021_with_a_line_of_2012():
    for rule in RULES.values():
        if rule.frameworks == ("2021",) and rule.kind == "sum":
            assert rule.threshold.method == "derived"
            assert "old" in rule.threshold.why or "can't be used" in rule.threshold.why


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.adjust])
def test_a_moved_line_never_finds_more_and_always_finds_someone(name):
    rule = RULES[name]
    steps = lines_by_odds(rule)
    odds, lines = zip(*steps, strict=True)
    assert steps[0] == (0.0, rule.threshold.value)
    assert list(odds) == sorted(odds)
    below = rule.threshold.direction == "below"
    assert list(lines) == sorted(lines, reverse=below)
    assert all(share_past(rule.adjust.counts, line, below=below) > 0 for line in lines)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.adjust])
def test_a_moved_line_takes_back_no_more_than_the_odds_that_are_due_to_age(name):
    rule = RULES[name]
    below = rule.threshold.direction == "below"

    def log_odds(line: float) -> float:
        share = share_past(rule.adjust.counts, line, below=below)
        return math.log(share / (1 - share))

    own = log_odds(rule.threshold.value)
    for month in range(1, 13):
        x = months_younger(month) * math.log(1.17)
        line = [line for low, line in lines_by_odds(rule) if low <= x][-1]
        assert own - log_odds(line) <= x + 1e-12
    assert (rule.adjust.months_younger, rule.adjust.weeks_early) == (1.17, 1.09)


def test_the_page_of_rules_is_current():
    assert DOCS.read_text(encoding="utf-8") == rules_page(RULES), (
        "run `evi casefind rules --markdown > docs/casefinding-rules.md`"
    )
