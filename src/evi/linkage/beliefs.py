"""What a trial teaches about the links of a district, as distributions that each draw samples once.

Three things are learned, and each draw takes one value of each, so that the doubt about the engine is in the
draws beside the doubt about single links:

- **Trust.** If the links in doubt of a piece promise p together, one of them is right with log odds
  a + b × the log odds of p. Facts that err together (two names changed at once, a move and a misspelling)
  make a model too sure that such a pair is two people: then a is above 0. Each feed has a shift of its own
  around a, ~ N(0, τ²); one that was not tried is drawn from there. Priors a ~ N(0, 2²), b ~ N(1, 1/2²), four
  values of τ, posterior by Laplace's approximation. Links scored, links by birth date and pieces that hold
  several feeds (seldom right, since two of them are seldom one person) have their own.
- **Blindness.** Of named records that no number joins to another feed, a share ρ is in no block with its own
  person. ρ of a feed has a gamma prior of the weight of one record around the mean of all feeds (a feed
  without numbers is drawn from the prior); a draw has a Poisson number of such records.
- **One person written down twice.** How often two records of a feed that agree in a given way are one person:
  a beta by way of agreeing, borrowing from the same names and birth date with any home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.linkage.trial import SEVERAL, Trial

Floats = npt.NDArray[np.float64]

PRIOR_SHIFT, PRIOR_SLOPE = 2.0, 0.5  # standard deviations of a around 0 and of b around 1
SPREADS_OF_FEEDS = (0.1, 0.3, 0.6, 1.0)  # of the shift of one feed around a; each as likely before any trial
KINDS = ("scored", "birth date", SEVERAL)
_BLIND, _RECORDS = 0.5, 1_000.0  # before any trial: half a record of a thousand is not found
_LENT = 2.0  # pairs that a way of agreeing borrows
_ONE_IN = 10.0  # before any evidence, one pair in ten inside a feed that agrees in a block is one person
_EDGE = 1e-4
_ROUNDS = 25


@dataclass(frozen=True)
class Fit:
    """A posterior of a, b and what feeds differ by, for one spread τ of feeds: mean, covariance, and how well
    it explains what was judged (log of the evidence)."""

    spread_of_feeds: float
    mean: Floats
    covariance: Floats
    evidence: float


@dataclass(frozen=True)
class Trust:
    """What is believed of one kind of link: a fit for each spread of feeds that is thought possible.

    Attributes:
        feeds: those that were tried, in the order in which fits have them after a and b.
    """

    feeds: tuple[str, ...]
    fits: tuple[Fit, ...]

    @classmethod
    def learned(cls, p: Floats, same: Floats, feeds: Sequence[str]) -> Trust:
        """From claimed probabilities, what numbers said (1 one person, 0 two) and the feeds of the records;
        without any, the prior."""
        names = tuple(sorted(set(feeds)))
        own = np.array([[feed == name for name in names] for feed in feeds], float).reshape(
            len(p), len(names)
        )
        x = np.column_stack([np.ones(len(p)), _log_odds(p), own])
        return cls(names, tuple(_fitted(x, same, spread) for spread in SPREADS_OF_FEEDS))

    def sample(self, feeds: Sequence[str], rng: np.random.Generator) -> dict[str, tuple[float, float]]:
        """One (a, b) for each feed; b is kept above 0, so that a likelier link stays likelier."""
        weight = np.exp([fit.evidence - max(each.evidence for each in self.fits) for fit in self.fits])
        fit = self.fits[int(rng.choice(len(self.fits), p=weight / weight.sum()))]
        drawn = rng.multivariate_normal(fit.mean, fit.covariance)
        known = dict(zip(self.feeds, drawn[2:].tolist(), strict=True))
        others = rng.normal(0, fit.spread_of_feeds, len(feeds)).tolist()
        slope = max(0.1, float(drawn[1]))
        return {
            feed: (float(drawn[0]) + known.get(feed, other), slope)
            for feed, other in zip(feeds, others, strict=True)
        }

    @property
    def likeliest(self) -> Fit:
        """The fit that explains best what was judged."""
        return max(self.fits, key=lambda fit: fit.evidence)


def _fitted(x: Floats, same: Floats, spread: float) -> Fit:
    """Laplace's approximation: the mode by Newton's method, and the curvature there."""
    precision = np.array([PRIOR_SHIFT**-2, PRIOR_SLOPE**-2, *[spread**-2] * (x.shape[1] - 2)])
    centre = np.zeros(x.shape[1])
    centre[1] = 1.0
    theta = centre.copy()
    for _ in range(_ROUNDS):
        chance = _chance(x @ theta)
        gradient = x.T @ (same - chance) - precision * (theta - centre)
        information = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(precision)
        theta = theta + np.clip(np.linalg.solve(information, gradient), -1, 1)
    chance = np.clip(_chance(x @ theta), 1e-12, 1 - 1e-12)
    likelihood = float((same * np.log(chance) + (1 - same) * np.log(1 - chance)).sum())
    prior = 0.5 * float(np.log(precision).sum() - (precision * (theta - centre) ** 2).sum())
    evidence = likelihood + prior - 0.5 * float(np.linalg.slogdet(information)[1])
    return Fit(spread, theta, np.asarray(np.linalg.inv(information), float), evidence)


def retold(p: Floats, a_b: Floats) -> Floats:
    """Probabilities as (a, b) has them.

    >>> retold(np.array([0.5, 0.9]), np.array([0.0, 1.0])).round(3).tolist()
    [0.5, 0.9]
    """
    return _chance(a_b[0] + a_b[1] * _log_odds(p))


def trust_in(
    trust: Mapping[str, Trust], feeds: Sequence[str], rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """One (a, b) for each kind of link and feed, by `<kind> <feed>`."""
    drawn = {}
    for kind in KINDS:
        for feed, pair in trust[kind].sample(feeds, rng).items():
            drawn[f"{kind} {feed}"] = pair
    return drawn


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
            same = of_kind["same"].to_numpy().astype(float)
            trust[kind] = Trust.learned(of_kind["p"].to_numpy(), same, of_kind["feed"].to_list())
        return cls(trust, Blindness.learned(trial.found, trial.unnumbered), Doubling.learned(trial.alike))
