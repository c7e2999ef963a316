"""What is said of all replications together, and the command that says it."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.queues.simulation.engine import simulate
from evi.queues.simulation.network_file import example_network
from evi.queues.simulation.paths import HALF_WEEK, MEASURES
from evi.workspace import EviError

load_verbs("queue")


@pytest.fixture(scope="module")
def paths():
    return simulate(example_network("one_list"), 30, 50, 3)


def test_means_and_bands_are_those_of_the_replications(paths):
    waiting = paths.waiting[:, :, 0]
    np.testing.assert_allclose(paths.mean()[:, 0], waiting.mean(axis=0))
    low, high = paths.band(0.8)
    np.testing.assert_allclose(low[:, 0], np.quantile(waiting, 0.1, axis=0))
    np.testing.assert_allclose(high[:, 0], np.quantile(waiting, 0.9, axis=0))
    assert paths.percentile([0.25, 0.5, 0.75]).shape == (3, 30, 1)


def test_the_three_waits_are_kept_apart(paths):
    found = paths.waits().row(0, named=True)
    children = paths.seen_by_wait[:, 0].sum(axis=0)
    waited = np.repeat(np.arange(len(children)), children)
    assert found["wait_seen_mean"] == pytest.approx(waited.mean() + HALF_WEEK)
    assert found["wait_seen_median"] == np.quantile(waited, 0.5, method="inverted_cdf") + HALF_WEEK
    assert found["seen_within_share"] == pytest.approx((waited < 13).mean())
    last = paths.sum_wait_so_far_weeks[:, -1, 0].sum() / paths.waiting[:, -1, 0].sum()
    assert found["wait_so_far_mean"] == pytest.approx(last + HALF_WEEK)
    assert found["longest_median"] == np.median(paths.longest_waiting_weeks[:, -1, 0])
    inside = paths.waiting_within_limit[:, -1, 0].sum() / paths.waiting[:, -1, 0].sum()
    assert found["waiting_within_share"] == pytest.approx(inside)


def test_nobody_to_measure_is_no_number():
    network = example_network("autism_pathway")
    empty = simulate(network, 2, 3, 1)
    camhs = network.pool_ids.index("ehc_assessment")
    assert np.isnan(empty.values("wait_seen_weeks")[:, :, camhs]).all()
    row = empty.waits().filter(pl.col("pool") == "ehc_assessment").row(0, named=True)
    assert row["wait_seen_mean"] is None and row["waiting"] == 0
    assert empty.to_table().filter(pl.col("measure") == "longest_seen_weeks")["mean"].null_count() > 0


def test_the_table_has_a_row_for_each_week_pool_and_measure(paths):
    table = paths.to_table()
    assert table.height == 30 * len(MEASURES)
    assert table["week"].min() == date(2026, 1, 5)
    assert (table.drop_nulls()["low"] <= table.drop_nulls()["high"]).all()


def test_measures_and_levels_that_are_not_there_are_refused(paths):
    with pytest.raises(EviError, match="no measure 'joy'"):
        paths.values("joy")
    with pytest.raises(EviError, match="a band of 1 is none"):
        paths.band(1.0)


def run(*arguments: str) -> object:
    return CliRunner().invoke(app, ["queue", "simulate", *arguments])


SMALL = ("--weeks", "10", "--replications", "20")


def test_the_command_gives_the_numbers_of_the_engine_as_json_and_as_a_file(tmp_path):
    table = tmp_path / "lists.csv"
    said = json.loads(run("one_list", *SMALL, "--seed", "4", "--json", "--out", str(table)).stdout)
    expected = simulate(example_network("one_list"), 10, 20, 4)
    weekly = [row["mean"] for row in said["weekly"] if row["measure"] == "waiting"]
    np.testing.assert_allclose(weekly, expected.mean()[:, 0])
    assert said["seed"] == 4 and said["replications"] == 20
    assert pl.read_csv(table).height == 10 * len(MEASURES)


def test_the_command_shows_the_three_waits(tmp_path):
    slots = tmp_path / "slots.csv"
    slots.write_text("assessment\n0\n")
    said = run("one_list", *SMALL, "--slots", str(slots)).stdout
    for words in ("Wait of those seen", "Wait so far of those waiting", "Longest wait so far"):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.yaml"], "can't be read"),
        (["nothing"], "no example network"),
        (["one_list", "--weeks", "0"], "no week"),
        (["one_list", "--replications", "0"], "nothing to simulate"),
        (["one_list", *SMALL, "--out", "lists.txt"], "not written"),
        (["one_list", *SMALL, "--out", "no/such/folder/lists.csv"], "no such folder"),
        (["one_list", *SMALL, "--level", "2"], "a band of 2"),
    ],
)
def test_mistakes_at_the_command_get_a_clear_sentence(arguments, said):
    result = run(*arguments, "--json")
    assert result.exit_code == 1
    assert said in json.loads(result.stdout)["error"]
