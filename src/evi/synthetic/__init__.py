"""Makes a realistic district with known truth, so that everything runs with no personal data."""

from evi.synthetic.district import make_district

__all__ = ["make_district"]
