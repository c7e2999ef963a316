"""One draw: every link in doubt decided at once.

Pieces (records that are surely one person) are taken in order of size, the smallest first and equals in
random order; each joins at most one of the larger ones that it has a link in doubt with, or none of them. So
a record's rivals share one chance, each link is decided once, and no draw puts two records of one feed
together that the spine keeps apart, unless they are drawn as one person whom the feed wrote down twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.linkage.trial import SEVERAL

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

AS_CLAIMED = (0.0, 1.0)
_MOST = 1 - 1e-4  # what the links of a piece may promise together: something is always left for none of them


@dataclass(frozen=True)
class Pieces:
    """Pieces that may be joined to others.

    Attributes:
        names: the piece's id, sorted; size, subject: its records, and the subject that holds it in the spine.
        feeds: the feeds that each holds, as bits.
        links: for each piece, its links in doubt: (position of the other piece, probability).
        kind: for each piece, which trust its links have: `scored` or `birth date` and its feed, or `several`
            twice for a piece of several feeds.
    """

    names: Ints
    size: Ints
    subject: Ints
    feeds: list[int]
    links: list[list[tuple[int, float]]]
    kind: Sequence[str] = ()


def pieces_of(people: pl.DataFrame, pieces: pl.DataFrame, doubts: pl.DataFrame) -> Pieces:
    """Pieces and links from `spine/people`, `spine/pieces` and `spine/doubts`."""
    bits = {feed: 1 << n for n, feed in enumerate(sorted(people["feed"].unique().to_list()))}
    known = (
        pieces.join(people, on=["feed", "person"])
        .with_columns(bit=pl.col("feed").replace_strict(bits, return_dtype=pl.Int64))
        .group_by("piece")
        .agg(pl.len().alias("size"), pl.col("subject_id").min(), pl.col("bit").bitwise_or())
        .sort("piece")
    )
    names = known["piece"].to_numpy()
    links: list[list[tuple[int, float]]] = [[] for _ in range(len(names))]
    kind = ["scored"] * len(names)
    ends = [np.searchsorted(names, doubts[side].to_numpy()).tolist() for side in ("piece", "other")]
    size = known["size"].to_numpy().astype(np.int64)
    for left, right, p, how in zip(*ends, doubts["p"].to_list(), doubts["how"].to_list(), strict=True):
        links[left].append((right, p))
        links[right].append((left, p))
        if how != "scored":
            lost = left if size[left] == 1 else right
            kind[lost] = how if kind[lost] != "birth date" else kind[lost]
    masks = known["bit"].to_list()
    feed_of = {bit: feed for feed, bit in bits.items()}
    several = f"{SEVERAL} {SEVERAL}"
    kind = [
        f"{how} {feed_of[mask]}" if mask in feed_of else several
        for how, mask in zip(kind, masks, strict=True)
    ]
    return Pieces(names, size, known["subject_id"].to_numpy(), masks, links, kind)


def draw(
    pieces: Pieces,
    rng: np.random.Generator,
    trust: Mapping[str, tuple[float, float]] | None = None,
    twice: Sequence[tuple[int, int, int]] = (),
) -> Ints:
    """One draw: for each piece, the position of the piece that names its person.

    Args:
        trust: by kind (as claimed where there is none), the shift and slope that the log odds of what a
            piece's links promise together are told again with (`evi.linkage.beliefs.Trust`).
        twice: (position, position, bit of the feed): pieces whose records of one feed are one person.
    """
    state = _State(pieces)
    for one, other, bit in twice:
        state.unite(one, other, bit)
    count = len(pieces.names)
    order = np.lexsort((rng.random(count), state.size)).tolist()
    luck = rng.random(count).tolist()
    for node in order:
        if state.parent[node] == node and not state.decided[node]:
            told = (trust or {}).get(pieces.kind[node], AS_CLAIMED) if pieces.kind else AS_CLAIMED
            state.decide(node, luck[node], told)
    return np.array([state.root(node) for node in range(count)], np.int64)


class _State:
    """Where a draw stands: who was joined to whom, what each holds, and whose turn is over."""

    def __init__(self, pieces: Pieces) -> None:
        count = len(pieces.names)
        self.parent, self.held = list(range(count)), list(pieces.feeds)
        self.size = pieces.size.copy()
        self.decided = [False] * count
        self.links = pieces.links
        self.members: dict[int, list[int]] = {}

    def root(self, node: int) -> int:
        """The piece that names this piece's person."""
        parent = self.parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def unite(self, one: int, other: int, bit: int) -> None:
        """Two pieces are one from the start, if they hold no other feed both."""
        first, second = self.root(one), self.root(other)
        if first == second or self.held[first] & self.held[second] & ~bit:
            return
        self.parent[second] = first
        self.held[first] |= self.held[second]
        self.size[first] = self.size[second] = self.size[first] + self.size[second]
        self.members[first] = [*self.members.get(first, [first]), *self.members.pop(second, [second])]

    def decide(self, node: int, luck: float, trust: tuple[float, float]) -> None:
        """This piece joins one of those that are undecided, or none.

        One that it can't join any more, since another record of the feed did, gives up its share to the rest.
        """
        chances: dict[int, float] = {}
        for member in self.members.get(node, [node]):
            for other, p in self.links[member]:
                theirs = self.root(other)
                if theirs != node and not self.decided[other] and not self.decided[theirs]:
                    chances[theirs] = max(chances.get(theirs, 0.0), p)
        for member in self.members.get(node, [node]):
            self.decided[member] = True
        free = {other: p for other, p in chances.items() if not self.held[other] & self.held[node]}
        chosen = choose(free, sum(chances.values()), luck, trust)
        if chosen is not None:
            self.parent[node] = chosen
            self.held[chosen] |= self.held[node]


def choose(
    free: Mapping[int, float], total: float, luck: float, trust: tuple[float, float] = AS_CLAIMED
) -> int | None:
    """One of the candidates, or none.

    Args:
        free: the candidates that can still be had, with the probabilities that the model gave.
        total: the sum over all candidates, also those that can't be had any more.
        luck: between 0 and 1.
        trust: see `draw`.
    """
    promised = min(total, _MOST)
    if promised <= 0:
        return None
    log_odds = trust[0] + trust[1] * float(np.log(promised / (1 - promised)))
    none = total * float(np.exp(-log_odds))
    mark = luck * (none + sum(free.values()))
    for candidate in sorted(free):
        mark -= free[candidate]
        if mark < 0:
            return candidate
    return None


def subjects_in(pieces: Pieces, roots: Ints) -> Ints:
    """The subject of each piece in a draw: the spine's for the largest part, another one for each other part.

    Subjects that are in no spine are negative: the id of their first record, less than zero by one more.
    """
    subject = np.zeros(len(roots), np.int64)
    groups: dict[int, list[int]] = {}
    for node, root in enumerate(roots.tolist()):
        groups.setdefault(root, []).append(node)
    size = {root: int(pieces.size[nodes].sum()) for root, nodes in groups.items()}
    taken: set[int] = set()
    for root in sorted(groups, key=lambda r: (-size[r], r)):
        nodes = groups[root]
        votes: dict[int, int] = {}
        for node in nodes:
            held = int(pieces.subject[node])
            votes[held] = votes.get(held, 0) + int(pieces.size[node])
        free = [held for held in sorted(votes, key=lambda s: (-votes[s], s)) if held not in taken]
        named = free[0] if free else -1 - int(pieces.names[min(nodes)])
        taken.add(named)
        subject[nodes] = named
    return subject
