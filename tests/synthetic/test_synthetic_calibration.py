"""Every published figure that the district claims is within its tolerance, with three seeds."""

import pytest

from evi.synthetic.calibration import STATUSES, calibrate, calibration_page, claims

SEEDS = (1, 2, 3)


def test_claims_are_many_and_never_from_memory():
    assert len({(c.parameter, c.source) for c in claims()}) >= 35
    assert {c.status for c in claims()} <= set(STATUSES)
    assert all(c.source and c.tolerance > 0 for c in claims())
    assert len({c.measure for c in claims()}) == len(claims())


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_is_within_its_tolerance(seed):
    out = [
        f"{row.claim.measure}: {row.achieved:.3f}, claimed {row.claim.target} ± {row.claim.tolerance}"
        for row in calibrate(60_000, seed)
        if not row.within
    ]
    assert out == []


def test_the_page_lists_every_claim():
    page = calibration_page(5_000, (4,))
    assert page.count("\n| ") == len(claims()) + 1
    assert "## Sources" in page
