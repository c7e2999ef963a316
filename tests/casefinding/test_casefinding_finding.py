"""Reading children by a rule: frameworks apart, missing never zero, nothing dropped, pathways left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evi.casefinding.comparing import compare
from evi.casefinding.concordance import concordance
from evi.casefinding.deriving import derive
from evi.casefinding.finding import find
from evi.casefinding.rules import load_rules, make_rule
from evi.feeds import load_layouts
from evi.records.mapping import compile_layouts
from evi.workspace import District, DistrictConfig, EviError
from tests.casefinding.oracle import answer
from tests.casefinding.stores import BORN, DAY, SUMMER, Fact, low_profile, profile, write_store
from tests.casefinding.test_casefinding_rules import FIVE, table

RULES = load_rules()
OLD, NEW = RULES["autism-eyfsp-2012"], RULES["autism-eyfsp-2021"]
SUMMER_OLD, BORN_OLD, DAY_OLD = date(2019, 6, 30), date(2014, 3, 1), date(2020, 8, 31)
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def row(found, child: int) -> dict:
    return found.table.row(by_predicate=pl.col("subject_id") == child, named=True)


def rejects(found) -> dict[str, tuple[int, int]]:
    return {reason: (results, children) for reason, results, children, _ in found.rejects.iter_rows()}


def old_profile(child: int, low: int) -> list[Fact]:
    return low_profile(child, "2012", low, on=SUMMER_OLD)


# --- The score and the line ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "said"), [(9, "negative"), (10, "positive"), (17, "positive"), (0, "negative")]
)
def test_a_total_of_seventeen_goals_under_25_is_positive(tmp_path, low, said):
    district = write_store(tmp_path, old_profile(1, low), births={1: BORN_OLD})
    found = row(find(district, OLD, DAY_OLD), 1)
    assert (found["answer"], found["score"], found["margin"]) == (said, 34 - low, 25 - (34 - low))


def test_reasons_and_gaps_are_said_in_plain_words(tmp_path):
    district = write_store(tmp_path, low_profile(1, "2021", 8), births=[1], uncovered=[(1, "gp")])
    found = row(find(district, NEW, DAY), 1)
    assert found["reasons"] == [
        "The total of 17 goals is 26 (assessed 30 June 2023); this rule looks at totals under 27",
        "Below the expected level in 8 of 17: listening, attention and understanding, speaking, "
        "self-regulation, managing self, building relationships, gross motor skills, fine motor skills, "
        "comprehension",
    ]
    assert found["missing"] == ["no records of this child now from: general practice"]


def test_a_good_level_of_development_is_all_twelve_goals(tmp_path):
    facts = [*profile(1, "2021"), *profile(2, "2021", {"MAT/NP": 1}), *profile(3, "2021", {"UTW/PP": 1})]
    found = find(write_store(tmp_path, facts), "gld", DAY)
    assert [row(found, child)["answer"] for child in (1, 2, 3)] == ["negative", "positive", "negative"]
    assert row(found, 2)["reasons"] == [
        "Below the expected level in 1 of 12 (assessed 30 June 2023): numerical patterns"
    ]


def test_the_five_goal_score_runs_once_its_items_are_filled_and_sourced(tmp_path):
    made = table("autism-eyfsp-five-2012")
    made["reads"] |= {"items": FIVE, "items_source": "a page that a district has read"}
    del made["not_ready"]
    facts = [
        *profile(1, "2012", {"COM/LA": 1}, on=SUMMER_OLD),
        *profile(2, "2012", {"MAT/N": 1}, on=SUMMER_OLD),
    ]
    found = find(write_store(tmp_path, facts, births={1: BORN_OLD, 2: BORN_OLD}), make_rule(made), DAY_OLD)
    assert [(row(found, child)["score"], row(found, child)["answer"]) for child in (1, 2)] == [
        (9, "positive"), (10, "negative"),
    ]  # fmt: skip
    with pytest.raises(EviError, match="could not be seen"):
        find(District.open(tmp_path), "autism-eyfsp-five-2012", DAY_OLD)


# --- Frameworks ---------------------------------------------------------------------------------------------


def test_a_rule_refuses_results_of_another_framework(tmp_path):
    district = write_store(tmp_path, low_profile(1, "2021", 17))
    with pytest.raises(EviError, match="not comparable") as caught:
        find(district, OLD, DAY)
    assert caught.value.exit_code == 3
    assert "2021" in caught.value.do


def test_in_a_mixed_cohort_each_child_is_read_by_the_rule_of_its_own_framework(tmp_path):
    facts = [*old_profile(1, 10), *low_profile(2, "2021", 8), *low_profile(3, "2021", 7)]
    district = write_store(tmp_path, facts, births={1: BORN_OLD, 2: BORN, 3: BORN})
    found = find(district, "autism-eyfsp", DAY)
    assert [(row(found, c)["rule"], row(found, c)["line"], row(found, c)["answer"]) for c in (1, 2, 3)] == [
        (OLD.id, 25, "positive"), (NEW.id, 27, "positive"), (NEW.id, 27, "negative"),
    ]  # fmt: skip
    alone = find(district, OLD, DAY)
    assert [row(alone, child)["answer"] for child in (1, 2, 3)] == [
        "positive",
        "not_assessable",
        "not_assessable",
    ]
    assert row(alone, 2)["problem"] == "other_framework"
    assert row(alone, 2)["score"] is None


@pytest.mark.parametrize("name", ["autism-eyfsp-2012", "autism-eyfsp-2021", "autism-eyfsp"])
def test_a_child_with_both_frameworks_is_not_assessable_and_no_score_mixes_them(tmp_path, name):
    both = [
        *low_profile(1, "2012", 17, on=date(2021, 6, 30)),
        *low_profile(1, "2021", 17, on=date(2021, 9, 30)),
    ]
    births = {1: date(2016, 6, 1), 2: date(2016, 6, 1), 3: date(2016, 6, 1)}
    others = [*profile(2, "2012", on=date(2021, 6, 30)), *profile(3, "2021", on=date(2022, 6, 30))]
    found = find(write_store(tmp_path, [*both, *others], births=births), name, date(2022, 8, 31))
    child = row(found, 1)
    assert (child["answer"], child["problem"], child["score"]) == ("not_assessable", "both_frameworks", None)
    assert found.counts["not_assessable"]["both_frameworks"] == 1
    assert child["framework"] is None


# --- Missing is not zero ------------------------------------------------------------------------------------


def test_a_missing_item_gives_no_score(tmp_path):
    facts = [fact for fact in low_profile(1, "2021", 17) if not fact.code.endswith("/SPK")]
    found = row(find(write_store(tmp_path, facts), NEW, DAY), 1)
    assert (found["answer"], found["problem"], found["score"]) == ("not_assessable", "items_missing", None)
    assert found["missing"][:2] == ["some results are missing", "speaking"]


def test_a_child_with_no_result_is_listed_as_not_assessable(tmp_path):
    found = find(write_store(tmp_path, low_profile(1, "2021", 2), births=[1, 2]), NEW, DAY)
    assert row(found, 2)["problem"] == "no_result"
    assert found.counts["answer"] == {"positive": 0, "negative": 1, "not_assessable": 1, "excluded": 0}


def test_an_item_that_the_rule_does_not_read_is_not_asked_for(tmp_path):
    facts = [fact for fact in profile(1, "2021") if "/UTW/" not in fact.code]
    assert row(find(write_store(tmp_path, facts), "gld", DAY), 1)["answer"] == "negative"


# --- Bad input: an outcome and a count for each -------------------------------------------------------------


def test_an_exceeding_judgement_in_the_2021_framework_is_set_aside(tmp_path):
    facts = [*profile(1, "2021", {"COM/LAU": 3}), *profile(2, "2021", {"COM/LAU": 1.5}), *profile(3, "2021")]
    found = find(write_store(tmp_path, facts), NEW, DAY)
    assert rejects(found) == {"unknown_value": (2, 2)}
    assert [row(found, child)["problem"] for child in (1, 2, 3)] == ["items_missing", "items_missing", None]


def test_unknown_codes_are_counted_and_change_nobody(tmp_path):
    strange = [Fact(1, "EDU/EYFSP/2021/COM/XYZ", SUMMER, 1), Fact(1, "EDU/EYFSP/2030/COM/LAU", SUMMER, 1)]
    found = find(write_store(tmp_path, [*profile(1, "2021"), *strange]), NEW, DAY)
    assert rejects(found) == {"unknown_code": (2, 1)}
    assert row(found, 1)["score"] == 34


BAD_DATES = [
    (date(2018, 2, 28), "before_birth"),
    (date(2018, 9, 1), "wrong_age"),
    (date(2025, 3, 1), "wrong_age"),
]


@pytest.mark.parametrize(("on", "said"), BAD_DATES)
def test_results_of_impossible_days_are_set_aside(tmp_path, on, said):
    facts = [*low_profile(1, "2021", 17, on=on), *profile(2, "2021")]
    found = find(write_store(tmp_path, facts), NEW, date(2025, 8, 31))
    assert rejects(found)[said] == (17, 1)
    child = row(found, 1)
    assert (child["answer"], child["problem"], child["score"]) == ("not_assessable", said, None)


def test_results_dated_after_the_day_are_set_aside(tmp_path):
    facts = [*low_profile(1, "2021", 17, on=date(2024, 9, 30)), *profile(2, "2021")]
    facts = [replace(fact, known=date(2024, 1, 1)) if fact.child == 1 else fact for fact in facts]
    found = find(write_store(tmp_path, facts), NEW, DAY)
    assert rejects(found) == {"in_the_future": (17, 1)}
    assert row(found, 1)["problem"] == "in_the_future"


def test_results_without_a_month_of_birth_are_counted(tmp_path):
    facts = [*low_profile(1, "2021", 17), *profile(2, "2021")]
    found = find(write_store(tmp_path, facts, births={1: None}), NEW, DAY)
    assert rejects(found) == {"no_birth_month": (17, 1)}
    assert found.table["subject_id"].to_list() == [2]


def test_the_same_result_twice_is_read_once(tmp_path):
    facts = [*low_profile(1, "2021", 8), *low_profile(1, "2021", 8, on=SUMMER - timedelta(days=9))]
    found = find(write_store(tmp_path, facts), NEW, DAY)
    assert rejects(found) == {"written_twice": (17, 1)}
    assert row(found, 1)["score"] == 26


@pytest.mark.parametrize("days", [0, 30])
def test_two_results_of_one_assessment_that_disagree_give_no_score(tmp_path, days):
    facts = [*low_profile(1, "2021", 8), *low_profile(1, "2021", 9, on=SUMMER - timedelta(days=days))]
    found = find(write_store(tmp_path, facts), NEW, DAY)
    assert row(found, 1)["problem"] == "disagree"
    assert row(found, 1)["score"] is None
    assert rejects(found)["disagree"] == (1, 1)


def test_the_newest_assessment_speaks_and_older_ones_are_counted(tmp_path):
    facts = [*low_profile(1, "2021", 3), *low_profile(1, "2021", 17, on=SUMMER - timedelta(days=200))]
    found = find(write_store(tmp_path, facts), NEW, DAY)
    assert (row(found, 1)["score"], row(found, 1)["assessed_on"]) == (31, SUMMER)
    assert rejects(found) == {"older": (17, 1)}


def test_no_result_is_lost_without_a_count(tmp_path):
    facts = [*low_profile(1, "2021", 8), *low_profile(1, "2021", 8, on=SUMMER - timedelta(days=9)),
             *low_profile(1, "2021", 9, on=SUMMER - timedelta(days=300)), *profile(2, "2021", {"COM/LAU": 3}),
             Fact(2, "EDU/EYFSP/2021/COM/XYZ", SUMMER, 1)]  # fmt: skip
    found = find(write_store(tmp_path, facts), NEW, DAY)
    set_aside = sum(results for results, _ in rejects(found).values())
    used = 17 + 16
    assert set_aside + used == len(facts)


# --- What was known on the day ------------------------------------------------------------------------------


def test_only_what_was_known_on_the_day_is_read(tmp_path):
    late = date(2023, 9, 20)
    first = [replace(fact, record=n, until=late) for n, fact in enumerate(low_profile(1, "2021", 8))]
    then = [replace(fact, record=n, known=late) for n, fact in enumerate(profile(1, "2021"))]
    taken_back = [replace(fact, withdrawn=True) for fact in profile(2, "2021")]
    district = write_store(tmp_path, [*first, *then, *taken_back, *profile(3, "2021")])
    assert row(find(district, NEW, date(2023, 9, 1)), 1)["answer"] == "positive"
    assert row(find(district, NEW, DAY), 1)["answer"] == "negative"
    assert row(find(district, NEW, DAY), 2)["problem"] == "no_result"
    with pytest.raises(EviError, match="nothing is loaded yet"):
        find(District.create(tmp_path / "empty", DistrictConfig(name="Empty")), NEW, DAY)


def test_children_outside_the_ages_are_counted_and_not_asked(tmp_path):
    births = {1: BORN, 2: date(2008, 3, 1), 3: date(2023, 3, 1), 4: date(1990, 1, 1)}
    found = find(write_store(tmp_path, profile(1, "2021"), births=births, kinds={4: "adult"}), NEW, DAY)
    assert found.table["subject_id"].to_list() == [1]
    assert found.outside_age == 2


# --- Already on a pathway -----------------------------------------------------------------------------------

REFERRED = Fact(1, "HEALTH/AUTISM/REFERRAL", date(2023, 10, 2), text="AUTISM")
SPRING, NEARLY = date(2024, 2, 1), DAY - timedelta(days=729)
PATHWAYS = [
    ([Fact(1, "HEALTH/AUTISM/DIAGNOSIS", date(2023, 5, 1))], "diagnosis", date(2023, 5, 1)),
    ([Fact(1, "HEALTH/GP/PROBLEM/AUTISM", date(2022, 5, 1))], "diagnosis", date(2022, 5, 1)),
    ([Fact(1, "EDU/SEN/NEED/ASD", date(2024, 1, 18))], "diagnosis", date(2024, 1, 18)),
    ([Fact(1, "CSC/DISABILITY/AUT", date(2024, 3, 31))], "diagnosis", date(2024, 3, 31)),
    ([REFERRED], "open_referral", date(2023, 10, 2)),
    ([REFERRED, Fact(1, "HEALTH/AUTISM/FIRST_CONTACT", SPRING)], "open_referral", date(2023, 10, 2)),
    ([REFERRED, Fact(1, "HEALTH/AUTISM/REMOVAL", date(2024, 2, 1), text="declined")], None, None),
    ([REFERRED, Fact(1, "HEALTH/AUTISM/DISCHARGE", date(2024, 2, 1))], None, None),
    ([REFERRED, Fact(1, "HEALTH/AUTISM/REMOVAL", date(2023, 2, 1))], "open_referral", date(2023, 10, 2)),
    ([REFERRED, Fact(1, "HEALTH/AUTISM/NOT_DIAGNOSED", SPRING)], "recent_assessment", SPRING),
    ([Fact(1, "HEALTH/AUTISM/NOT_DIAGNOSED", DAY - timedelta(days=730))], None, None),
    ([Fact(1, "HEALTH/AUTISM/NOT_DIAGNOSED", NEARLY)], "recent_assessment", NEARLY),
    ([Fact(1, "HEALTH/AUTISM/DIAGNOSIS", date(2024, 5, 1), known=date(2024, 9, 9))], None, None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "said", "since"), PATHWAYS)
def test_a_child_on_a_pathway_is_left_out_with_reason_and_date(tmp_path, facts, said, since):
    found = row(find(write_store(tmp_path, [*low_profile(1, "2021", 12), *facts]), "autism-eyfsp", DAY), 1)
    assert (found["exclusion"], found["excluded_since"]) == (said, since)
    assert found["answer"] == ("excluded" if said else "positive")
    assert found["score"] == 22, "the score stays for those who judge the rule"


def test_a_period_that_is_over_leaves_nobody_out(tmp_path):
    absent = [
        Fact(child, f"EDU/ATTENDANCE/{what}", date(2024, 7, 20), value)
        for child in (1, 2) for what, value in (("ABSENT", 60), ("POSSIBLE", 300))
    ]  # fmt: skip
    cases = [
        Fact(1, "CSC/EARLY_HELP", date(2023, 9, 1), end=date(2024, 3, 1)),
        Fact(2, "CSC/EARLY_HELP", date(2023, 9, 1)),
    ]
    found = find(write_store(tmp_path, [*absent, *cases]), "absence-no-need", DAY)
    assert [row(found, child)["answer"] for child in (1, 2)] == ["positive", "excluded"]


# --- The other kinds of score -------------------------------------------------------------------------------


def test_absence_is_a_share_of_enough_sessions(tmp_path):
    def term(child: int, absent: float, possible: float, on: date = date(2024, 7, 20)) -> list[Fact]:
        return [
            Fact(child, "EDU/ATTENDANCE/ABSENT", on, absent),
            Fact(child, "EDU/ATTENDANCE/POSSIBLE", on, possible),
        ]

    facts = [*term(1, 10, 100), *term(2, 9, 100), *term(3, 50, 59), *term(4, 90, 100, date(2023, 7, 20))]
    found = find(write_store(tmp_path, facts, births=[5]), "absence-no-need", DAY)
    assert [row(found, child)["answer"] for child in range(1, 6)] == [
        "positive", "negative", "not_assessable", "not_assessable", "not_assessable",
    ]  # fmt: skip
    assert [row(found, child)["problem"] for child in (3, 4, 5)] == ["too_little", "no_result", "no_result"]
    assert row(found, 1)["reasons"] == [
        "Missed 10 of every 100 sessions in the 365 days to 20 July 2024 (100 sessions recorded)"
    ]


def test_a_check_is_missed_only_where_somebody_was_watching(tmp_path):
    seen = [
        Fact(1, "HEALTH/SCREEN/HEARING/PASS", date(2023, 1, 10)),
        Fact(2, "HEALTH/SCREEN/VISION/PASS", SUMMER),
    ]
    audiology = [Fact(4, "HEALTH/AUDIOLOGY/CONTACT", SUMMER)]
    district = write_store(tmp_path, [*seen, *audiology], births=[1, 2, 3, 4], uncovered=[(3, "csds")])
    found = find(district, "hearing-check-missed", DAY)
    assert [row(found, child)["answer"] for child in (1, 2, 3, 4)] == [
        "negative", "positive", "not_assessable", "excluded",
    ]  # fmt: skip
    assert row(found, 2)["reasons"] == ["No hearing check is recorded, and it was due by 1 March 2024"]
    assert row(found, 3)["problem"] == "not_watched"


def test_the_newest_questionnaire_speaks_with_its_own_cut_offs(tmp_path):
    areas = ("COMMUNICATION", "GROSS_MOTOR", "FINE_MOTOR", "PROBLEM_SOLVING", "PERSONAL_SOCIAL")
    born = date(2021, 3, 1)

    def asked(child: int, months: str, on: date, score: float) -> list[Fact]:
        return [Fact(child, f"HEALTH/ASQ3/{months}/{area}", on, score) for area in areas]

    facts = [
        *asked(1, "24M", date(2023, 3, 20), 30), *asked(2, "27M", date(2023, 6, 20), 30),
        *asked(3, "24M", date(2023, 3, 20), 10), *asked(3, "30M", date(2023, 9, 20), 40),
        *asked(4, "27M", date(2023, 6, 20), 61),
    ]  # fmt: skip
    found = find(
        write_store(tmp_path, facts, births=dict.fromkeys((1, 2, 3, 4), born)), "asq3-two-years", DAY
    )
    assert [row(found, child)["score"] for child in (1, 2, 3, 4)] == [3, 0, 0, None]
    assert row(found, 1)["reasons"] == [
        "Below the cut-off in 3 of 5 (assessed 20 March 2023): moving, using hands, getting on with people"
    ]
    assert row(found, 4)["problem"] == "unknown_value"


def test_a_moved_line_asks_more_of_the_youngest_and_says_when_it_does_not_know(tmp_path):
    births = {1: date(2017, 9, 1), 2: date(2018, 8, 1), 3: date(2018, 8, 1), 4: date(2017, 9, 1)}
    weeks = [
        Fact(child, "HEALTH/BIRTH/GESTATION", births[child], value)
        for child, value in ((1, 40), (2, 40), (3, 28))
    ]
    facts = [fact for child in births for fact in low_profile(child, "2021", 9)]
    found = find(write_store(tmp_path, [*facts, *weeks], births=births), "gld-age", DAY)
    lines = [row(found, child)["line"] for child in (1, 2, 3, 4)]
    assert lines[0] == lines[3] == 1
    assert lines[0] < lines[1] < lines[2]
    assert row(found, 4)["missing"] == ["how early the child was born"]
    assert row(found, 1)["missing"] == []
    assert find(District.open(tmp_path), "gld", DAY).table["line"].to_list() == [1, 1, 1, 1]


def test_a_record_missing_in_one_service_is_found_and_counted(tmp_path):
    gp, team, school = "HEALTH/GP/PROBLEM/AUTISM", "HEALTH/AUTISM/DIAGNOSIS", "EDU/SEN/NEED/ASD"
    facts = [
        Fact(1, gp, SUMMER),
        Fact(1, team, SUMMER),
        Fact(1, school, SUMMER),
        Fact(2, gp, SUMMER),
        Fact(3, team, SUMMER),
    ]
    district = write_store(tmp_path, facts, births=[1, 2, 3, 4], uncovered=[(3, "school")])
    found = find(district, "recording-autism", DAY)
    assert [row(found, child)["answer"] for child in (1, 2, 3, 4)] == [
        "negative",
        "positive",
        "positive",
        "negative",
    ]
    assert row(found, 3)["reasons"] == [
        "Recorded by: the autism team (since 30 June 2023)", "Not recorded by: the general practice",
    ]  # fmt: skip
    pair = concordance(district, RULES["recording-autism"], DAY)[0]
    assert (pair.both, pair.first_only, pair.second_only, pair.neither) == (1, 1, 1, 1)
    assert pair.kappa == 0
    assert pair.share_both == pytest.approx(1 / 3)


# --- Deriving and comparing ---------------------------------------------------------------------------------


def test_a_line_is_derived_from_the_districts_own_children(tmp_path):
    births, facts = {}, []
    for child in range(200):
        births[child + 1] = BORN_OLD
        facts += old_profile(child + 1, 12 if child < 40 else 0)
    for child in range(200, 400):
        births[child + 1] = BORN
        facts += low_profile(child + 1, "2021", (child - 200) // 20)
    derived = derive(write_store(tmp_path, facts, births=births), "autism-eyfsp", DAY)
    assert derived.share_before == 0.2
    assert (derived.line, derived.share_after) == (27, 0.2)
    with pytest.raises(EviError, match="200 are needed"):
        derive(
            write_store(tmp_path / "few", old_profile(1, 12) + profile(2, "2021"), births={1: BORN_OLD}),
            "autism-eyfsp",
            DAY,
        )


def test_comparing_shows_who_moves_and_loses_nobody(tmp_path):
    facts = [*profile(1, "2021", {"MAT/NP": 1}), *low_profile(2, "2021", 12), *profile(3, "2021")]
    births = dict.fromkeys((1, 2, 3, 4), date(2018, 8, 1))
    district = write_store(tmp_path, facts, births=births)
    found = compare(find(district, "gld", DAY), find(district, "gld-age", DAY))
    assert found.of("stays")["subject_id"].to_list() == [2]
    assert found.of("off")["subject_id"].to_list() == [1]
    assert found.of("on").is_empty()
    assert found.crossed["children"].sum() == 4


# --- Another draw of the spine ------------------------------------------------------------------------------


def test_a_draw_of_the_spine_gives_a_record_to_another_child(tmp_path):
    layout = compile_layouts(load_layouts([]).values())["eyfsp_2021"]
    records = {1: 111, 2: 222}
    facts = []
    for child, low in ((1, 12), (2, 0)):
        by_code = {fact.code: fact for fact in low_profile(child, "2021", low)}
        facts += [
            replace(by_code[event.template], record=records[child] ^ event.salt) for event in layout.events
        ]
    district = write_store(tmp_path, facts, births={1: BORN, 2: BORN, 3: BORN})
    payload = district.encoded / "payload" / "eyfsp_2021"
    payload.mkdir(parents=True)
    people = pl.DataFrame({"feed": ["eyfsp", "eyfsp"], "person": [71, 72], "subject_id": [1, 2]})
    pl.DataFrame({"record": [111, 222], "person_child": [71, 72]}).write_parquet(payload / "one.parquet")
    district.spine.mkdir()
    people.with_columns(probability=pl.lit(1.0)).write_parquet(district.spine / "people.parquet")
    same = find(district, NEW, DAY, people=people)
    assert same.table.equals(find(district, NEW, DAY).table)
    drawn = find(district, NEW, DAY, people=people.with_columns(subject_id=pl.Series([3, -72])))
    assert [row(drawn, child)["problem"] for child in (1, 2)] == ["no_result", "no_result"]
    assert [(row(drawn, child)["answer"], row(drawn, child)["score"]) for child in (3, -72)] == [
        ("positive", 22), ("negative", 34),
    ]  # fmt: skip


# --- Laws, against a slow engine ----------------------------------------------------------------------------

CODES = [*NEW.items]
DAYS = st.sampled_from(
    [SUMMER, SUMMER - timedelta(days=40), SUMMER - timedelta(days=300), BORN, date(2024, 9, 30)]
)


@st.composite
def children(draw: st.DrawFn) -> list[Fact]:
    """One to three children with a mess of results and pathway events."""
    facts: list[Fact] = []
    for child in range(1, draw(st.integers(1, 3)) + 1):
        framework = draw(st.sampled_from(["2021", "2021", "2021", "2012"]))
        facts += low_profile(child, framework, draw(st.integers(0, 17)), on=draw(DAYS))
        for _ in range(draw(st.integers(0, 3))):
            value = draw(st.sampled_from([1, 2, 3, 1.5]))
            facts.append(
                Fact(
                    child,
                    draw(st.sampled_from(CODES)),
                    draw(DAYS),
                    value,
                    known=draw(st.sampled_from([None, date(2024, 9, 1)])),
                )
            )
        for _ in range(draw(st.integers(0, 2))):
            what = draw(st.sampled_from(["REFERRAL", "REMOVAL", "DISCHARGE", "NOT_DIAGNOSED", "DIAGNOSIS"]))
            facts.append(
                Fact(
                    child,
                    f"HEALTH/AUTISM/{what}",
                    draw(st.sampled_from([date(2022, 1, 5), date(2023, 11, 5), date(2024, 2, 5)])),
                )
            )
        dropped = draw(st.booleans())
        facts = facts[:-1] if dropped and len(facts) > 1 else facts
    return facts


@QUICK
@given(facts=children(), order=st.randoms(use_true_random=False))
def test_the_engine_says_what_a_slow_one_says_in_any_order_of_rows(tmp_path, facts, order):
    everyone = [*facts, *profile(9, "2021")]
    found = find(write_store(tmp_path / "a", everyone, births=[1, 2, 3]), NEW, DAY)
    for child in (1, 2, 3):
        mine = [fact for fact in facts if fact.child == child]
        assert (row(found, child)["answer"], row(found, child)["score"]) == answer(NEW, mine, BORN, DAY)
    shuffled = list(everyone)
    order.shuffle(shuffled)
    assert found.table.equals(find(write_store(tmp_path / "a", shuffled, births=[1, 2, 3]), NEW, DAY).table)


@QUICK
@given(facts=children(), line=st.integers(17, 35), on=st.sampled_from([date(2021, 3, 3), date(2024, 8, 1)]))
def test_a_diagnosis_adds_no_positive_and_a_higher_line_takes_none_away(tmp_path, facts, line, on):
    everyone = [*facts, *profile(9, "2021")]

    def positives(value: float, more: list[Fact]) -> set[int]:
        rule = replace(NEW, threshold=replace(NEW.threshold, value=value))
        return set(
            find(write_store(tmp_path / "b", [*everyone, *more]), rule, DAY).of("positive")["subject_id"]
        )

    before = positives(line, [])
    assert before <= positives(line + 1, [])
    for child in {fact.child for fact in facts}:
        assert positives(line, [Fact(child, "HEALTH/AUTISM/DIAGNOSIS", on)]) == before - {child}


def test_every_child_asked_gets_one_answer_of_four(tmp_path):
    facts = [fact for child in range(1, 40) for fact in low_profile(child, "2021", child % 18)]
    found = find(write_store(tmp_path, facts, births=range(1, 60)), "autism-eyfsp", DAY)
    assert found.table.height == found.table["subject_id"].n_unique() == 59
    assert sum(found.counts["answer"].values()) == 59
    assert set(found.table["answer"]) <= {"positive", "negative", "not_assessable", "excluded"}


def test_needs_in_three_parts_of_life_count_where_no_service_is_involved(tmp_path):
    def needs(child: int) -> list[Fact]:
        school = [("EDU/ATTENDANCE/ABSENT", 60), ("EDU/ATTENDANCE/POSSIBLE", 300), ("EDU/FSM", None)]
        return [
            *(Fact(child, code, date(2024, 7, 20), value) for code, value in school),
            Fact(child, "HEALTH/GP/PROBLEM/ANXIETY", date(2024, 2, 1)),
        ]

    open_case = Fact(2, "CSC/EARLY_HELP", date(2024, 1, 8))
    fewer = [fact for fact in needs(3) if not fact.code.startswith("HEALTH")]
    facts = [*needs(1), *needs(2), open_case, *fewer]
    births = dict.fromkeys((1, 2, 3), date(2012, 3, 1))
    found = find(write_store(tmp_path, facts, births=births), "many-needs-no-service", DAY)
    low = [(row(found, child)["answer"], row(found, child)["score"]) for child in (1, 2, 3)]
    assert low == [("positive", 3), ("excluded", 4), ("negative", 2)], "early help is a need of its own"
    assert row(found, 1)["reasons"] == [
        "Needs in 3 parts of life are recorded now: good education; mental and physical health; "
        "financial stability"
    ]
