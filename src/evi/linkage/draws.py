"""Plausible spines: what would be counted if the links in doubt had fallen otherwise.

A draw decides every link in doubt at once. Pieces (records that are surely one person) are taken in order of
size, the smallest first and equals in random order; each joins at most one of the larger ones that it has a
link in doubt with, with the probability of that link, or none of them. So a record's rivals share one chance,
each link is decided once, and no draw puts two records of one feed together that the spine keeps apart.

The draws carry the doubt about links, given the model. They carry neither the doubt about the model nor pairs
that no block brought together, so their intervals are too narrow; docs/linkage-draws.md says by how much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from evi.workspace import SILENT, District, EviError, Progress, StageResult, replace_dir

SEED = 20_260_831
DRAWS = 20
CHILD_UNDER = 18
HEALTH = ("ae", "csds", "gp", "maternity", "mhsds")
SOCIAL_CARE = ("cin", "ssd", "ssda903")
FOLDER = "draws"


@dataclass(frozen=True)
class Pieces:
    """Pieces that links in doubt touch.

    Attributes:
        names: the piece's id, sorted; size, subject: its records, and the subject that holds it in the spine.
        feeds: the feeds that each holds, as bits.
        links: for each piece, its links in doubt: (position of the other piece, probability).
    """

    names: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    subject: npt.NDArray[np.int64]
    feeds: list[int]
    links: list[list[tuple[int, float]]]


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
    ends = [np.searchsorted(names, doubts[side].to_numpy()).tolist() for side in ("piece", "other")]
    for left, right, p in zip(*ends, doubts["p"].to_list(), strict=True):
        links[left].append((right, p))
        links[right].append((left, p))
    size, subject = known["size"].to_numpy().astype(np.int64), known["subject_id"].to_numpy()
    return Pieces(names, size, subject, known["bit"].to_list(), links)


def draw(pieces: Pieces, number: int, seed: int = SEED) -> npt.NDArray[np.int64]:
    """One draw: for each piece, the position of the piece that names its person.

    The same number and seed give the same draw, whatever other draws are made.
    """
    rng = np.random.default_rng([seed, number])
    count = len(pieces.names)
    order = np.lexsort((rng.random(count), pieces.size)).tolist()
    luck = rng.random(count).tolist()
    parent, held = list(range(count)), list(pieces.feeds)
    decided = [False] * count

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for node in order:
        decided[node] = True
        mine = root(node)
        chances: dict[int, float] = {}
        for other, p in pieces.links[node]:
            theirs = root(other)
            if not decided[other] and theirs != mine and not held[theirs] & held[mine]:
                chances[theirs] = max(chances.get(theirs, 0.0), p)
        chosen = _choose(chances, luck[node])
        if chosen is not None:
            parent[mine] = chosen
            held[chosen] |= held[mine]
    return np.array([root(node) for node in range(count)], np.int64)


def _choose(chances: Mapping[int, float], luck: float) -> int | None:
    """One of the candidates with its probability, or none; candidates worth more than 1 together share it."""
    total = max(1.0, sum(chances.values()))
    for candidate in sorted(chances):
        luck -= chances[candidate] / total
        if luck < 0:
            return candidate
    return None


def subjects_in(pieces: Pieces, roots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
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


def make_draws(district: District, draws: int, seed: int = SEED, progress: Progress = SILENT) -> StageResult:
    """Write `draws/people.parquet` (draw, feed, person, subject_id, where it is not the spine's) and
    `draws/figures.parquet` (figure, spine, mean, sd, low, high: 90% of the draws, draw by draw in `values`).

    Raises:
        EviError: there is no spine, or fewer than two draws are asked for.
    """
    if draws < 2:
        raise EviError("one draw shows no variation.", where="--draws", do="Ask for 20.", exit_code=2)
    people, subjects, known, doubts = (
        _read(district, name) for name in ("people", "subjects", "pieces", "doubts")
    )
    pieces = pieces_of(people, known, doubts)
    children = children_of(subjects, people)
    changed, counted = [], []
    with progress.task("Draws of the spine", draws) as advance:
        for number in range(draws):
            moved = changes(pieces, known, people, number, seed)
            changed.append(
                moved.select(pl.lit(number).cast(pl.Int32).alias("draw"), "feed", "person", "subject_id")
            )
            counted.append(figures(redrawn(people, moved), children))
            advance(1)
    table = summary(figures(people.select("feed", "person", "subject_id"), children), counted)
    with replace_dir(district.root / FOLDER) as folder:
        pl.concat(changed).write_parquet(folder / "people.parquet", compression="zstd")
        table.write_parquet(folder / "figures.parquet", compression="zstd")
    return StageResult(
        "draws",
        {
            "draws": draws,
            "links_in_doubt": doubts.height,
            "records_moved": sum(one.height for one in changed),
        },
    )


def _read(district: District, name: str) -> pl.DataFrame:
    path = district.spine / f"{name}.parquet"
    if not path.is_file():
        raise EviError("nobody is linked yet.", where=str(path), do="Run `evi link` first.", exit_code=2)
    return pl.read_parquet(path)


def changes(
    pieces: Pieces, known: pl.DataFrame, people: pl.DataFrame, number: int, seed: int = SEED
) -> pl.DataFrame:
    """feed, person, subject_id of the records that one draw gives to another subject than the spine."""
    roots = draw(pieces, number, seed)
    named = pl.DataFrame({"piece": pieces.names, "drawn": subjects_in(pieces, roots)})
    return (
        known.join(named, on="piece")
        .join(people.select("feed", "person", "subject_id"), on=["feed", "person"])
        .filter(pl.col("drawn") != pl.col("subject_id"))
        .select("feed", "person", subject_id="drawn")
        .sort("feed", "person")
    )


def redrawn(people: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """feed, person and subject of every record in a draw: how any table keyed by record is counted again."""
    return people.select("feed", "person", "subject_id").join(
        moved.rename({"subject_id": "drawn"}), on=["feed", "person"], how="left"
    ).select("feed", "person", subject_id=pl.coalesce("drawn", "subject_id"))  # fmt: skip


def children_of(subjects: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """feed, person of the records of children: under 18 in the newest month in which anybody was born."""
    day = subjects["birth_month"].max()
    if day is None:
        return people.select("feed", "person").clear()
    young = subjects.filter(pl.col("birth_month").dt.offset_by(f"{CHILD_UNDER}y") > day)
    return people.join(young.select("subject_id"), on="subject_id", how="semi").select("feed", "person")


def figures(people: pl.DataFrame, children: pl.DataFrame) -> dict[str, int]:
    """District counts of one spine or draw: people, children, and children in each two feeds.

    Args:
        people: feed, person, subject_id.
        children: feed, person of children's records.
    """
    young = people.join(children, on=["feed", "person"], how="semi")
    held = {str(feed): set(group["subject_id"]) for (feed,), group in young.group_by("feed")}
    health: set[int] = set().union(*(held.get(feed, set()) for feed in HEALTH))
    care: set[int] = set().union(*(held.get(feed, set()) for feed in SOCIAL_CARE))
    found = {
        "people": people["subject_id"].n_unique(),
        "children": young["subject_id"].n_unique(),
        "children in health and social care": len(health & care),
    }
    found |= {f"children in {feed}": len(held[feed]) for feed in sorted(held)}
    found |= {f"children in {a} and {b}": len(held[a] & held[b]) for a, b in combinations(sorted(held), 2)}
    return found


def summary(spine: Mapping[str, int], drawn: Sequence[Mapping[str, int]]) -> pl.DataFrame:
    """One row a figure: the spine's count, and the mean, spread and middle 90% of the draws."""
    rows: list[dict[str, Any]] = []
    for name, count in spine.items():
        values = np.array([one.get(name, 0) for one in drawn], float)
        low, high = np.quantile(values, (0.05, 0.95))
        rows.append(
            {
                "figure": name,
                "spine": count,
                "mean": round(float(values.mean()), 3),
                "sd": round(float(values.std(ddof=1)), 3),
                "low": round(float(low), 3),
                "high": round(float(high), 3),
                "values": values.astype(int).tolist(),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
