"""How many children a model needs before it may be fitted: Riley's three criteria.

Riley et al. 2019 (Statistics in Medicine 38:1276, https://pmc.ncbi.nlm.nih.gov/articles/PMC6519266) and Riley
et al. 2020 (BMJ 368:m441, https://doi.org/10.1136/bmj.m441): coefficients shrunk by no more than a tenth,
at most 0.05 between the apparent and the adjusted R squared (Nagelkerke's), and an overall share known to
within 0.05. The first two ask what the model is expected to explain; where no earlier model
says, 15% of the most that can be explained is taken here, a cautious choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from evi.workspace import EviError

SHRINKAGE = 0.9
OPTIMISM = 0.05
MARGIN = 0.05
NAGELKERKE = 0.15
"""Share of the most that could be explained which a new model is expected to explain: chosen."""


@dataclass(frozen=True)
class Needed:
    """What three criteria ask for.

    Attributes:
        parameters: candidate coefficients, each spline column and each level counted.
        prevalence: share of children with the outcome. r2: Cox-Snell's R squared that is expected.
        r2_most: the most that it could be. shrinkage, optimism, overall: children that each criterion needs.
    """

    parameters: int
    prevalence: float
    r2: float
    r2_most: float
    shrinkage: int
    optimism: int
    overall: int

    @property
    def children(self) -> int:
        """Children that all three need."""
        return max(self.shrinkage, self.optimism, self.overall)

    @property
    def events(self) -> int:
        """Children with the outcome among them."""
        return math.ceil(round(self.children * self.prevalence, 9))

    @property
    def events_per_parameter(self) -> float:
        """Children with the outcome for each coefficient."""
        return self.children * self.prevalence / self.parameters

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "parameters": self.parameters, "prevalence": self.prevalence, "r2_expected": self.r2,
            "r2_most": self.r2_most, "shrinkage": self.shrinkage, "optimism": self.optimism,
            "overall": self.overall, "children": self.children, "events": self.events,
        }  # fmt: skip


def most_explained(prevalence: float) -> float:
    """The largest Cox-Snell R squared that an outcome of this prevalence allows (Riley 2019, equation 23).

    >>> round(most_explained(0.05), 2)
    0.33
    """
    null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return 1 - math.exp(2 * null)


def children_needed(
    parameters: int, prevalence: float, r2: float | None = None, *, margin: float = MARGIN
) -> Needed:
    """How many children a model needs.

    Args:
        r2: Cox-Snell's R squared expected of it; without it, 15% of the most that can be.
        margin: how near the overall share must be known.

    The paper's first example, a diagnostic model of Chagas disease, needs 4.8 events for each coefficient:

    >>> round(children_needed(24, 0.174, 0.288).events_per_parameter, 1)
    4.8

    Raises:
        EviError: nobody or everybody has the outcome, there is nothing to fit, or r2 can't be reached.
    """
    if not 0 < prevalence < 1 or parameters < 1:
        raise EviError(
            "there is nothing to learn: nobody or everybody has the outcome, or no feature is left.",
            do="Choose another outcome, or add features.",
            exit_code=2,
        )
    most = most_explained(prevalence)
    expected = NAGELKERKE * most if r2 is None else r2
    if not 0 < expected < min(most, SHRINKAGE):
        raise EviError(
            f"an R squared of {expected:.3f} can't be reached: the most is {most:.3f}.",
            do="Give what an earlier model reached in other children.",
            exit_code=2,
        )
    second = expected / (expected + OPTIMISM * most)
    return Needed(
        parameters,
        prevalence,
        expected,
        most,
        _to_shrink(parameters, expected, SHRINKAGE),
        _to_shrink(parameters, expected, second),
        math.ceil((1.96 / margin) ** 2 * prevalence * (1 - prevalence)),
    )


def _to_shrink(parameters: int, r2: float, shrinkage: float) -> int:
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - r2 / shrinkage)))


def refuse_too_few(children: int, events: int, parameters: int, r2: float | None = None) -> Needed:
    """What is needed, if there is enough.

    The overall share must be known to within 0.05, or half of itself where that is less: of an outcome that
    one child in a hundred has, a margin of 0.05 would ask for nothing.

    Raises:
        EviError: there are too few children, or too few with the outcome.
    """
    prevalence = events / children if children else 0.0
    needed = children_needed(parameters, prevalence, r2, margin=min(MARGIN, prevalence / 2 or MARGIN))
    if children < needed.children:
        raise EviError(
            f"too few children to fit {parameters} coefficients: {children:,}, of whom {events:,} had the "
            f"outcome; {needed.children:,}, of whom {needed.events:,}, are needed "
            f"(shrinkage {needed.shrinkage:,}, optimism {needed.optimism:,}, "
            f"overall share {needed.overall:,}).",
            where="Riley's criteria",
            do="Use the rule. Or take more years, a longer time to the outcome, or fewer features.",
            exit_code=4,
        )
    return needed
