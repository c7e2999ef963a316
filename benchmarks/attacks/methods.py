"""Three attacks on codes, each a guess of which name stands behind every row.

None has the key. Each compares the codes with what the attacker holds in clear, encoded under a key of the
attacker's own, by what does not depend on the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment, quadratic_assignment

from benchmarks.attacks.views import Field, Floats, Ints, View
from evi.encoding.filters import bigrams

Guess = list[tuple[str | None, str | None]]
"""For each row of the target, the forename and surname that the attacker believes it has."""

PATTERNS = 14  # bigrams sought; later ones stand in too few values to be told apart
PATTERN_SHARE = 0.75  # of a pattern's bits that a filter must have (all, were there no noise)
NEIGHBOURS = 12  # the most alike codes whose likeness describes a code
ROUNDS = 6  # of spreading matches over the graph
_FIELDS = ("forename", "surname", "record")


def frequency(target: View, held: View, salted: bool) -> Guess:
    """Frequency alignment: the most common code is the most common name, and so on down."""
    return _by_field(target, held, salted, lambda *both: [(np.zeros(len(f.length)), f) for f in both])


def patterns(target: View, held: View, salted: bool) -> Guess:
    """Pattern mining, then frequency among codes that share their patterns.

    Of filters: sets of bits that often stand together are common bigrams (after Christen, Vidanage, Ranbaduge
    and Schnell 2018). Of keyed codes: the number of forms with a letter left out: the name's length.
    """
    return _by_field(target, held, salted, _signed)


def graph(target: View, held: View, salted: bool) -> Guess:
    """Graph matching: rows are alike or share codes, and the two graphs are laid one on the other.

    Rows are first paired by what their surroundings look like, then pairs whose neighbours are paired count
    for more, round by round (after Vidanage, Christen, Ranbaduge and Schnell 2020, with the one-to-one
    assignment of Kuhn and Munkres and likeness spread as in IsoRank, Singh, Xu and Berger 2008). Filters of
    whole records have likeness alone to go by; they are laid over one another by the fast approximate
    method for quadratic assignment (Vogelstein et al. 2015).
    """
    del salted
    start = _alike_surroundings(target, held)
    if "record" in target.fields:
        return _laid_over(target, held, start)
    mine, theirs = _graphs(target), _graphs(held)
    score = start
    for _ in range(ROUNDS):
        left, right = linear_sum_assignment(-score)
        spread = np.zeros_like(start)
        for name in mine.keys() & theirs.keys():
            paired = mine[name][:, left] @ theirs[name][:, right].T
            reach = np.sqrt(
                np.maximum(mine[name].sum(axis=1)[:, None] * theirs[name].sum(axis=1)[None, :], 1e-6)
            )
            spread += paired / np.maximum(reach, 1)
        score = start + spread
    left, right = linear_sum_assignment(-score)
    rows = dict(zip(left.tolist(), right.tolist(), strict=True))
    return _voted(
        target, [held.names[rows[row]] if row in rows else (None, None) for row in range(len(target))]
    )


def _laid_over(target: View, held: View, start: Floats) -> Guess:
    """Pair rows so that the likeness of two targets is that of the two people they are paired with."""
    count = min(len(target), len(held))
    graphs = []
    for view in (target, held):
        codes = np.maximum(view.fields["record"].codes, 0)[:count]
        alike = view.fields["record"].alike[np.ix_(codes, codes)].astype(float)
        graphs.append(_centred(alike))
    options = {
        "maximize": True,
        "P0": _balanced(start[:count, :count].astype(float) ** 3),
        "maxiter": 30,
        "tol": 1e-3,
        "rng": np.random.default_rng(1),
    }
    found = quadratic_assignment(*graphs, method="faq", options=options).col_ind.tolist()
    return [*(held.names[row] for row in found), *([(None, None)] * (len(target) - count))]


def _centred(alike: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Likeness beyond what each of the two has with everybody: hardening shifts and scales the rest."""
    count = max(len(alike) - 1, 1)
    each, own = alike.sum(axis=1) / count, np.eye(len(alike), dtype=bool)  # likeness with oneself stands as 0
    made = alike - each[None, :] - each[:, None] + each.mean()
    return np.where(own, 0, made)


def _balanced(score: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scores made to add up to 1 by row and by column (Sinkhorn and Knopp 1967)."""
    made = score / score.max() + 1e-6
    for _ in range(5_000):
        made /= made.sum(axis=1, keepdims=True)
        made /= made.sum(axis=0, keepdims=True)
        if np.abs(made.sum(axis=1) - 1).max() < 1e-7:
            break
    return made


Signer = Callable[[Field, Field], list[tuple[npt.NDArray[np.float64], Field]]]


def _by_field(target: View, held: View, salted: bool, sign: Signer) -> Guess:
    """Guess each field by rank among codes with one signature; where names are salted, within a year."""
    found: dict[str, list[str | None]] = {}
    for name in target.fields:
        mine, theirs = target.fields[name], held.fields[name]
        (signs, _), (their_signs, _) = sign(mine, theirs)
        guess: list[str | None] = [None] * len(target)
        years = sorted(set(target.year.tolist())) if salted else [None]
        for year in years:
            here = np.ones(len(target), bool) if year is None else target.year == year
            there = np.ones(len(held), bool) if year is None or (held.year < 0).all() else held.year == year
            _rank(target, held, name, here, there, signs, their_signs, guess)
        found[name] = guess
    if "record" in found:
        known = dict(zip((" ".join(p or "" for p in n) for n in held.names), held.names, strict=True))
        return [known.get(text or "", (None, None)) for text in found["record"]]
    return list(zip(found["forename"], found["surname"], strict=True))


def _rank(
    target: View, held: View, name: str, here: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_],
    signs: npt.NDArray[np.float64], their_signs: npt.NDArray[np.float64], guess: list[str | None],
) -> None:  # fmt: skip
    mine = _ranked(target, name, here, signs)
    theirs = _ranked(held, name, there, their_signs)
    value = {}
    for kind, codes in mine.items():
        others = theirs.get(kind, [])
        for code, other in zip(codes, others, strict=False):
            value[code] = held.fields[name].values[other]
    for row in np.flatnonzero(here).tolist():
        code = int(target.fields[name].codes[row])
        if code in value:
            guess[row] = value[code]


def _ranked(
    view: View, name: str, rows: npt.NDArray[np.bool_], signs: npt.NDArray[np.float64]
) -> dict[tuple[float, int], list[int]]:
    """By signature and the sex that most rows have, codes from the most common down."""
    codes = view.fields[name].codes
    used = rows & (codes >= 0)
    counts = np.bincount(codes[used], minlength=len(signs))
    women = np.bincount(codes[used], weights=(view.sex[used] == 0).astype(float), minlength=len(signs))
    kinds: dict[tuple[float, int], list[int]] = {}
    shuffled = np.random.default_rng(1).permutation(len(counts))  # equals in no order of the file
    for code in shuffled[np.argsort(-counts[shuffled], kind="stable")].tolist():
        if counts[code]:
            sex = int(women[code] * 2 >= counts[code]) if name == "forename" else 0
            kinds.setdefault((float(signs[code]), sex), []).append(code)
    return kinds


def _signed(mine: Field, theirs: Field) -> list[tuple[npt.NDArray[np.float64], Field]]:
    if mine.bits is None or theirs.bits is None:
        return [(mine.length.astype(float), mine), (theirs.length.astype(float), theirs)]
    grams = [frozenset(g for part in (v or "").split() for g in bigrams(part)) for v in theirs.values]
    signs, their_signs = np.zeros(len(mine.length)), np.zeros(len(theirs.length))
    rows, others = np.ones(len(signs), bool), np.ones(len(their_signs), bool)
    counts, their_counts = mine.counts, theirs.counts
    for number in range(PATTERNS):
        if counts[rows].sum() < 20 or their_counts[others].sum() < 20:
            break
        gram, share = _commonest(grams, their_counts * others)
        pattern = _together(mine.bits, (counts * rows).astype(np.float32), share)
        has = (
            mine.bits[:, pattern].mean(axis=1) >= PATTERN_SHARE
            if len(pattern)
            else np.zeros(len(signs), bool)
        )
        holds = np.array([gram in each for each in grams])
        signs += has * 2.0**number
        their_signs += holds * 2.0**number
        rows, others = rows & ~has, others & ~holds
    return [(signs, mine), (their_signs, theirs)]


def _commonest(grams: list[frozenset[str]], counts: Ints) -> tuple[str, float]:
    """The bigram that most rows hold, and its share of rows."""
    tally: dict[str, int] = {}
    for each, count in zip(grams, counts.tolist(), strict=True):
        for gram in each if count else ():
            tally[gram] = tally.get(gram, 0) + count
    gram = max(tally, key=lambda g: (tally[g], g))
    return gram, tally[gram] / max(int(counts.sum()), 1)


def _together(bits: npt.NDArray[np.uint8], weights: Floats, share: float, most: int = 8) -> Ints:
    """Up to `most` bits that stand together in about `share` of the rows, or more."""
    wide = bits.astype(np.float32)
    support = (wide * weights[:, None]).T @ wide / max(float(weights.sum()), 1.0)
    alone = np.diag(support).copy()
    usual = (alone < 0.95) & (alone > 0.5 * share)
    lift = np.where(usual[:, None] & usual[None, :], support / np.sqrt(np.outer(alone, alone) + 1e-9), 0)
    np.fill_diagonal(lift, 0)
    lift *= support >= 0.7 * share
    if not lift.any():
        return np.array([], np.int64)
    chosen = list(np.unravel_index(int(lift.argmax()), lift.shape))
    while len(chosen) < most:
        reach = lift[chosen].min(axis=0)
        reach[chosen] = 0
        if reach.max() <= 0.6:
            break
        chosen.append(int(reach.argmax()))
    return np.array(chosen, np.int64)


def _surroundings(view: View) -> dict[str, npt.NDArray[np.float64]]:
    """What each row's surroundings look like, by feature, on scales that do not depend on the key."""
    made: dict[str, npt.NDArray[np.float64]] = {}
    for name, field in view.fields.items():
        codes = np.maximum(field.codes, 0)
        made[f"{name} count"] = np.log1p(field.counts)[codes]
        made[f"{name} length"] = _standard(field.length)[codes]
        alike = _centred(field.alike)
        top = np.sort(alike, axis=1)[:, ::-1][:, :NEIGHBOURS] / (float(np.std(alike)) or 1.0)
        for place in range(top.shape[1]):
            made[f"{name} alike {place}"] = top[codes, place] / (2 * NEIGHBOURS)
        made[f"{name} spread"] = _standard(field.alike.std(axis=1))[codes]
    for name, codes in view.exact.items():
        made[f"{name} count"] = np.log1p(np.bincount(codes + 1))[codes + 1]
    return made


def _alike_surroundings(target: View, held: View) -> Floats:
    mine, theirs = _surroundings(target), _surroundings(held)
    public = (held.year < 0).all()
    names = [n for n in mine if n in theirs and not (public and n.split()[0] in target.exact)]
    away = np.zeros((len(target), len(held)), np.float32)
    for name in names:
        away += np.abs(mine[name][:, None] - theirs[name][None, :]).astype(np.float32)
    score = np.exp(-away / 2).astype(np.float32)
    if (target.sex >= 0).any():
        score += 0.5 * (target.sex[:, None] == held.sex[None, :])
    if (target.year >= 0).any() and not public:
        score += 2.0 * (target.year[:, None] == held.year[None, :])
    return score


def _graphs(view: View) -> Mapping[str, Floats]:
    """Which rows are joined: by a code in common, or by names that are alike."""
    made: dict[str, Floats] = {}
    if (view.year >= 0).any():
        for name, codes in view.exact.items():
            made[name] = ((codes[:, None] == codes[None, :]) & (codes[:, None] >= 0)).astype(np.float32)
            np.fill_diagonal(made[name], 0)
    for name, field in view.fields.items():
        codes = np.maximum(field.codes, 0)
        cut = max(0.3, float(np.quantile(field.alike, 0.99)))
        alike = np.where(field.alike >= cut, field.alike, 0)[np.ix_(codes, codes)]
        same = (codes[:, None] == codes[None, :]) & (field.codes[:, None] >= 0)
        made[f"{name} alike"] = alike.astype(np.float32)
        made[f"{name} same"] = same.astype(np.float32)
        np.fill_diagonal(made[f"{name} same"], 0)
    return made


def _voted(target: View, guess: Guess) -> Guess:
    """Rows with one code have one name: the one that most of them were given."""
    if "record" in target.fields:
        return guess
    sides: list[list[str | None]] = []
    for side, name in enumerate(("forename", "surname")):
        codes = target.fields[name].codes.tolist()
        votes: dict[int, dict[str, int]] = {}
        for code, names in zip(codes, guess, strict=True):
            value = names[side]
            if code >= 0 and value is not None:
                tally = votes.setdefault(code, {})
                tally[value] = tally.get(value, 0) + 1
        won = {code: max(tally.items(), key=lambda vote: vote[::-1])[0] for code, tally in votes.items()}
        sides.append([won.get(code) for code in codes])
    return list(zip(*sides, strict=True))


def _standard(values: Floats) -> npt.NDArray[np.float64]:
    spread = float(np.std(values)) or 1.0
    return (np.asarray(values, float) - float(np.mean(values))) / spread


ATTACKS: dict[str, Callable[[View, View, bool], Guess]] = {
    "frequency": frequency,
    "patterns": patterns,
    "graph": graph,
}
