"""Laws of sorting a waiting list, rules that are refused, and what an audit may show."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.indicators import States, load_registry
from evi.indicators.reference import Event, World
from evi.indicators.registry import make_registry
from evi.queues.sorting.evidence import FOLDER, Rules, read_rules, rules_of
from evi.queues.sorting.sort_list import _check_nobody_is_lost, sort_children
from evi.queues.sorting.sorting_audit import DIMENSIONS, SIDES, audit_table, hide
from evi.queues.sorting.worklist import GROUPS, WorkList
from evi.workspace import District, DistrictConfig, EviError

DAY = date(2026, 8, 31)
RULES = rules_of("autism")
SHIPPED = load_registry()
REGISTRY = make_registry([*RULES.indicators, *(SHIPPED[name] for name in RULES.borrowed)])
NAMES = tuple(indicator.id for indicator in REGISTRY.stored)


def sorted_list(waits: list[int], matrix: np.ndarray, born: date | None = date(2019, 1, 1)) -> WorkList:
    """A list of children with these waits in days and these states, numbered from 1."""
    subjects = list(range(1, len(waits) + 1))
    waiting = pl.DataFrame(
        {
            "subject_id": subjects,
            "referred": [DAY - timedelta(days=wait) for wait in waits],
            "wait_days": waits,
        },
        schema={"subject_id": pl.Int64, "referred": pl.Date, "wait_days": pl.Int32},
    )
    states = States(DAY, np.array(subjects, np.int64), NAMES, matrix.astype(np.uint8))
    worlds = {s: World((), (), (), {s: born}, (s,)) for s in subjects}
    return sort_children(waiting, RULES, REGISTRY, states, worlds, dict.fromkeys(subjects, born), DAY)


def everywhere(state: int, **other: int) -> np.ndarray:
    return np.array([[other.get(name.replace("/", "_"), state) for name in NAMES]])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sorting_only_sorts(data: st.DataObject) -> None:
    waits = data.draw(st.lists(st.integers(0, 2000), max_size=12))
    cells = st.lists(st.integers(0, 2), min_size=len(NAMES), max_size=len(NAMES))
    matrix = np.array([data.draw(cells) for _ in waits]).reshape(len(waits), len(NAMES))
    made = sorted_list(waits, matrix)
    assert sorted(child.subject_id for child in made.children) == list(range(1, len(waits) + 1))
    assert sorted(child.place for child in made.children) == list(range(1, len(waits) + 1))
    assert [c.group for c in made.children] == [g for g in GROUPS for _ in made.group(g)]
    for name in GROUPS:
        group = made.group(name)
        assert [c.wait_days for c in group] == sorted((c.wait_days for c in group), reverse=True)
    by_place = sorted(made.children, key=lambda child: child.place)
    assert [c.wait_days for c in by_place] == sorted(waits, reverse=True)  # nobody's place is changed
    assert sum(made.to_json()["groups"].values()) == len(waits) == len(made.rows())


def test_a_run_that_would_lose_or_double_a_child_is_refused() -> None:
    made = list(sorted_list([30, 20, 10], np.ones((3, len(NAMES)))).children)
    _check_nobody_is_lost([3, 1, 2], made)
    for wrong in (made[:2], [*made, made[0]], [made[0], made[0], made[2]]):
        with pytest.raises(EviError, match="changed who is on the list"):
            _check_nobody_is_lost([1, 2, 3], wrong)


def test_all_held_is_complete_and_none_known_asks_for_everything() -> None:
    held = sorted_list([10], everywhere(1, **{f"have_{n.id}_0": 2 for n in RULES.needs})).children[0]
    assert held.group == "evidence complete" and held.first_thing == ""
    unknown = sorted_list([10], everywhere(0)).children[0]
    assert unknown.group == "needs one named thing"
    assert {f.state for f in unknown.findings} == {"not known"}
    absent = sorted_list([10], everywhere(1)).children[0]
    assert {f.state for f in absent.findings} == {"missing"}
    assert absent.first_thing == "The family's own account (ask the family)"
    assert [f.about for f in absent.findings] == ["family_form", "school_view", "development", "hearing"]


def test_what_is_not_known_is_named_apart_from_what_is_absent() -> None:
    child = sorted_list([10], everywhere(1, have_school_view_1=0)).children[0]
    said = {finding.about: finding for finding in child.findings}
    assert said["school_view"].state == "not known"
    assert said["school_view"].words.endswith("no records of this child from: school census")
    assert said["hearing"].state == "missing"
    assert said["hearing"].words == "No hearing check is known (looked at: school nurse and audiology)"


def test_a_worry_about_talking_asks_for_a_report() -> None:
    child = sorted_list([10], everywhere(1, eyfsp_communication=2)).children[0]
    assert "speech_language" in {finding.about for finding in child.of("missing")}


def test_a_pointer_needs_its_absence_known() -> None:
    known = everywhere(1, eyfsp_communication=2)
    child = sorted_list([10], known).children[0]
    assert child.group == "other pathway likely" and child.of("points elsewhere")[0].ask
    assert child.of("missing")  # what is missing is still said
    unknown = everywhere(1, eyfsp_communication=2, eyfsp_personal_social=0)
    assert sorted_list([10], unknown).children[0].group != "other pathway likely"
    both = everywhere(1, eyfsp_communication=2, eyfsp_personal_social=2)
    assert sorted_list([10], both).children[0].group != "other pathway likely"


def test_ages_decide_what_is_asked_for() -> None:
    teenager = sorted_list([10], everywhere(1), date(2011, 6, 1)).children[0]
    assert "development" not in {finding.about for finding in teenager.findings}
    toddler = sorted_list([10], everywhere(1), date(2025, 6, 1)).children[0]
    assert "school_view" not in {finding.about for finding in toddler.findings}
    stranger = sorted_list([10], everywhere(1), None).children[0]  # no month of birth: asked everything
    assert {"development", "school_view"} <= {finding.about for finding in stranger.findings}


def test_the_newest_record_speaks_with_its_date_and_source() -> None:
    states = everywhere(1, have_hearing_0=2, have_hearing_1=2)
    events = tuple(
        Event(1, datetime(year, 3, 2), code, date(year, 3, 3), year)  # noqa: DTZ001 - as the records have it
        for year, code in ((2024, "HEALTH/SCREEN/HEARING/PASS"), (2025, "HEALTH/AUDIOLOGY/CONTACT"))
    )
    waiting = pl.DataFrame({"subject_id": [1], "referred": [DAY - timedelta(days=9)], "wait_days": [9]})
    born = date(2019, 1, 1)
    worlds = {1: World(events, (), (), {1: born}, (1,))}
    made = sort_children(
        waiting, RULES, REGISTRY, States(DAY, np.array([1]), NAMES, states), worlds, {1: born}, DAY
    )
    held = made.children[0].of("held")
    assert [finding.words for finding in held] == ["Seen by audiology, 2 March 2025 (audiology)"]


def test_every_shipped_rule_has_a_source_and_a_status() -> None:
    for path in FOLDER.glob("*.yaml"):
        rules = read_rules(path)
        assert rules.pathway == path.stem and rules.needs and rules.borrowed
        for rule in (*rules.needs, *rules.others):
            assert len(rule.source) > 10 and rule.status in ("verified", "assumed")


def changed(tmp_path: Path, change: dict[str, object], name: str = "autism") -> Rules:
    """The shipped rules, changed: keys are paths such as `needs/0/source`; None takes a key out."""
    table = yaml.safe_load((FOLDER / "autism.yaml").read_text(encoding="utf-8"))
    for place, value in change.items():
        *path, last = place.split("/")
        at = table
        for part in path:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if value is None:
            del at[last]
        else:
            at[last] = value
    file = tmp_path / f"{name}.yaml"
    file.write_text(yaml.safe_dump(table), encoding="utf-8")
    return read_rules(file)


def test_rules_may_be_changed(tmp_path: Path) -> None:
    rules = changed(tmp_path, {"needs/0/have/0/within_months": 6, "other_pathways": None, "marks": None})
    assert rules.needs[0].have[0].indicator.look_back_days == 183 and rules.others == rules.marks == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"needs/0/have/0/codes": ["HEALTH/AUTISM/FORM"]}, "no layout gives the code HEALTH/AUTISM/FORM"),
        ({"needs/0/have/0/codes": ["HEALTH/NOTHING/*"]}, "no layout gives the code HEALTH/NOTHING"),
        ({"needs/0/source": None}, "'source' is a required property"),
        ({"needs/1/source": "me"}, "'me' is too short"),
        ({"needs/0/have/0/service": None}, "'service' is a required property"),
        ({"needs/0/exclude": True}, "“exclude”: a rule can't take a child off the list"),
        ({"other_pathways/0/remove": "yes"}, "“remove”: a rule can't take"),
        ({"marks/0/rank": 3}, "“rank”: a rule can't take"),
        ({"limit": 50}, "“limit”: a rule can't take"),
        ({"needs/0/drop_if": []}, "Additional properties are not allowed"),
        ({"needs/1/ages_months": [90, 30]}, "ages run backwards"),
        ({"needs/0/id": "hearing"}, "the id hearing is there twice"),
        ({"needs/0/have/0/feeds": ["csdss"]}, "no feed csdss"),
        ({"needs/0/have": []}, "[] "),
        ({"needs/4/asked_if/0/present": ["eyfsp_talking"]}, "no indicator eyfsp_talking"),
        ({"other_pathways/0/when/0/feeds": None}, "rests on something not being recorded"),
        ({"needs/4/asked_if/2/expression": {"exist": {"codes": ["A/B"]}}}, "no expression called 'exist'"),
        (
            {
                "needs/4/asked_if/2/expression": {
                    "exists": {"codes": ["HEALTH/SALT/REFERRAL"], "who": "anyone"}
                }
            },
            "asks about others than the child",
        ),
        ({"pathway": "camhs"}, "it is about camhs, and its file is named autism"),
    ],
)
def test_rules_that_are_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(EviError) as caught:
        changed(tmp_path, change)
    assert words in caught.value.what and caught.value.do


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(EviError) as caught:
        changed(tmp_path, {"needs/3/have/0/codes": ["HEALTH/SCREEN/HEARING/PASSED"]})
    assert "HEALTH/SCREEN/HEARING/PASS" in caught.value.do


def test_a_broken_file_and_a_district_s_own(tmp_path: Path) -> None:
    (tmp_path / "autism.yaml").write_text("needs: [", encoding="utf-8")
    with pytest.raises(EviError, match="can't be read as YAML"):
        read_rules(tmp_path / "autism.yaml")
    (tmp_path / "autism.yaml").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(EviError, match="can't be read as YAML"):
        read_rules(tmp_path / "autism.yaml")
    (tmp_path / "autism.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(EviError, match="is not of type 'object'"):
        read_rules(tmp_path / "autism.yaml")
    district = District.create(tmp_path / "d", DistrictConfig(name="d"))
    assert rules_of("autism", district).title == "Autism assessment"
    (district.root / "evidence").mkdir()
    text = (FOLDER / "autism.yaml").read_text(encoding="utf-8")
    own = text.replace("title: Autism assessment", "title: Ours")
    (district.root / "evidence" / "autism.yaml").write_text(own, encoding="utf-8")
    assert rules_of("autism", district).title == "Ours"
    with pytest.raises(EviError, match="no rules of evidence for “camhs”"):
        rules_of("camhs", district)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=n, max_size=n)
    )
)
def test_no_hidden_number_stands_alone(table: list[list[int]]) -> None:
    people = [f"p{row}" for row in range(len(table))]
    counts = {(who, side): table[at][to] for at, who in enumerate(people) for to, side in enumerate(GROUPS)}
    found = hide(people, counts)
    lines = [[(who, side) for side in GROUPS] for who in people]
    lines += [[(who, side) for who in people] for side in GROUPS]
    for line in lines:
        hidden = sum(found[key].hidden for key in line)
        assert hidden != 1 or len(line) == 1
    for key, count in counts.items():
        assert found[key].hidden or abs((found[key].number or 0) - count) <= 2
        assert found[key].hidden or count >= 10


def test_an_audit_finds_a_group_for_whom_it_differs() -> None:
    rows = []
    for who, gaps in (("WBRI", 40), ("APKN", 90)):
        for number in range(120):
            side = GROUPS[1] if number < gaps else GROUPS[0] if number < gaps + 12 else GROUPS[2]
            rows.append({"group": side, "blind": number < gaps // 2, "ethnicity": who})
    table = pl.DataFrame(rows).with_columns(sex=pl.lit("F"), deprivation=pl.lit("x"), language=pl.lit("ENG"))
    audited = audit_table(table)
    found = {(s.people, s.side): s for s in audited.shares if s.dimension == "ethnicity"}
    mine = found["APKN", GROUPS[1]]
    assert mine.share == 0.75 and mine.differs and mine.difference == pytest.approx(0.42)
    assert mine.low is not None and mine.low < 0.75 < (mine.high or 0)
    assert found["WBRI", SIDES[-1]].children == "20"
    assert {share.people for share in audited.differing} == {"APKN", "WBRI"}
    alone = [share for share in audited.shares if share.dimension == "sex"]
    assert all(share.difference is None for share in alone)  # nobody to compare with


def test_nearly_everybody_gives_no_share() -> None:
    """95 of 100 would tell of the other five."""
    rows = {"group": [GROUPS[1]] * 95 + [GROUPS[0]] * 5, "blind": [True] * 95 + [False] * 5}
    table = pl.DataFrame(rows | {name: ["a"] * 100 for name in DIMENSIONS})
    audited = audit_table(table)
    assert all(share.share is None for share in audited.shares)


def test_an_audit_of_few_shows_nothing() -> None:
    few = pl.DataFrame(
        {"group": [GROUPS[0]] * 4, "blind": [False] * 4} | {name: ["a"] * 4 for name in DIMENSIONS}
    )
    audited = audit_table(few)
    assert all(share.share is None and not share.children.isdigit() for share in audited.shares)
    empty = audit_table(few.head(0))
    assert empty.shares == () and empty.to_json()["shares"] == []
