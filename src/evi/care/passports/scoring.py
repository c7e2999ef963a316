"""How answers to a strengths profile are summed up by domain and view; what is not known stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from evi.care.passports.instruments import Band, Domain, Instrument
from evi.workspace import EviError

Answers = Mapping[str, int]
"""`domain.descriptor`: value of the level. What is not there was not answered."""


@dataclass(frozen=True)
class Score:
    """One view of one domain. `mean` and `band` are None where too little was answered: it is not known."""

    answered: int
    asked: int
    mean: float | None
    band: Band | None


@dataclass(frozen=True)
class Line:
    """One domain with its views side by side.

    `apart`: two views differ by as much as the instrument points out. `lowest`: the band of the lowest view
    that is known, from which support is chosen.
    """

    domain: Domain
    scores: Mapping[str, Score]
    apart: bool
    lowest: Band | None

    @property
    def known(self) -> int:
        """How many views say enough to be known."""
        return sum(score.mean is not None for score in self.scores.values())


def checked_answers(instrument: Instrument, answers: Mapping[str, object]) -> dict[str, int]:
    """Answers that belong to the instrument; empty ones are left out.

    Raises:
        EviError: a descriptor or a level that it does not have.
    """
    known = {f"{domain.key}.{key}" for domain in instrument.domains.values() for key in domain.descriptors}
    values = {str(level.value): level.value for level in instrument.levels}
    made = {}
    for key, value in answers.items():
        if value in (None, ""):
            continue
        if key not in known or str(value) not in values or isinstance(value, bool):
            raise EviError("an answer does not belong to this profile.", where="answers", exit_code=2)
        made[key] = values[str(value)]
    return made


def score(instrument: Instrument, domain: str, answers: Answers) -> Score:
    """The mean of what was answered in a domain, if enough was; and the band that it reaches.

    The mean is exact (a fraction) until it is held against the marks, so that no rounding moves a child from
    one band to another.
    """
    keys = [f"{domain}.{key}" for key in instrument.domains[domain].descriptors]
    values = [answers[key] for key in keys if key in answers]
    if len(values) < instrument.least_answered:
        return Score(len(values), len(keys), None, None)
    mean = Fraction(sum(values), len(values))
    band = next(band for band in instrument.bands if mean >= Fraction(str(band.start)))
    return Score(len(values), len(keys), float(mean), band)


def side_by_side(instrument: Instrument, views: Mapping[str, Answers]) -> list[Line]:
    """Every domain with the views that there are."""
    lines = []
    for domain in instrument.domains.values():
        scores = {view: score(instrument, domain.key, answers) for view, answers in views.items()}
        known = [each for each in scores.values() if each.mean is not None]
        means = [each.mean for each in known if each.mean is not None]
        apart = len(means) > 1 and max(means) - min(means) >= instrument.apart - 1e-9
        lowest = min(known, key=lambda each: each.mean or 0.0).band if known else None
        lines.append(Line(domain, scores, apart, lowest))
    return lines
