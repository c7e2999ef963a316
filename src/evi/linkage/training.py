"""How telling each agreement is, learned from the data with no known matches.

`u` (agreement between different people) is measured, not guessed: two records of one feed are two people, so
pairs inside a feed are strangers, drawn at random and from shared homes and postcodes. `m` (agreement between
records of one person) and the prior come from expectation-maximisation over the candidate pairs of all
blocking rules together. No block is trained on alone, so no level is conditioned on a block that agrees by
construction, and the family of siblings at one postcode never passes for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import duckdb
import numpy as np
import numpy.typing as npt

from evi.linkage.blocking import Wanted
from evi.linkage.comparisons import Comparison
from evi.linkage.queries import one_number

Floats = npt.NDArray[np.float64]

LEAST_M, LEAST_U = 1e-4, 1e-7
_ROUNDS = 60
_STRANGER_PAIRS = 1_000_000  # random pairs inside feeds, all feeds together
_NEIGHBOUR_PAIRS = 300_000  # pairs sharing a place, each kind, all feeds together
_CANDIDATE_RECORDS = 20_000  # records whose candidate pairs are trained on
_LENT_M, _LENT_U = 10.0, 5.0
_DIGITS = 6  # significant digits kept, so that reruns agree to the last bit
_SAMPLE = "candidates_to_train_on"
_PLACES = {"home": ("place", "H"), "address": ("addr", "D"), "postcode": ("pc", "P")}


@dataclass(frozen=True)
class Model:
    """A trained model: comparisons, (m, u) by comparison and level, the prior, how training went, and the
    sentences of the plan."""

    comparisons: tuple[Comparison, ...]
    m: dict[str, tuple[float, ...]]
    u: dict[str, tuple[float, ...]]
    prior: float
    possible_pairs: int
    expected_matches: float
    trained_pairs: int
    plan: tuple[str, ...] = ()

    def weights(self, comparison: Comparison, position: int) -> tuple[float, float]:
        """m and u of one level."""
        return self.m[comparison.name][position], self.u[comparison.name][position]

    def as_dict(self) -> dict[str, object]:
        """For `model.json`: every level with its m, u and weight in bits."""
        return {
            "prior": self.prior,
            "possible_pairs": self.possible_pairs,
            "expected_matches": self.expected_matches,
            "trained_pairs": self.trained_pairs,
            "plan": list(self.plan),
            "comparisons": {
                comparison.name: [
                    {"level": level.label, "m": m, "u": u, "bits": round(float(np.log2(m / u)), 3)}
                    for level, m, u in zip(
                        comparison.levels, self.m[comparison.name], self.u[comparison.name], strict=True
                    )
                ]
                for comparison in self.comparisons
            },
        }


@dataclass
class _Patterns:
    """Distinct agreement patterns: level positions (-1: nothing to compare), tags and counts of pairs."""

    positions: npt.NDArray[np.int64]  # patterns × comparisons
    tags: list[str]
    counts: Floats


def train(
    con: duckdb.DuckDBPyConnection,
    comparisons: tuple[Comparison, ...],
    filled: frozenset[str],
    *,
    one_per_feed: bool,
) -> Model:
    """Train on the tables `variants`, `people` and `nodes`, and the pairs of `candidates_to_train_on`.

    Args:
        comparisons: from `comparisons_for`.
        filled: columns of `variants` that hold something.
        one_per_feed: two records of one feed are two people; False when one table is searched for repeats.
    """
    scales = _training_pairs(con, filled, one_per_feed)
    patterns = _patterns(con, comparisons)
    possible = possible_pairs(con, one_per_feed=one_per_feed)
    records = one_number(con, "SELECT count(*) FROM people")
    return _maximise(comparisons, patterns, scales, (possible, records), one_per_feed)


def candidates_to_train_on(con: duckdb.DuckDBPyConnection, *, one_per_feed: bool) -> Wanted:
    """The candidate pairs that training needs: those of a sample of records, drawn by hash."""
    step = step_of(one_number(con, "SELECT count(*) FROM people"))
    condition = "l.feed <> r.feed" if one_per_feed else "true"
    return Wanted(_SAMPLE, condition, f"hash(l.rec) % {step} = 0", across=one_per_feed)


def step_of(records: int) -> int:
    """One record in so many has its candidate pairs trained on."""
    return max(1, records // _CANDIDATE_RECORDS)


def _training_pairs(
    con: duckdb.DuckDBPyConnection, filled: frozenset[str], one_per_feed: bool
) -> dict[str, float]:
    """Make `training` (l, r, tag) and return what one pair of each tag stands for.

    Candidate pairs stand for so many pairs; pairs of strangers for so much of the chance that two strangers,
    drawn from a feed taken in proportion to its size, look like that.
    """
    total = one_number(con, "SELECT count(*) FROM people")
    con.execute(f"CREATE OR REPLACE TABLE training AS SELECT l, r, 'candidate' AS tag FROM {_SAMPLE}")
    con.execute(f"DROP TABLE {_SAMPLE}")
    scales = {"candidate": float(step_of(total))}
    feeds = con.execute("SELECT feed, count(*) FROM people GROUP BY feed ORDER BY feed").fetchall()
    each = int((2 * _STRANGER_PAIRS / max(1, len(feeds))) ** 0.5)
    for feed, size in feeds:
        if size < 2:
            continue
        scales |= _strangers(con, feed, size, each, size / total)
        for kind, (column, _) in _PLACES.items():
            if column in filled:
                scales |= _neighbours(
                    con, feed, size, kind, column, size / total, _NEIGHBOUR_PAIRS // len(feeds)
                )
    return scales


def _strangers(
    con: duckdb.DuckDBPyConnection, feed: int, size: int, each: int, share: float
) -> dict[str, float]:
    tag = f"random:{feed}"
    count = min(size, each)
    con.execute(
        f"""INSERT INTO training
        WITH drawn AS (SELECT rec FROM people WHERE feed = {feed} ORDER BY hash(rec), rec LIMIT {count})
        SELECT least(l.rec, r.rec), greatest(l.rec, r.rec), '{tag}'
        FROM drawn l JOIN drawn r ON l.rec < r.rec"""
    )
    return {tag: share / (count * (count - 1) / 2)}


def _neighbours(
    con: duckdb.DuckDBPyConnection, feed: int, size: int, kind: str, column: str, share: float, most: int
) -> dict[str, float]:
    tag = f"{kind}:{feed}"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE shared AS
        SELECT DISTINCT {column} AS key, rec FROM variants WHERE feed = {feed} AND {column} IS NOT NULL"""
    )
    pairs = one_number(
        con,
        """SELECT coalesce(sum(n * (n - 1) / 2), 0)
        FROM (SELECT count(*) AS n FROM shared GROUP BY key HAVING count(*) BETWEEN 2 AND 2000)""",
    )
    step = max(1, pairs // most)
    con.execute(
        f"""INSERT INTO training
        WITH kept AS (
            SELECT key, rec FROM shared WHERE hash(key) % {step} = 0
            QUALIFY count(*) OVER (PARTITION BY key) BETWEEN 2 AND 2000)
        SELECT DISTINCT l.rec, r.rec, '{tag}' FROM kept l JOIN kept r USING (key) WHERE l.rec < r.rec"""
    )
    con.execute("DROP TABLE shared")
    return {tag: share * step / (size * (size - 1) / 2)}


def _patterns(con: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> _Patterns:
    """Count the pairs of `training` by tag and agreement pattern, by the conditions that scoring uses."""
    columns = [str(row[0]) for row in con.execute("DESCRIBE people").fetchall()]
    sides = (f"{side}.{column} AS {column}_{side}" for column in columns for side in ("l", "r"))
    levels = ["tag", *(f"{position_sql(each)} AS {each.name}" for each in comparisons)]
    rows = con.execute(
        f"""WITH pairs AS (
            SELECT tag, {", ".join(sides)} FROM training t
            JOIN people l ON l.rec = t.l JOIN people r ON r.rec = t.r)
        SELECT {", ".join(levels)}, count(*) FROM pairs WHERE {bool(comparisons)} GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    con.execute("DROP TABLE training")
    positions = np.array([row[1:-1] for row in rows], np.int64).reshape(len(rows), len(comparisons))
    return _Patterns(positions, [str(row[0]) for row in rows], np.array([row[-1] for row in rows], float))


def position_sql(comparison: Comparison) -> str:
    """SQL of the first level that holds, counted from 0; -1 where there is nothing to compare.

    What levels of one outcome have in common is asked once for all of them.
    """
    whens: list[str] = []
    for common, levels in groupby(enumerate(comparison.levels), key=lambda level: level[1].common):
        own = [
            (position, level.sql.removeprefix(f"{common} and ") if common else level.sql)
            for position, level in levels
        ]
        inner = " ".join(f"WHEN {condition} THEN {position}" for position, condition in own)
        whens.append(f"WHEN {common} THEN CASE {inner} END" if common else inner)
    return f"CASE WHEN {comparison.null} THEN -1 {' '.join(whens)} ELSE {len(comparison.levels) - 1} END"


def possible_pairs(con: duckdb.DuckDBPyConnection, *, one_per_feed: bool) -> int:
    """How many pairs of records could be one person."""
    sizes = [int(row[0]) for row in con.execute("SELECT count(*) FROM people GROUP BY feed").fetchall()]
    total = sum(sizes)
    every = total * (total - 1) // 2
    return max(1, every - sum(n * (n - 1) // 2 for n in sizes) if one_per_feed else every)


def _maximise(
    comparisons: tuple[Comparison, ...],
    patterns: _Patterns,
    scales: dict[str, float],
    limits: tuple[int, int],
    one_per_feed: bool,
) -> Model:
    possible, records = limits
    candidates = np.array([tag == "candidate" for tag in patterns.tags], bool)
    weight = patterns.counts * np.array([scales[tag] for tag in patterns.tags], float)
    counted = np.where(candidates, 0.0, 1.0) * _covered(comparisons, patterns)
    sides = [_Side(comparison, patterns.positions[:, i]) for i, comparison in enumerate(comparisons)]
    prior = float(np.clip(min(0.2 * weight[candidates].sum(), records) / possible, 1e-12, 0.5))
    posterior = np.zeros(len(weight))
    for round_number in range(_ROUNDS):
        if round_number == 0 or not one_per_feed:
            for side in sides:
                side.measure_u(counted * weight * (1 - posterior), counted * patterns.counts)
        bits = np.full(len(weight), np.log2(prior / (1 - prior)))
        for side in sides:
            bits += side.bits()
        posterior = 1 / (1 + np.exp2(-np.clip(bits, -1000, 1000)))
        matched = np.where(candidates, weight * posterior, 0.0)
        for side in sides:
            side.estimate_m(matched)
        prior = float(np.clip(matched.sum() / possible, 1e-12, 0.5))
    return Model(
        comparisons=comparisons,
        m={side.comparison.name: tuple(_rounded(value) for value in side.m) for side in sides},
        u={side.comparison.name: tuple(_rounded(value) for value in side.u) for side in sides},
        prior=_rounded(prior),
        possible_pairs=possible,
        expected_matches=_rounded(prior * possible),
        trained_pairs=int(patterns.counts.sum()),
    )


def _covered(comparisons: tuple[Comparison, ...], patterns: _Patterns) -> npt.NDArray[np.bool_]:
    """Each way of agreeing on place is counted in the sample that was drawn for it, and in no other."""
    names = [comparison.name for comparison in comparisons]
    if "family_place" not in names:
        return np.array([tag.startswith("random") for tag in patterns.tags], bool)
    index = names.index("family_place")
    places = [level.place for level in comparisons[index].levels]
    wanted = {kind: place for kind, (_, place) in _PLACES.items()} | {"random": "X", "candidate": ""}
    return np.array(
        [
            wanted[tag.split(":")[0]] == (places[position] if position >= 0 else "X")
            for tag, position in zip(patterns.tags, patterns.positions[:, index], strict=True)
        ],
        bool,
    )


class _Side:
    """One comparison's m and u while they are being learned.

    A group seldom seen borrows from the levels that mean the same in other groups, as if `_LENT_M` (or
    `_LENT_U`) of its pairs had been seen to behave like theirs.
    """

    def __init__(self, comparison: Comparison, positions: npt.NDArray[np.int64]) -> None:
        self.comparison = comparison
        levels = comparison.levels
        self._known = positions >= 0
        self._positions = np.where(self._known, positions, 0)
        self._m_group = _numbered([level.m_group for level in levels])
        self._u_group = _numbered([level.u_group for level in levels])
        self._outcome = _numbered([f"{level.m_group}/{level.outcome}" for level in levels])
        self._pool = _numbered([level.pool or level.label for level in levels])
        start = np.array([level.start for level in levels])
        self.m = start / _per_group(_first_of_each(self._outcome) * start, self._m_group)
        self.u = np.full(len(levels), 0.5)

    def _mass(self, weight: Floats) -> Floats:
        mass = np.bincount(self._positions, np.where(self._known, weight, 0.0), len(self.m))
        return np.asarray(mass, float)

    def estimate_m(self, matched: Floats) -> None:
        """m of each outcome, from the weight of matched pairs."""
        mass = self._mass(matched)
        first = _first_of_each(self._outcome)
        outcome_mass = _per_group(mass, self._outcome)
        pooled = _per_group(mass, self._pool) + 0.5 * self.m
        pooled = pooled / _per_group(first * pooled, self._m_group)
        total = _per_group(mass, self._m_group)
        self.m = np.clip((outcome_mass + _LENT_M * pooled) / (total + _LENT_M), LEAST_M, 1.0)

    def measure_u(self, strangers: Floats, pairs: Floats) -> None:
        """u of each level, from the weight of strangers there; `pairs` is how many were really seen."""
        mass, seen = self._mass(strangers), _per_group(self._mass(pairs), self._u_group)
        total = _per_group(mass, self._u_group)
        share = mass / np.where(total > 0, total, 1.0)
        pooled_mass = _per_group(mass, self._pool)
        groups_total = _per_group(_first_of_each(self._u_group) * total, self._pool)
        pooled = pooled_mass / np.where(groups_total > 0, groups_total, 1.0)
        pooled = np.clip(pooled, LEAST_U, 1.0)
        self.u = np.clip((seen * share + _LENT_U * pooled) / (seen + _LENT_U), LEAST_U, 1.0)

    def bits(self) -> Floats:
        """log2(m / u) of each pattern."""
        return np.where(self._known, np.log2(self.m / self.u)[self._positions], 0.0)


def _numbered(names: Sequence[str]) -> npt.NDArray[np.int64]:
    order = sorted(set(names))
    return np.array([order.index(name) for name in names], np.int64)


def _per_group(values: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """The sum of each group, given back to its members."""
    return np.asarray(np.bincount(groups, values)[groups], float)


def _first_of_each(groups: npt.NDArray[np.int64]) -> Floats:
    """1 at the first member of each group, so that what its members share is counted once."""
    first = np.zeros(len(groups))
    first[np.unique(groups, return_index=True)[1]] = 1.0
    return first


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
