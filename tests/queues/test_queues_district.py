"""A made-up district from its extracts to fitted rates and a sorted list, with the truth known."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.cli.new import make_synthetic
from evi.encoding import Keys, encode
from evi.indicators import evaluate_at
from evi.indicators.queries import STATES
from evi.indicators.reference import Covered, World, state
from evi.linkage import link
from evi.queues.forecasts.journey_fitting import fit_journeys
from evi.queues.forecasts.recovery import compare, read_truth, recover, weekly_chance
from evi.queues.measuring.journeys import Journeys, journeys
from evi.queues.sorting.sort_list import _registry, _worlds, sort_list
from evi.queues.sorting.sorting_audit import DIMENSIONS, SIDES, audit
from evi.queues.sorting.worklist import GROUPS, WorkList
from evi.records import load, open_records
from evi.synthetic.calendar import NEVER, REFERENCE_DAY, day
from evi.synthetic.draws import stream
from evi.synthetic.pathway import Referrals, run_queue, truth_of
from evi.synthetic.writing import dates
from evi.workspace import SILENT, District, EviError

DAY = date(2026, 8, 31)
FEEDS = ("csds", "eyfsp", "school", "sen2")
"""All that the list and its rules read; the other feeds are left out for speed."""


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    folder = tmp_path_factory.mktemp("queue") / "district"
    make_synthetic(folder, 20_000, 11, SILENT)
    opened = District.open(folder)
    for path in opened.extracts.iterdir():
        if path.name not in FEEDS:
            shutil.rmtree(path)
    for path in (opened.extracts / "school").glob("attendance*"):
        path.unlink()
    encode(opened, Keys.from_environment(opened))
    link(opened)
    load(opened)
    return opened


@pytest.fixture(scope="module")
def made(district: District) -> Journeys:
    return journeys(district, "autism", DAY)


@pytest.fixture(scope="module")
def worklist(district: District) -> WorkList:
    return sort_list(district, "autism", DAY)


def test_the_journeys_are_those_that_happened(district: District, made: Journeys) -> None:
    truth = pl.read_parquet(district.truth / "recognition.parquet").drop_nulls("referred")
    truth = truth.filter(pl.col("referred") >= date(2011, 4, 1))
    assert abs(made.table.height - truth.height) <= 0.01 * truth.height
    for column, happened in (("started", "assessed"), ("removed", "removed")):
        assert abs(made.table[column].count() - truth[happened].count()) <= 2
    assert set(made.table["reason"].drop_nulls()) <= {
        "moved_away", "declined", "other_pathway", "not_accepted"
    }  # fmt: skip
    assert sum(made.rejects.values()) <= 3
    assert made.table["missed"].sum() > 0


def test_what_was_not_yet_known_is_not_there(district: District, made: Journeys) -> None:
    earlier = journeys(district, "autism", DAY - timedelta(days=365))
    assert earlier.table["referred"].max() <= DAY - timedelta(days=365)
    waited = made.table.filter(pl.col("referred") <= DAY - timedelta(days=400)).height
    assert earlier.table.height >= 0.97 * waited


def test_fitted_rates_recover_the_truth(district: District) -> None:
    fit, found = recover(district, "autism", DAY)
    scored = [one for one in found if one.scored]
    assert len(scored) >= 7 and fit.pathway == "autism"
    assert [one.name for one in scored if not one.within] == []
    names = {one.name: one for one in scored}
    assert names["slots"].value == pytest.approx(names["slots"].truth, rel=0.03)
    assert 0.04 < names["appointments missed"].value < 0.16


def test_a_wrong_truth_is_not_recovered(district: District) -> None:
    """The intervals can say no: the same fit beside a truth that is not this district's."""
    fit, _ = recover(district, "autism", DAY)
    truth = read_truth(district, "autism")
    wrong = truth | {
        "missed": 0.3,
        "slots_per_week": [[monday, 2 * n] for monday, n in truth["slots_per_week"]],
        "removal_weekly": [{"from_week": 0, "probability": 0.1}],
    }
    out = {one.name for one in compare(fit, wrong) if one.scored and not one.within}
    assert {"slots", "appointments missed", "leave without a start, from week 4"} <= out


def made_up_list(seed: int, referrals: int = 3_000) -> tuple[pl.DataFrame, list[date], dict[str, object]]:
    """The journeys of a list that the synthetic district's queue made, missed days, and their truth."""
    days = stream(seed, "referrals").integers(day(date(2016, 1, 4)), REFERENCE_DAY, referrals)
    referred = np.sort(days).astype(np.int32)
    queue = run_queue(stream(seed, "queue"), referred)
    missed = np.bincount(queue.missed_row, minlength=referrals)
    table = pl.DataFrame(
        {
            "referred": dates(referred),
            "started": dates(queue.assessed),
            "removed": dates(queue.removed),
            "offered": (missed + (queue.assessed < NEVER)).astype(np.int32),
            "missed": missed.astype(np.int32),
        }
    )
    made = Referrals(np.arange(referrals), referred, queue.assessed, np.zeros(referrals, bool), queue)
    return table, dates(queue.missed_day).to_list(), truth_of(made, 0.0)


def test_intervals_hold_as_often_as_they_say() -> None:
    """12 lists by 8 figures: of 96 intervals of 95%, about 5 miss; 4.5 standard errors more are 14."""
    misses = scored = 0
    for seed in range(12):
        table, missed_on, truth = made_up_list(seed)
        fit = fit_journeys(table, DAY, pathway="autism", missed_on=missed_on, level=0.95)
        found = [one for one in compare(fit, truth) if one.scored]
        scored += len(found)
        misses += sum(not one.within for one in found)
    assert scored == 96 and misses <= 14


def test_truth_that_is_not_there_or_not_right(district: District, tmp_path: Path) -> None:
    with pytest.raises(EviError, match="about autism, not camhs"):
        read_truth(district, "camhs")
    other = District.create(tmp_path / "other", district.config)
    with pytest.raises(EviError, match="no truth about a queue"):
        read_truth(other, "autism")
    other.truth.mkdir()
    (other.truth / "queue.json").write_text("{")
    with pytest.raises(EviError, match="not JSON"):
        read_truth(other, "autism")
    (other.truth / "queue.json").write_text('{"pathway": "AUTISM"}')
    with pytest.raises(EviError, match="it lacks missed, removal_weekly"):
        read_truth(other, "autism")


def test_a_step_table_has_a_mean() -> None:
    steps = [{"from_week": 0, "probability": 0.0}, {"from_week": 4, "probability": 0.02}]
    assert weekly_chance(steps, 2, 6) == pytest.approx(0.01)
    assert weekly_chance(steps, 52, None) == weekly_chance(steps, 4, 5) == pytest.approx(0.02)


def test_sorting_keeps_everybody_and_every_place(made: Journeys, worklist: WorkList) -> None:
    waiting = made.table.filter(pl.col("state") == "waiting")
    assert sorted(c.subject_id for c in worklist.children) == sorted(waiting["subject_id"].to_list())
    assert sum(len(worklist.group(name)) for name in GROUPS) == waiting.height > 20
    for name in GROUPS:
        places = [child.place for child in worklist.group(name)]
        assert places == sorted(places)
    longest = min(worklist.children, key=lambda child: child.place)
    assert longest.wait_days == waiting["wait_days"].max()


def test_the_groups_follow_from_what_is_said(worklist: WorkList) -> None:
    assert len({child.group for child in worklist.children}) == 3
    for child in worklist.children:
        gaps, elsewhere = child.of("missing", "not known"), child.of("points elsewhere")
        assert (child.group == "other pathway likely") == bool(elsewhere)
        assert (child.first_thing == "") == (not gaps)
        if not elsewhere:
            assert child.group == ("needs one named thing" if gaps else "evidence complete")
        for finding in child.of("held", "points elsewhere", "mark"):
            assert finding.service and (finding.date is None or finding.date <= DAY)
        assert all(finding.ask and finding.service for finding in gaps)
        assert all(finding.date for finding in child.of("held"))


def test_the_plain_reading_of_the_rules_agrees(district: District, worklist: WorkList) -> None:
    registry = _registry(worklist.rules, district)
    subjects = [child.subject_id for child in worklist.children]
    worlds, births = _worlds(district, registry, subjects, DAY)
    states = evaluate_at(district, DAY, registry=registry)
    with open_records(district) as con:
        rows = con.execute('SELECT subject_id, feed, start, "end", known_at FROM coverage').fetchall()
    told = {subject: [Covered(*row) for row in rows if row[0] == subject] for subject in subjects}
    seen = set()
    for subject in subjects:
        world = World(worlds[subject].events, (), tuple(told[subject]), births, (subject,))
        says = states.of(subject)
        for indicator in registry:
            assert says[indicator.id] == state(indicator, world, subject, DAY)
            seen.add(says[indicator.id])
    assert seen == set(STATES)


def test_an_outstanding_form_is_what_is_asked_for(district: District, worklist: WorkList) -> None:
    """The made-up forms are known to have come back or not; the list says the same."""
    with open_records(district) as con:
        back = con.execute(
            "SELECT DISTINCT subject_id FROM events WHERE code = 'HEALTH/AUTISM/RECEIVED/FAMILY_FORM'"
        ).fetchall()
    came = {subject for (subject,) in back}
    for child in worklist.children:
        said = {finding.about: finding.state for finding in child.findings}
        assert (said["family_form"] == "held") == (child.subject_id in came)


def test_the_audit_hides_small_numbers(district: District, worklist: WorkList) -> None:
    audited = audit(district, worklist)
    assert {share.dimension for share in audited.shares} == set(DIMENSIONS)
    assert {share.side for share in audited.shares} == set(SIDES)
    for share in audited.shares:
        if share.children.isdigit():
            assert int(share.children) >= 10 and int(share.children) % 5 == 0
        else:
            assert share.share is None and share.difference is None
    assert any(share.of.isdigit() for share in audited.shares)


def test_commands(district: District, worklist: WorkList, tmp_path: Path) -> None:
    load_verbs("queue")
    run = CliRunner()
    asked = ["--district", str(district.root), "--day", "2026-08-31"]
    done = run.invoke(app, ["queue", "sort", "autism", *asked, "--json", "--out", str(tmp_path / "l.csv")])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert len(document["children"]) == len(worklist.children) == sum(document["groups"].values())
    with (tmp_path / "l.csv").open(newline="") as stream:
        assert [int(row["place"]) for row in csv.DictReader(stream)] == [c.place for c in worklist.children]
    done = run.invoke(app, ["queue", "sort", "autism", *asked])
    assert done.exit_code == 0 and "Ask first for" in done.stdout and "hidden" in done.stdout
    done = run.invoke(app, ["queue", "sort", "autism", *asked, "--out", str(tmp_path / "l.txt")])
    assert done.exit_code == 2
    done = run.invoke(app, ["queue", "sort", "knitting", *asked])
    assert done.exit_code == 2 and "no rules of evidence" in " ".join(done.output.split())
    done = run.invoke(app, ["queue", "score-truth", *asked, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["within"] == document["scored"] >= 7
    assert run.invoke(app, ["queue", "score-truth", *asked]).exit_code == 0
