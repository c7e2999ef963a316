"""Bands: sensible or refused, estimated only when asked, and small numbers hidden."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pyarrow as pa
import pytest
from index_district import BANDS

import evi.index
import evi.reports
from evi.index import NOT_ENOUGH_KNOWN, Bands, estimate_bands
from evi.index.disclosure import HIDDEN_TOO, shown_parts
from evi.index.registry import read_bands
from evi.workspace import EviError


def children(evi: np.ndarray, band: str = "some") -> pa.Table:
    return pa.table({"evi": evi, "band": [band] * len(evi)})


def test_cut_points_divide_the_range_to_the_99th_percentile():
    found = estimate_bands(children(np.linspace(0, 0.4, 5001)), BANDS)
    assert found.cuts == (0.099, 0.198, 0.297)
    assert (found.provisional, found.names, found.minimum_share) == (True, BANDS.names, 0.5)
    assert "99th percentile (0.3960) of the index of 5,001 children" in found.method


def test_children_of_whom_too_little_is_known_do_not_set_cut_points():
    some, none = children(np.linspace(0, 0.4, 5001)), children(np.ones(9000), NOT_ENOUGH_KNOWN)
    assert estimate_bands(pa.concat_tables([some, none]), BANDS).cuts == (0.099, 0.198, 0.297)


@pytest.mark.parametrize(
    ("evi", "message"),
    [(np.ones(999), "there are 999 children of whom"), (np.zeros(2000), "almost no child here has a need")],
)
def test_it_refuses_what_can_not_be_divided(evi, message):
    with pytest.raises(EviError, match=message):
        estimate_bands(children(evi), BANDS)


@pytest.mark.parametrize(
    ("names", "cuts", "share"),
    [(("a",), (0.1,), 0.5), (("a", "b", "c"), (0.2, 0.1), 0.5), (("a", "b"), (0.1,), 2)],
)
def test_bands_that_do_not_fit_are_refused(names, cuts, share):
    with pytest.raises(EviError, match="the bands don't fit their cut-points"):
        Bands(names, cuts, share)


@pytest.mark.parametrize(
    ("present", "assessable", "applicable", "band"),
    [
        (0, 9, 9, "fewest"),
        (1, 10, 10, "some"),
        (3, 10, 10, "most"),
        (1, 4, 9, NOT_ENOUGH_KNOWN),
        (0, 0, 0, NOT_ENOUGH_KNOWN),
    ],
)
def test_a_cut_point_belongs_to_the_band_above_it(present, assessable, applicable, band):
    assert BANDS.of(present, assessable, applicable) == band


def test_a_file_of_bands_that_is_none_says_what_it_needs(tmp_path):
    path = tmp_path / "bands.yaml"
    path.write_text("bands: 3")
    with pytest.raises(EviError, match="it can't be read as bands"):
        read_bands(path)


def test_one_hidden_count_never_stands_alone():
    found = shown_parts({"a": 3, "b": 40, "c": 25})
    assert str(found["a"]) == "fewer than 10" and found["c"] == HIDDEN_TOO and str(found["b"]) == "40"
    assert [str(x) for x in shown_parts({"a": 3, "b": 4, "c": 25}).values()] == [
        "fewer than 10",
        "fewer than 10",
        "25",
    ]


@pytest.mark.parametrize("package", [evi.index, evi.reports])
def test_the_examples_in_docstrings_are_true(package):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        assert doctest.testmod(importlib.import_module(module.name)).failed == 0, module.name
