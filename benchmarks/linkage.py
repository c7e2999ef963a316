"""Quality of linkage on people with known matches, against three peers, in one run.

`python -m benchmarks.linkage`. Every method is told the columns and nothing else; thresholds are its own (p
from .5; for the peer's codes a likeness of .8, and then the best that the truth would choose).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.linkage_sets import Pair, People, sets
from benchmarks.linkage_splink import Scored, blocked_pairs, demo_style, well_set
from evi.linkage import link_tables
from evi.linkage.clusters import cluster

PEER = ("clkhash==0.18.3", "anonlink==0.15.3", "setuptools<81")
PEER_THRESHOLD = 0.8
OWN, CONFIDENT, LEAST = 0.5, 0.95, 0.01
BINS = 10
CACHE = Path.home() / ".cache" / "evi-benchmarks" / "clk"


@dataclass(frozen=True)
class Found:
    """What a method found.

    Attributes:
        pairs: the probability (or likeness) of each pair.
        joined: the pairs that are one person in the end: one to one between two tables, in groups in one.
        calibrated: whether `pairs` claims to be probabilities.
        seconds: on the clock.
    """

    pairs: Scored
    joined: set[Pair]
    calibrated: bool
    threshold: float
    seconds: float


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, found: set[Pair], true: set[Pair]) -> Score:
        """Of pairs found against those that are true."""
        right = len(found & true)
        return cls(
            right / max(1, len(found)), right / max(1, len(true)), 2 * right / max(1, len(found) + len(true))
        )


def evi(people: People) -> Found:
    """eVI, everything encoded under keys that nobody keeps."""
    began = time.perf_counter()
    linked = link_tables(people.left, people.right, people.roles[0], right_columns=people.roles[1])
    seconds = time.perf_counter() - began
    columns = (linked.pairs[name].to_pylist() for name in ("left_id", "right_id", "probability"))
    pairs = {people.order(a, b): p for a, b, p in zip(*columns, strict=True)}
    groups = defaultdict(list)
    for row in linked.clusters.to_pylist():
        groups[row["cluster"]].append(row["id"])
    joined = {people.order(a, b) for group in groups.values() for a, b in combinations(group, 2)}
    return Found(pairs, joined, True, OWN, seconds)


def of_splink(people: People, method: Callable[[], Scored]) -> Found:
    """A Splink model's pairs, joined as its users do: best first one to one, or all that are connected."""
    began = time.perf_counter()
    pairs = method()
    return Found(pairs, _joined(people, pairs, OWN), True, OWN, time.perf_counter() - began)


def _joined(people: People, pairs: Scored, threshold: float) -> set[Pair]:
    strong = sorted(((p, pair) for pair, p in pairs.items() if p >= threshold), key=lambda x: (-x[0], x[1]))
    ids = list(people.clear)
    number = {name: i for i, name in enumerate(ids)}
    masks = [0] * len(ids)
    if people.right is not None:
        masks = [1 if i < len(people.left) else 2 for i in range(len(ids))]
    left, right = (np.array([number[pair[side]] for _, pair in strong], np.int64) for side in (0, 1))
    roots = cluster(masks, (left, right, np.array([p for p, _ in strong], float))).root
    groups = defaultdict(list)
    for name, root in zip(ids, roots.tolist(), strict=True):
        groups[root].append(name)
    return {people.order(a, b) for group in groups.values() for a, b in combinations(group, 2)}


def peer(people: People) -> Found | str:
    """clkhash and anonlink, in an environment of their own; a sentence if they can't be had."""
    python = CACHE / "bin" / "python"
    if not python.exists():
        tool = Path(sys.executable).with_name("uv")
        for command in (
            [str(tool), "venv", "-q", "--python", "3.11", str(CACHE)],
            [str(tool), "pip", "install", "-q", "--system-certs", "--python", str(python), *PEER],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return f"skipped: `{' '.join(command)}` ended with {done.returncode}: {done.stderr[-300:]}"
    names = [
        name for name in next(iter(people.clear.values())) if any(r[name] for r in people.clear.values())
    ]
    rows = [[row[name] or "" for name in names] for row in people.clear.values()]
    sides = (rows[: len(people.left)], rows[len(people.left) :] if people.right is not None else None)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out.json"
        given = {"names": names, "left": sides[0], "right": sides[1], "threshold": PEER_THRESHOLD}
        source.write_text(json.dumps(given), encoding="utf-8")
        script = Path(__file__).with_name("linkage_clk.py")
        done = subprocess.run(
            [str(python), "-W", "ignore", str(script), str(source), str(target)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            return f"skipped: {script.name} ended with {done.returncode}: {done.stderr[-300:]}"
        found = json.loads(target.read_text(encoding="utf-8"))
    ids = list(people.clear)
    shift = len(people.left) if people.right is not None else 0
    pairs = {people.order(ids[a], ids[shift + b]): likeness for a, b, likeness in found}
    joined = _joined(people, pairs, PEER_THRESHOLD)
    return Found(pairs, joined, False, PEER_THRESHOLD, time.perf_counter() - began)


def _at_best(people: People, found: Found) -> Found:
    """The same pairs joined at the threshold that is best by the truth, which nobody has."""
    tried = {t / 100: _joined(people, found.pairs, t / 100) for t in range(int(100 * PEER_THRESHOLD), 100)}
    best = max(tried, key=lambda threshold: Score.of(tried[threshold], people.true).f1)
    return replace(found, threshold=best, joined=tried[best])


def calibration_error(pairs: Scored, true: set[Pair]) -> float:
    """Expected calibration error over pairs of probability .01 and more, in ten bins of equal width.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015).
    """
    chance = np.array([p for p in pairs.values() if p >= LEAST])
    right = np.array([pair in true for pair, p in pairs.items() if p >= LEAST], float)
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, chance - right, BINS)).sum() / max(1, len(chance)))


def _siblings(people: People, pairs: set[Pair]) -> set[Pair]:
    """Pairs with one surname at one postcode but another forename."""

    def alike(a: str, b: str) -> bool:
        x, y = people.clear[a], people.clear[b]
        shared = all(x[name] and x[name] == y[name] for name in ("surname", "postcode"))
        return shared and bool(x["forename"]) and bool(y["forename"]) and x["forename"] != y["forename"]

    return {pair for pair in pairs if alike(*pair)}


def _row(people: People, method: str, found: Found) -> list[str]:
    own = Score.of({pair for pair, p in found.pairs.items() if p >= found.threshold}, people.true)
    joined = Score.of(found.joined, people.true)
    sure = {pair for pair, p in found.pairs.items() if p >= CONFIDENT} if found.calibrated else set()
    children = {pair for pair in sure if pair[0] in people.groups.get("children", ())}
    siblings = _siblings(people, sure)
    error = f"{calibration_error(found.pairs, people.true):.4f}" if found.calibrated else "–"

    def wrong(pairs: set[Pair]) -> str:
        return f"{len(pairs - people.true):,} of {len(pairs):,}" if pairs and found.calibrated else "–"

    return [
        method, f"{own.f1:.4f}", f"{own.precision:.4f}", f"{own.recall:.4f}", f"{joined.f1:.4f}",
        f"{joined.precision:.4f}", f"{joined.recall:.4f}", error, wrong(children), wrong(siblings),
        f"{found.seconds:.0f}",
    ]  # fmt: skip


HEAD = [
    "method", "pairs F1", "precision", "recall", "people F1", "precision", "recall", "calibration error",
    "wrong, children at .95", "wrong, siblings at .95", "s",
]  # fmt: skip


def _print(head: list[str], rows: list[list[str]]) -> None:
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def _groups(people: People, found: dict[str, Found]) -> None:
    print("\nBy group (of the left table's records), people found:\n")
    rows = []
    for name, ids in sorted(people.groups.items()):
        true = {pair for pair in people.true if pair[0] in ids}
        row = [name, f"{len(ids):,}"]
        for each in found.values():
            score = Score.of({pair for pair in each.joined if pair[0] in ids}, true)
            row += [f"{score.precision:.4f}", f"{score.recall:.4f}"]
        rows.append(row)
    _print(["group", "records", *(f"{m}: {k}" for m in found for k in ("precision", "recall"))], rows)


def main() -> None:
    """Print one table a set, and the groups of the sets that have any."""
    for people in sets():
        print(f"\n### {people.name}: {len(people.clear):,} records, {len(people.true):,} true pairs\n")
        given, rules = blocked_pairs(people)
        both = {tuple(pair) for pair in zip(*(given[side].to_pylist() for side in "lr"), strict=True)}
        ids = list(people.clear)
        held = sum(people.order(ids[a], ids[b]) in people.true for a, b in both)
        print(
            f"{len(rules)} rules of blocking: {len(both):,} pairs, which hold {held / len(people.true):.4f} "
            "of the true ones.\n"
        )
        methods: dict[str, Found | str] = {
            "eVI, encoded": evi(people),
            "Splink, clear text, well set, same pairs": of_splink(
                people, lambda p=people, g=given: well_set(p, g)
            ),
            "Splink, clear text, as in its demos": of_splink(people, lambda p=people: demo_style(p)),
            "clkhash and anonlink": (codes := peer(people)),
        }
        if isinstance(codes, Found):
            methods["clkhash and anonlink, threshold by the truth"] = _at_best(people, codes)
        _print(
            HEAD, [_row(people, name, found) for name, found in methods.items() if isinstance(found, Found)]
        )
        for name, found in methods.items():
            if isinstance(found, str):
                print(f"\n{name} {found}")
        if people.groups:
            _groups(people, {name: f for name, f in methods.items() if isinstance(f, Found)})


if __name__ == "__main__":
    main()
