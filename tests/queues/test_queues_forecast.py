"""Forecasts under scenarios, and back-tests of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.queues.forecasts.backtesting import FORECAST, NO_CHANGE, backtest
from evi.queues.forecasts.drift import Drift
from evi.queues.forecasts.fitting import fit_series
from evi.queues.forecasts.forecasting import forecast
from evi.queues.forecasts.limits import strayed
from evi.queues.forecasts.scenarios import Scenario
from evi.queues.measuring.series import Series
from evi.queues.published.scottish_camhs import read_scottish_camhs
from evi.workspace import EviError
from tests.queues.made_up_series import made_up

FIT = fit_series(made_up(season=0.1))


def test_a_forecast_says_what_it_assumes() -> None:
    made = forecast(FIT, months=6, replications=200)
    assert made.waiting.shape == (200, 6)
    assert made.starts_on[0] == date(2020, 1, 1)
    assert any("Referrals go on as in the history to December 2019" in line for line in made.assumptions)
    assert any("leave a month without a start" in line for line in made.assumptions)
    assert any(
        "Rates wander as they did elsewhere (Public Health Scotland" in line for line in made.assumptions
    )
    changed = forecast(FIT, Scenario(referrals_percent=10, contacts=(90.0,)), months=6, replications=200)
    assert any("Referrals are 10% more than the history" in line for line in changed.assumptions)
    assert any("Contacts are given: 90 on average." in line for line in changed.assumptions)
    far = forecast(FIT, months=24, replications=50)
    assert far.assumptions[-1] == "Nothing beyond 12 months was back-tested."


def test_scenarios_share_their_luck() -> None:
    """Ten per cent more referrals make every single future longer, and by about what they bring."""
    plain, more = (forecast(FIT, Scenario(referrals_percent=p), months=6, replications=300) for p in (0, 10))
    gap = np.median(more.waiting - plain.waiting, axis=0)
    assert (np.diff(gap) > 0).all()
    assert 40 < gap[-1] < 65
    fewer = forecast(FIT, Scenario(capacity_percent=20), months=6, replications=300)
    assert (fewer.middle() < plain.middle()).all()


def test_told_flows_narrow_the_interval() -> None:
    told = Scenario(referrals=(100.0,), contacts=(80.0,))
    wide, narrow = (forecast(FIT, scenario, replications=500).band(0.8) for scenario in (None, told))
    assert ((narrow[1] - narrow[0]) < (wide[1] - wide[0])).all()


def test_a_forecast_as_a_table() -> None:
    made = forecast(FIT, months=4, replications=100)
    table = made.table()
    assert table.height == 4 * 6
    row = table.filter(what="waiting").row(3, named=True)
    assert (
        row["low_95"] <= row["low_80"] <= row["low_50"] <= row["middle"] <= row["high_50"] <= row["high_95"]
    )
    within = made.middle("waiting_within")
    assert ((within >= 0) & (within <= 1)).all()
    assert made.chance(1e9) == 1.0
    with pytest.raises(EviError, match="a forecast has no moods"):
        made.band(0.5, "moods")


def test_the_same_seed_gives_the_same_forecast() -> None:
    once, again = (forecast(FIT, months=3, replications=50) for _ in range(2))
    assert (once.waiting == again.waiting).all()


def test_a_share_strays_from_today_and_stays_a_share() -> None:
    within = np.full((400, 3), 0.6)
    months = np.array([3.0, 6.0, 12.0])
    out = strayed(within, 0.8, 500.0, months, Drift(trust=0.5, stray=0.3))
    assert ((out > 0) & (out < 1)).all()
    assert np.median(out, axis=0) == pytest.approx([0.71] * 3, abs=0.03)
    assert (np.diff(np.std(out, axis=0)) > 0).all()
    still = strayed(within, 0.8, 500.0, months, Drift(trust=0.0, stray=0.0))
    assert still == pytest.approx(0.8, abs=2e-3)


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"referrals_percent": -101}, "referrals can't change by -101%"),
        ({"capacity_percent": float("nan")}, "capacity can't change by nan%"),
        ({"contacts": (3.0, -1.0)}, "contacts must be numbers of children, none below 0"),
        ({"referrals": ()}, "referrals must be numbers"),
    ],
)
def test_scenarios_that_make_no_sense(kwargs: dict[str, object], says: str) -> None:
    with pytest.raises(EviError, match=says):
        Scenario(**kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("months", [0, 61])
def test_horizons_that_make_no_sense(months: int) -> None:
    with pytest.raises(EviError, match="can't be forecast"):
        forecast(FIT, months=months)


def test_a_backtest_on_made_up_places_covers_and_beats_no_change() -> None:
    """Where the model is true, its intervals hold and known flows help much."""
    places = [made_up(54, starts=60.0, seed=k, drift=0.03, place=f"place {k}") for k in range(6)]
    found = backtest(places, replications=100, every=3, learn_every=6)
    for months in (3, 6, 12):
        ours, plain = (found.find("nothing", way, months) for way in (FORECAST, NO_CHANGE))
        assert ours.crps < plain.crps
        assert 0.6 < ours.inside_80 < 0.95
        assert found.find("flows", FORECAST, months).error < 0.7 * plain.error
    assert set(found.drifts) == {place.place for place in places}
    assert json.dumps(found.as_json())


def test_a_backtest_needs_two_long_places() -> None:
    with pytest.raises(EviError, match="1 of 2 places have a history long enough"):
        backtest([made_up(60), made_up(20, place="there")])
    with pytest.raises(EviError, match="needs monthly series"):
        backtest([replace(made_up(60), period="week")])


def boards(opendata: Path) -> list[Series]:
    files = sorted((opendata / "waiting").glob("scotland_*.csv"))
    return [one for one in read_scottish_camhs(files) if one.place != "Scotland"]


@pytest.mark.opendata
def test_intervals_hold_on_boards_that_the_fit_never_saw(opendata: Path) -> None:
    """The back-test of docs/queues-forecast.md, with fewer futures and origins."""
    found = backtest(boards(opendata), replications=100, every=2, learn_every=6)
    for known in ("nothing", "flows"):
        for months in (3, 6, 12):
            ours, plain = (found.find(known, way, months) for way in (FORECAST, NO_CHANGE))
            assert 0.75 <= ours.inside_80 <= 0.85
            assert ours.error < plain.error
            assert ours.crps < 0.95 * plain.crps
    for months in (3, 6, 12):
        ours, plain = (found.find("flows", way, months) for way in (FORECAST, NO_CHANGE))
        assert ours.error < 0.75 * plain.error


@pytest.mark.opendata
def test_longest_first_differs_between_boards(opendata: Path) -> None:
    shares = [fit_series(one).aged.discipline for one in boards(opendata)]
    assert min(one.mean for one in shares) < 0.1
    assert max(one.mean for one in shares) > 0.5
    assert all(one.low <= one.mean + 0.02 and one.mean - 0.02 <= one.high for one in shares)


@pytest.mark.opendata
def test_the_command_forecasts_a_board(opendata: Path, tmp_path: Path) -> None:
    load_verbs("queue")
    files = [str(path) for path in sorted((opendata / "waiting").glob("scotland_*.csv"))]
    ask = ["queue", "forecast", "--published", "camhs", "--place", "Fife", "--months", "6", *files]
    saved = tmp_path / "fife.json"
    done = CliRunner().invoke(app, [*ask, "--referrals", "+10%", "--json", "--out", str(saved)])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document == json.loads(saved.read_text())
    assert document["place"] == "NHS Fife"
    assert document["scenario"] == "referrals +10%"
    assert any("10% more" in line for line in document["assumptions"])
    assert len([row for row in document["forecast"] if row["what"] == "waiting"]) == 6
    done = CliRunner().invoke(app, [*ask, "--capacity", "110,120"])
    assert "Contacts are given: 115 on average." in " ".join(done.stdout.split())


@pytest.mark.opendata
@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--published", "camhs", "--place", "Narnia"], "is not one place of these tables"),
        (["--published", "camhs"], "which place is meant?"),
        (["--published", "rtt", "--place", "Fife"], "can't forecast from tables called “rtt”"),
        (["--published", "camhs", "--place", "Fife", "--referrals", "more"], "neither a change nor numbers"),
        (["--published", "camhs", "--place", "Fife", "--out", "x.pdf"], "what kind of file"),
        ([], "which list is meant?"),
    ],
)
def test_the_command_explains_mistakes(opendata: Path, extra: list[str], says: str) -> None:
    load_verbs("queue")
    files = [str(path) for path in sorted((opendata / "waiting").glob("scotland_*.csv"))]
    done = CliRunner().invoke(app, ["queue", "forecast", *extra, *files, "--json"])
    assert done.exit_code != 0
    assert says in json.loads(done.stdout)["error"]
