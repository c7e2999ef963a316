"""What a trial teaches about the links of a district, as distributions that each draw samples once.

Three things are learned, and each draw takes one value of each, so that the doubt about the engine is in the
draws beside the doubt about single links:

- **Trust.** If the links in doubt of a piece promise p together, one of them is right with log odds
  a + b × the log odds of p. Facts that err together (two names changed at once, a move and a misspelling)
  make a model too sure that such a pair is two people: then a is above 0. Priors a ~ N(0, 1), b ~ N(1, 1/4²),
  posterior by Laplace's approximation; links scored and links by birth date alone have their own.
- **Blindness.** Of named records that no number joins to another feed, a share ρ is in no block with its own
  person. ρ of a feed has a gamma prior of the weight of one record around the mean of all feeds (a feed
  without numbers is drawn from the prior); a draw has a Poisson number of such records.
- **One person written down twice.** How often two records of a feed that agree in a given way are one person:
  a beta by way of agreeing, borrowing from the same names and birth date with any home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.linkage.trial import Trial

Floats = npt.NDArray[np.float64]

PRIOR_SHIFT, PRIOR_SLOPE = 1.0, 0.25  # standard deviations of a around 0 and of b around 1
KINDS = ("scored", "birth date")
_BLIND, _RECORDS = 0.5, 1_000.0  # before any trial: half a record of a thousand is not found
_LENT = 2.0  # pairs that a way of agreeing borrows
_ONE_IN = 10.0  # before any evidence, one pair in ten inside a feed that agrees in a block is one person
_EDGE = 1e-4
_ROUNDS = 25


@dataclass(frozen=True)
class Trust:
    """The posterior of (a, b) of one kind of link: mean and covariance."""

    mean: Floats
    spread: Floats

    @classmethod
    def learned(cls, p: Floats, same: Floats) -> Trust:
        """From claimed probabilities and what numbers said (1 one person, 0 two); without any, the prior."""
        centre = np.array([0.0, 1.0])
        weight = np.diag([PRIOR_SHIFT**-2, PRIOR_SLOPE**-2])
        x = np.column_stack([np.ones(len(p)), _log_odds(p)])
        theta = centre.copy()
        for _ in range(_ROUNDS):
            fitted = _chance(x @ theta)
            gradient = x.T @ (same - fitted) - weight @ (theta - centre)
            step = np.linalg.solve((x * (fitted * (1 - fitted))[:, None]).T @ x + weight, gradient)
            theta = theta + np.clip(step, -1, 1)
        fitted = _chance(x @ theta)
        information = (x * (fitted * (1 - fitted))[:, None]).T @ x + weight
        return cls(theta, np.asarray(np.linalg.inv(information), float))

    def sample(self, rng: np.random.Generator) -> Floats:
        """One (a, b); b is kept above 0, so that a likelier link stays likelier."""
        drawn = rng.multivariate_normal(self.mean, self.spread)
        return np.array([drawn[0], max(0.1, drawn[1])])


def retold(p: Floats, a_b: Floats) -> Floats:
    """Probabilities as (a, b) has them.

    >>> retold(np.array([0.5, 0.9]), np.array([0.0, 1.0])).round(3).tolist()
    [0.5, 0.9]
    """
    return _chance(a_b[0] + a_b[1] * _log_odds(p))


def _log_odds(p: Floats) -> Floats:
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def _chance(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -40, 40))))


@dataclass(frozen=True)
class Blindness:
    """Named records in no block with their person: shape and rate of a gamma, by feed.

    Attributes:
        unnumbered: by feed, named records that no number joins.
    """

    of: Mapping[str, tuple[float, float]]
    elsewhere: tuple[float, float]
    unnumbered: Mapping[str, int]

    @classmethod
    def learned(cls, found: pl.DataFrame, unnumbered: pl.DataFrame) -> Blindness:
        """From the tables `found` and `unnumbered` of a trial."""
        mean = (float(found["not_found"].sum()) + _BLIND) / (float(found["hidden"].sum()) + _RECORDS)
        of = {
            str(feed): (1.0 + unfound, 1.0 / mean + hidden)
            for feed, unfound, hidden in found.select("feed", "not_found", "hidden").rows()
        }
        return cls(of, (1.0, 1.0 / mean), dict(unnumbered.rows()))

    def sample(self, feed: str, rng: np.random.Generator) -> int:
        """How many records of a feed are in no block with their person."""
        shape, rate = self.of.get(feed, self.elsewhere)
        return int(rng.poisson(rng.gamma(shape, 1.0 / rate) * self.unnumbered.get(feed, 0)))


@dataclass(frozen=True)
class Doubling:
    """By way of agreeing: the two parameters of the chance that two records of one feed are one person."""

    of: Mapping[str, tuple[float, float]]

    @classmethod
    def learned(cls, alike: pl.DataFrame) -> Doubling:
        """From the table `alike` of a trial."""
        pooled: dict[str, tuple[float, float]] = {}
        for pattern, same, different in alike.rows():
            before = pooled.get(_without_home(pattern), (0.0, 0.0))
            pooled[_without_home(pattern)] = (before[0] + same, before[1] + different)
        of = {}
        for pattern, same, different in alike.rows():
            lent = cls._lent(*pooled[_without_home(pattern)])
            of[pattern] = (same + lent[0], different + lent[1])
        return cls(of | {name: cls._lent(*seen) for name, seen in pooled.items()})

    @staticmethod
    def _lent(same: float, different: float) -> tuple[float, float]:
        mean = (same + 1 / _ONE_IN) / (same + different + 1)
        return _LENT * mean, _LENT * (1 - mean)

    def parameters(self, pattern: str) -> tuple[float, float]:
        """Of this way of agreeing, or of the same names and birth date with any home."""
        return self.of.get(pattern) or self.of.get(_without_home(pattern)) or self._lent(0.0, 0.0)

    def sample(self, patterns: list[str], rng: np.random.Generator) -> Mapping[str, float]:
        """One chance for every way of agreeing."""
        return {pattern: float(rng.beta(*self.parameters(pattern))) for pattern in sorted(set(patterns))}


def _without_home(pattern: str) -> str:
    return pattern.rpartition(", home ")[0]


@dataclass(frozen=True)
class Beliefs:
    """All that a trial teaches."""

    trust: Mapping[str, Trust]
    blindness: Blindness
    doubling: Doubling

    @classmethod
    def learned(cls, trial: Trial) -> Beliefs:
        """From a trial; wide priors where it had nothing to try."""
        trust = {}
        for kind in KINDS:
            of_kind = trial.judged.filter(pl.col("how") == kind)
            trust[kind] = Trust.learned(of_kind["p"].to_numpy(), of_kind["same"].to_numpy().astype(float))
        return cls(trust, Blindness.learned(trial.found, trial.unnumbered), Doubling.learned(trial.alike))
