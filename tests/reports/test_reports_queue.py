"""One waiting list as a page: from made-up journeys, a plan and a rota to HTML that can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from evi.queues.days import planning
from evi.queues.days.made_up import made_up
from evi.queues.forecasts.fitting import fit_series
from evi.queues.forecasts.forecasting import forecast
from evi.queues.measuring.clocks import clock_of
from evi.queues.measuring.inequality import unequal_waits
from evi.queues.measuring.journeys import Journeys, follow
from evi.queues.measuring.measures import snapshot
from evi.queues.measuring.over_time import by_period
from evi.queues.sizing.capacity import question_of, size_capacity
from evi.queues.sizing.conversions import read_conversions
from evi.queues.sizing.frontier import clearance, frontier
from evi.queues.sizing.waiting_plan import read_plan
from evi.reports.queue_charts import Line, lines
from evi.reports.queue_charts import frontier as drawn_frontier
from evi.reports.queue_page import QueuePage, build_queue_page
from evi.workspace import District, DistrictConfig

DAY = date(2025, 6, 30)
CHILDREN = 1_400


def made_journeys(children: int = CHILDREN) -> Journeys:
    """Children referred over three years, most of them seen after about half a year."""
    rng = np.random.default_rng(5)
    referred = [DAY - timedelta(days=int(n)) for n in rng.integers(1, 1_095, children)]
    waits = rng.gamma(6, 30, children)
    rows = [(n, day, "HEALTH/AUTISM/REFERRAL") for n, day in enumerate(referred)]
    rows += [
        (n, day + timedelta(days=int(wait)), "HEALTH/AUTISM/CONTACT")
        for n, (day, wait) in enumerate(zip(referred, waits, strict=True))
        if day + timedelta(days=int(wait)) <= DAY
    ]
    schema = {"subject_id": pl.Int64, "time": pl.Date, "code": pl.String}
    table = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        text_value=pl.lit(None, pl.String),
        end_time=pl.lit(None, pl.Date),
        record_id=pl.int_range(pl.len()),
    )
    return follow(table, clock_of("autism", None), DAY)


@pytest.fixture(scope="module")
def page() -> QueuePage:
    made = made_journeys()
    groups = made.table.select("subject_id", "referred").with_columns(
        group=pl.when(pl.col("subject_id") % 40 == 0).then(pl.lit("few")).otherwise(pl.lit("many")),
        broader=pl.lit(""),
    )
    series = by_period(made, "month")
    question, after = question_of(read_plan("wsoa-autism")), read_conversions(None)
    problem = made_up(12, 40, 12, 4)
    planned = planning.plan_days(problem, seconds=1.0, rounds=2, seed=1)
    return QueuePage(
        snapshot(made),
        series,
        (unequal_waits(made, groups, "sex"),),
        forecast(fit_series(series), replications=60, limit_weeks=13),
        None,
        (size_capacity(question, replications=20, check_replications=50, step_months=9),),
        (
            frontier(question, after, (10, 30), replications=10, draws=10),
            clearance(question, after, 0, weeks=260, replications=10, draws=10),
        ),
        (planned.rota, problem),
    )


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    folder = tmp_path_factory.mktemp("queue-page") / "d"
    return District.create(folder, DistrictConfig("Made-up place", synthetic=True))


@pytest.fixture(scope="module")
def html(page: QueuePage, district: District) -> str:
    path = build_queue_page(district, page, district.outputs / "queue-autism.html")
    return path.read_text(encoding="utf-8")


def test_each_part_has_its_section_and_the_three_waits_have_their_names(html: str) -> None:
    for name in ("list", "unequal", "coming", "needs", "follows", "speed", "days"):
        assert f'<section id="{name}"' in html
    for name in ("Wait of those seen", "Wait so far of those waiting", "Longest"):
        assert name in html
    assert "outside the national standard" in html


def test_every_drawing_has_words_for_those_who_do_not_see_it(html: str) -> None:
    drawings = re.findall(r'<svg [^>]*aria-labelledby="(\S+) (\S+)"', html)
    assert len(drawings) > 12
    for title, described in drawings:
        assert re.search(f'<title id="{title}">[^<]+</title><desc id="{described}">[^<]+</desc>', html)
    assert "nan" not in html.lower().replace("financ", "").replace("maintenanc", "")


def test_what_a_drawing_takes_for_granted_stands_under_it(page: QueuePage, html: str) -> None:
    assert page.coming is not None
    assert html.count("What this takes for granted") == 6
    for sentence in page.coming.assumptions:
        assert sentence.split("(")[0].split("’")[0].split("'")[0].strip()[:30] in html


def test_few_children_are_not_shown(page: QueuePage, district: District) -> None:
    made = made_journeys(12)
    small = replace(page, found=snapshot(made), over_time=by_period(made, "month"), coming=None, needs=())
    small = replace(small, frontier=None, rota=None, unequal=())
    html = build_queue_page(district, small, district.outputs / "small.html").read_text(encoding="utf-8")
    body = html[html.index("<main") :]
    assert "fewer than 10" in body and "not shown" in body
    shown = re.findall(r'<td class="n">(\d+)</td>', body)
    assert shown == [] or min(int(number) for number in shown) >= 10


def test_the_same_parts_give_the_same_page(page: QueuePage, district: District, html: str) -> None:
    again = build_queue_page(district, page, district.outputs / "again.html").read_text(encoding="utf-8")
    assert again == html


def test_lines_with_gaps_are_drawn_and_told_as_gaps() -> None:
    days = [date(2025, month, 1) for month in (1, 2, 3)]
    made = lines("x", "Title", "About", [Line("one", days, [1.0, float("nan"), 3.0])], unit="weeks")
    assert [row[1] for row in made.table.rows] == ["1.0", "–", "3.0"]
    assert "nan" not in made.wide


def test_a_frontier_names_its_plans_in_order() -> None:
    made = drawn_frontier("f", "T", "D", [(30, 5, "slow"), (10, 50, "fast")], "weeks", "a week")
    assert [row[0] for row in made.table.rows] == ["fast", "slow"]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (320, 740)])
def test_in_a_browser_axe_finds_nothing_and_nothing_is_too_wide(
    html: str, district: District, width: int, height: int, chromium: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    assert html
    tab = chromium.new_page(viewport={"width": width, "height": height})
    tab.goto((district.outputs / "queue-autism.html").resolve().as_uri())
    assert "waiting list" in tab.title()
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    wrong = Axe().run(tab, options={"runOnly": {"type": "tag", "values": rules}})
    assert wrong.violations_count == 0, wrong.generate_report()
    wide = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
    assert tab.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    tab.close()
