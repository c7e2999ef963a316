"""The autism pathway: what is recorded comes from rates that are known, and adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from evi.synthetic import make_district
from evi.synthetic.calendar import HISTORY_START, NEVER, REFERENCE_DAY, day
from evi.synthetic.draws import stream
from evi.synthetic.pathway import REASONS, WEEKS, policy, run_queue

SIZE = 6_000


@pytest.fixture(scope="module")
def referred() -> np.ndarray:
    days = stream(5, "referrals").integers(day(date(2010, 1, 4)), REFERENCE_DAY, SIZE)
    return np.sort(days).astype(np.int32)


@pytest.fixture(scope="module")
def queue(referred):
    return run_queue(stream(5, "queue"), referred)


def z(count: float, chance: float, of: float) -> float:
    return (count - chance * of) / np.sqrt(of * chance * (1 - chance))


def test_appointments_are_missed_as_often_as_the_policy_says(queue):
    starts, missed = (queue.assessed < NEVER).sum(), queue.missed_row.size
    assert abs(z(missed, policy().missed, starts + missed)) < 4.5
    assert starts + missed <= queue.slots.sum()


def test_removals_come_at_the_hazard_of_their_week(referred, queue):
    first = (referred - HISTORY_START) // 7
    out = np.minimum(np.minimum(queue.assessed, queue.removed), HISTORY_START + WEEKS * 7)
    waited = (out - HISTORY_START) // 7 - first
    removed, total = queue.removed < NEVER, policy().hazard.sum(axis=1)
    for start, end in ((0, 1), (1, 4), (4, 12), (12, 52), (52, 150)):
        at_risk = (np.clip(waited + removed, start, end) - start).sum()
        found = (removed & (waited >= start) & (waited < end)).sum()
        if total[start] == 0:
            assert found == 0
        else:
            assert abs(z(found, total[start], at_risk)) < 4.5


def test_reasons_belong_to_their_weeks(referred, queue):
    removed = queue.removed < NEVER
    turned_down = removed & (queue.reason == REASONS.index("not_accepted"))
    weeks = (queue.removed - referred)[turned_down] / 7
    assert turned_down.any() and weeks.min() > 3 and weeks.max() < 13
    assert not (queue.reason[removed] == REASONS.index("moved_away")).any()  # nobody left this district
    assert (queue.triaged[turned_down] == NEVER).all()
    seen = queue.assessed < NEVER
    assert (queue.triaged[seen] < queue.assessed[seen]).all()
    assert all((form[seen] <= queue.assessed[seen]).all() for form in queue.forms)


def test_whoever_leaves_the_district_leaves_the_list(referred):
    gone = np.where(np.arange(SIZE) % 3 == 0, referred + 50, NEVER).astype(np.int32)
    queue = run_queue(stream(6, "queue"), referred, gone)
    moved = (queue.removed < NEVER) & (queue.reason == REASONS.index("moved_away"))
    assert (queue.removed[moved] == gone[moved]).all() and moved.sum() > SIZE / 4
    assert (queue.assessed[gone < NEVER] >= NEVER).all()  # 50 days are fewer than 14 weeks
    assert not moved[gone == NEVER].any()


def test_the_urgent_wait_less_and_longest_first_shortens_the_tail(referred, queue):
    wait = queue.assessed - referred
    seen = queue.assessed < NEVER
    assert wait[seen & queue.urgent].mean() < wait[seen & ~queue.urgent].mean()
    rules = replace(policy(), outstanding={"share": 0.0, "weeks": (8, 96), "school": 0.5})
    spread = {}
    for name in ("longest", "random"):
        mix = dict.fromkeys(("longest", "priority", "random"), 0.0) | {name: 1.0}
        made = run_queue(stream(7, "q"), referred, rules=replace(rules, discipline=mix))
        spread[name] = np.std((made.assessed - referred)[made.assessed < NEVER])
    assert spread["longest"] < 0.7 * spread["random"]


def test_nobody_is_offered_two_appointments_in_a_week(queue):
    pairs = np.stack([queue.missed_row, (queue.missed_day - HISTORY_START) // 7])
    assert np.unique(pairs, axis=1).shape == pairs.shape
    start = (queue.assessed[queue.missed_row] - HISTORY_START) // 7
    assert (start > pairs[1]).all()  # who was not brought kept the place, and came later or not yet


def test_the_truth_and_the_extracts_tell_one_story(tmp_path):
    make_district(tmp_path / "d", 3_000, 11)
    truth = json.loads((tmp_path / "d" / "truth" / "queue.json").read_text())
    assert truth["pathway"] == "AUTISM" and truth["missed"] == policy().missed
    assert [band["from_week"] for band in truth["removal_weekly"]] == [0, 1, 4, 12, 52]
    assert sum(truth["discipline"].values()) == pytest.approx(1)
    known = pl.read_parquet(tmp_path / "d" / "truth" / "recognition.parquet")
    mine = known.filter(pl.col("referred") < pl.lit("2026-08-31").str.to_date())
    assert sum(n for _, n in truth["referrals_per_week"]) == mine.height
    assert sum(n for _, n in truth["slots_per_week"]) >= known["assessed"].count()
    rows = pl.concat(
        pl.read_csv(path, infer_schema=False)
        for path in sorted((tmp_path / "d" / "extracts" / "csds").glob("csds_referrals_*.csv"))
    ).filter(pl.col("Service") == "AUTISM")
    last = rows.group_by("ServiceRequestID").agg(pl.all().last())
    ended = last.filter(
        pl.col("ReferralRejectionDate").is_not_null() | pl.col("ReferralClosureDate").is_not_null()
    )
    assert ended.height == known["removed"].count() and ended["FirstContactDate"].count() == 0
    assert last["FirstContactDate"].count() == known["assessed"].count()
    assert (
        ended.filter(pl.col("ReferralClosureDate").is_not_null())["ReferralClosureReason"].null_count() == 0
    )
