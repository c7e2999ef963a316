"""The audit's alarms, which need no truth."""

from __future__ import annotations

import pytest

from evi.linkage.quality import audit_warnings

QUIET = {
    "expected_matches": 1000.0,
    "most_possible_matches": 1200,
    "matches_by_probabilities": 980.0,
    "confident_links": 950,
    "confident_links_with_other_forename_and_birth_date": 3,
    "confident_links_that_look_like_twins": 0,
}


def test_a_model_that_fits_is_left_in_peace() -> None:
    assert audit_warnings(QUIET) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expected_matches": 1600.0, "matches_by_probabilities": 1500.0}, "may be linking siblings"),
        (
            {"confident_links_with_other_forename_and_birth_date": 40},
            "different forename and a different birth",
        ),
        ({"matches_by_probabilities": 700.0}, "not to be read as shares"),
        ({"expected_matches": 700.0}, "not to be read as shares"),
    ],
)
def test_each_alarm(change: dict[str, float], said: str) -> None:
    warnings = audit_warnings(QUIET | change)
    assert len(warnings) == 1 and said in warnings[0]


def test_a_handful_of_matches_raises_no_alarm() -> None:
    few = QUIET | {"expected_matches": 4.0, "matches_by_probabilities": 9.0, "most_possible_matches": 12}
    assert audit_warnings(few) == []
