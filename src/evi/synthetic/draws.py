"""Random draws: named streams that don't disturb one another, and draws with little sampling noise."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from evi.synthetic.calendar import Flags, Floats, Ints

Generator = np.random.Generator


def stream(seed: int, name: str) -> Generator:
    """A generator for one purpose: the same seed and name give the same numbers, whatever else is drawn."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def systematic(rng: Generator, chance: Floats, strata: Ints | None = None) -> Flags:
    """True with probability `chance` each, with the total of every stratum within one of what is expected.

    A systematic sample in random order: each element's chance is exact, and shares of strata have far less
    noise than independent draws, so that small districts match published rates too.
    """
    order = rng.permutation(chance.size)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    running = np.floor(np.cumsum(np.clip(chance[order], 0, 1)) + rng.random())
    picked = np.empty(chance.size, dtype=bool)
    picked[order] = np.diff(running, prepend=0.0) > 0
    return picked


def pick(rng: Generator, weights: npt.ArrayLike, size: int) -> Ints:
    """Indices drawn with probability proportional to `weights`."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(edges / edges[-1], rng.random(size), side="right").clip(0, len(edges) - 1)


def pick_rows(rng: Generator, table: Floats, rows: Ints) -> Ints:
    """For each entry of `rows`, an index drawn with that row's weights (`table`: rows by choices)."""
    edges = np.cumsum(table, axis=1)
    edges /= edges[:, -1:]
    offset = edges + np.arange(len(table))[:, None]
    flat = np.searchsorted(offset.ravel(), rows + rng.random(len(rows)), side="right")
    return np.asarray(np.minimum(flat - rows * table.shape[1], table.shape[1] - 1))


def zipf(count: int, exponent: float, shift: float = 1.0) -> Floats:
    """Weights 1/(rank + shift)^exponent of `count` ranks, summing to one: the skew that names have."""
    weights = 1.0 / (np.arange(count) + shift) ** exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def top_share(latent: Floats, share: float) -> Flags:
    """True for the `share` of entries with the highest latent value: an exact marginal."""
    wanted = round(share * latent.size)
    flags = np.zeros(latent.size, dtype=bool)
    if wanted:
        flags[np.argpartition(-latent, wanted - 1)[:wanted]] = True
    return flags


def solve_offset(linear: Floats, target: float, weights: Floats | None = None) -> float:
    """The constant to add to `linear` (log odds) so that the mean chance is `target` (bisection)."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = float(np.average(expit(linear + middle), weights=weights))
        low, high = (middle, high) if mean < target else (low, middle)
    return (low + high) / 2


def logistic(linear: Floats, target: float) -> Floats:
    """Chances with these log odds, shifted so that their mean is `target`."""
    return np.asarray(expit(linear + solve_offset(linear, target)), dtype=np.float64)


def scores(values: Floats) -> Floats:
    """Normal scores of the ranks of `values` (mean 0, standard deviation 1)."""
    ranks = np.empty(values.size)
    ranks[np.argsort(values, kind="stable")] = np.arange(values.size)
    return np.asarray(ndtri((ranks + 0.5) / values.size), dtype=np.float64)


def poisson_rows(rng: Generator, rates: Floats) -> Ints:
    """Row indices, each repeated by a Poisson count with that row's rate: who has how many events."""
    return np.repeat(np.arange(rates.size), rng.poisson(rates))
