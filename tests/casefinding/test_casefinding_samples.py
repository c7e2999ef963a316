"""Enough children before a model is fitted: Riley's criteria against published figures and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.casefinding.models.calibration import recalibrate
from evi.casefinding.models.sample_size import children_needed, most_explained, refuse_too_few
from evi.workspace import EviError


def test_the_published_example_of_a_diagnostic_model() -> None:
    """Riley 2019: a model of Chagas disease needs at least 4.8 events for each coefficient."""
    needed = children_needed(24, 0.174, 0.288)
    assert round(needed.events_per_parameter, 1) == 4.8
    assert needed.events == math.ceil(needed.children * 0.174)


@pytest.mark.parametrize(
    ("parameters", "r2", "prevalence", "shrinkage", "overall"),
    [
        (24, 0.288, 0.174, 623, 221),
        (24, 0.55, 0.174, 255, 221),
        (36, 0.288, 0.174, 934, 221),
        (24, 0.288, 0.25, 623, 289),
    ],
)
def test_the_tables_that_the_authors_package_checks(
    parameters: int, r2: float, prevalence: float, shrinkage: int, overall: int
) -> None:
    """pmsampsize (CRAN), tests of binary outcomes: the first and third criterion."""
    needed = children_needed(parameters, prevalence, r2)
    assert (needed.shrinkage, needed.overall) == (shrinkage, overall)


def test_the_second_criterion_lies_by_the_definition_of_its_shrinkage() -> None:
    needed = children_needed(24, 0.174, 0.288)
    shrinkage = 1 + math.log(1 - 0) if needed.optimism == 0 else 0.288 / (0.288 + 0.05 * needed.r2_most)
    # at that many children the expected shrinkage (Van Houwelingen and le Cessie) is the one asked for
    expected = 1 + 24 / (needed.optimism * math.log(1 - 0.288 / shrinkage))
    assert expected == pytest.approx(shrinkage, abs=2e-4)
    assert needed.optimism > needed.shrinkage


def test_as_many_children_as_asked_give_the_shrinkage_asked_for() -> None:
    """Fitted without a penalty on that many children, they shrink to 0.9 in others; on a third, more."""
    rng = np.random.default_rng(1)
    beta, level = np.full(10, 0.35), 0.0

    def children(n: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(n, 10))
        return x, rng.random(n) < 1 / (1 + np.exp(-(level + x @ beta)))

    many, came = children(60_000)
    p = 1 / (1 + np.exp(-(level + many @ beta)))
    mean = came.mean()
    gained = np.mean(came * np.log(p / mean) + ~came * np.log((1 - p) / (1 - mean)))
    needed = children_needed(10, float(mean), float(1 - np.exp(-2 * gained)))
    slopes = {}
    for n in (needed.shrinkage, needed.shrinkage // 3):
        found = []
        for _ in range(80):
            x, y = children(n)
            found.append(recalibrate(many[:8000] @ _fitted(x, y), came[:8000], np.arange(8000))[0].value)
        slopes[n] = float(np.mean(found))
    assert slopes[needed.shrinkage] == pytest.approx(0.9, abs=0.04)
    assert slopes[needed.shrinkage // 3] < 0.8


def _fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    columns, beta = np.column_stack([np.ones(len(y)), x]), np.zeros(x.shape[1] + 1)
    for _ in range(12):
        p = 1 / (1 + np.exp(-(columns @ beta)))
        beta = beta + np.linalg.solve((columns * (p * (1 - p))[:, None]).T @ columns, columns.T @ (y - p))
    return beta[1:]


@given(st.integers(1, 60), st.floats(0.005, 0.5))
def test_more_coefficients_and_rarer_outcomes_need_more(parameters: int, prevalence: float) -> None:
    one = children_needed(parameters, prevalence)
    assert children_needed(parameters + 1, prevalence).shrinkage > one.shrinkage
    assert children_needed(parameters, prevalence * 0.9).shrinkage >= one.shrinkage
    assert 0 < one.r2 < most_explained(prevalence)
    assert one.children == max(one.shrinkage, one.optimism, one.overall)


def test_too_few_is_refused_with_what_is_needed() -> None:
    with pytest.raises(
        EviError, match=r"1,746, of whom 19 had the outcome; 6,\d{3}, of whom \d+, are needed"
    ) as told:
        refuse_too_few(1_746, 19, 13)
    assert told.value.exit_code == 4
    assert refuse_too_few(45_000, 500, 13).children <= 45_000


def test_a_rare_share_must_be_known_to_half_of_itself() -> None:
    """A margin of 0.05 would ask for 16 children where one in a hundred has the outcome."""
    assert children_needed(1, 0.01).overall == 16
    assert refuse_too_few(2_000, 20, 1).overall == math.ceil((1.96 / 0.005) ** 2 * 0.01 * 0.99)


@pytest.mark.parametrize(
    ("children", "events", "parameters"), [(0, 0, 3), (500, 0, 3), (500, 500, 3), (500, 50, 0)]
)
def test_nothing_to_learn_is_refused(children: int, events: int, parameters: int) -> None:
    with pytest.raises(EviError, match="nothing to learn"):
        refuse_too_few(children, events, parameters)


def test_an_r_squared_that_cannot_be_is_refused() -> None:
    with pytest.raises(EviError, match="can't be reached"):
        children_needed(10, 0.01, 0.5)
