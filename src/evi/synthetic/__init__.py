"""Makes a realistic district with known truth, so that everything runs with no personal data."""

from evi.synthetic.calibration import calibration_table, claims
from evi.synthetic.district import make_district, next_delivery
from evi.synthetic.scoring import (
    Score,
    score_households,
    score_links,
    score_mothers,
    score_needs,
    signs,
    subject_of,
)

__all__ = [
    "Score",
    "calibration_table",
    "claims",
    "make_district",
    "next_delivery",
    "score_households",
    "score_links",
    "score_mothers",
    "score_needs",
    "signs",
    "subject_of",
]
