"""The engine: observations in, people out. It knows columns of codes and feeds, and nothing of districts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pyarrow as pa

from evi.linkage.apart import twins
from evi.linkage.blocking import BlockNote, Wanted, find_pairs
from evi.linkage.clusters import Clusters, Ints, cluster
from evi.linkage.comparisons import Comparison
from evi.linkage.deterministic import anchor
from evi.linkage.groups import group, pair_probabilities
from evi.linkage.people import condense
from evi.linkage.planner import Column, Plan, drop_what_says_nothing, plan
from evi.linkage.queries import columns_that_hold_something, one_number
from evi.linkage.rivals import least_weight, link_probabilities
from evi.linkage.scoring import score_pairs, settings_for
from evi.linkage.training import Model, candidates_to_train_on, train
from evi.workspace import SILENT, Progress


@dataclass(frozen=True)
class Options:
    """What a run of linkage may vary.

    Attributes:
        threshold: links at or above this probability join records into one person; None: the planner's.
        one_per_feed: a feed holds one record per person; False when one table is searched for repeats.
        review_from: pairs at or above this probability are kept in `scored`.
        decided: puts what people decided into `links`, and returns pairs of components that are two people
            (see `evi.linkage.review.honour`); only where feeds hold one record a person.
    """

    threshold: float | None = None
    one_per_feed: bool = True
    review_from: float = 0.01
    decided: Callable[[duckdb.DuckDBPyConnection, Sequence[Comparison]], list[tuple[int, int]]] | None = None


@dataclass
class Resolution:
    """What the engine found; tables `links` (pairs) and `resolved` (rec, cluster, probability) hold the
    rest."""

    model: Model
    plan: Plan
    blocks: list[BlockNote] = field(default_factory=list)
    anchored: dict[str, int] = field(default_factory=dict)
    pairs_compared: int = 0
    clusters: int = 0
    refused: int = 0
    forbidden: int = 0
    refused_by: dict[int, int] = field(default_factory=dict)
    twins: int = 0

    @classmethod
    def of(
        cls,
        found: Clusters,
        model: Model,
        plan: Plan,
        *,
        blocks: list[BlockNote],
        anchored: dict[str, int],
        pairs_compared: int,
        twins: int,
    ) -> Resolution:
        """What there is to say once records are clustered."""
        return cls(
            model=model,
            plan=plan,
            blocks=blocks,
            anchored=anchored,
            pairs_compared=pairs_compared,
            clusters=len(np.unique(found.root)),
            refused=found.refused,
            forbidden=found.forbidden,
            refused_by=found.refused_by,
            twins=twins,
        )


@dataclass(frozen=True)
class Prepared:
    """What was seen of the columns, which of `people` hold something, and which of `variants`."""

    seen: tuple[dict[str, Column], list[str]]
    columns: frozenset[str]
    filled: frozenset[str]


def prepare(con: duckdb.DuckDBPyConnection) -> Prepared:
    """Make `variants` and `people` from `observations`: everything that is said of a record, in one row."""
    seen = drop_what_says_nothing(con)
    columns = condense(con)
    return Prepared(seen, columns, columns_that_hold_something(con, "variants"))


def resolve(
    con: duckdb.DuckDBPyConnection,
    options: Options,
    progress: Progress = SILENT,
    *,
    prepared: Prepared | None = None,
) -> Resolution:
    """Find which records of table `observations` are one person.

    `observations`: rec INTEGER (0 … n−1), feed TINYINT, seen DATE, times BIGINT and the columns of
    `evi.linkage.people.CODES`; `near_forms` beside it, from `add_forms`.

    Args:
        prepared: what `prepare` gave, if it was called.
    """
    with progress.task("Linking people", 6) as advance:
        ready = prepared or prepare(con)
        filled = ready.filled
        planned = plan(
            con,
            ready.columns,
            filled,
            ready.seen,
            one_per_feed=options.one_per_feed,
            threshold=options.threshold,
        )
        advance(1)
        anchored = anchor(con, one_per_feed=options.one_per_feed)
        advance(1)
        alone = options.one_per_feed
        wanted = [candidates_to_train_on(con, one_per_feed=alone), candidates(con, one_per_feed=alone)]
        blocks = find_pairs(con, planned.rules, wanted, filled=filled, progress=progress)
        advance(1)
        comparisons = planned.comparisons
        model = train(con, comparisons, filled, one_per_feed=alone)
        advance(1)
        con.execute("CREATE OR REPLACE TABLE to_score AS SELECT l, r, rules::VARCHAR AS tag FROM candidates")
        least = least_weight(options.review_from)
        settings = settings_for(comparisons, model.weights, model.prior)
        score_pairs(con, "to_score", settings, out="scored", least_weight=least)
        if alone:
            link_probabilities(con, model.prior, options.review_from)
        advance(1)
        if alone:
            apart = options.decided(con, comparisons) if options.decided else []
            found, pairs_of_twins = cluster_links(con, planned.threshold, apart)
        else:
            found, pairs_of_twins = _groups(con, planned.threshold, options.review_from), 0
        advance(1)
    return Resolution.of(
        found,
        replace(model, plan=tuple(planned.explain(blocks))),
        planned,
        blocks=blocks,
        anchored=anchored,
        pairs_compared=one_number(con, "SELECT count(*) FROM to_score"),
        twins=pairs_of_twins,
    )


def candidates(con: duckdb.DuckDBPyConnection, *, one_per_feed: bool) -> Wanted:
    """Pairs that could be one person and are not known to be; who was found in every feed needs no more."""
    if not one_per_feed:
        return Wanted("candidates", "l.comp <> r.comp")
    every = one_number(con, "SELECT coalesce(bit_or(mask), 0) FROM nodes")
    return Wanted(
        "candidates", "l.comp <> r.comp AND (l.mask & r.mask) = 0", members=f"n.mask <> {every}", across=True
    )


def _groups(con: duckdb.DuckDBPyConnection, threshold: float, review_from: float) -> Clusters:
    """Group the records of one table by all pairs scored; writes `resolved` and `links`."""
    comps = np.asarray(con.execute("SELECT comp FROM nodes ORDER BY rec").fetchnumpy()["comp"], np.int64)
    pairs = con.execute("SELECT rec_l, rec_r, match_weight FROM scored ORDER BY rec_l, rec_r").fetchnumpy()
    left, right = (np.asarray(pairs[name], np.int64) for name in ("rec_l", "rec_r"))
    links = left, right, np.asarray(pairs["match_weight"], float)
    found = group(len(comps), links, threshold)
    columns = {"rec_l": left, "rec_r": right, "match_weight": links[2], "p": pair_probabilities(links, found)}
    con.register("judged", pa.table({name: pa.array(values) for name, values in columns.items()}))
    con.execute(
        f"""CREATE OR REPLACE TABLE links AS
        SELECT rec_l::INTEGER AS rec_l, rec_r::INTEGER AS rec_r, match_weight, round(p, 6) AS p FROM judged
        WHERE least(p, 1 / (1 + pow(2.0, -match_weight))) >= {review_from} ORDER BY rec_l, rec_r"""
    )
    con.unregister("judged")
    _write_resolved(con, comps, found)
    return found


def cluster_links(
    con: duckdb.DuckDBPyConnection, threshold: float, apart: Sequence[tuple[int, int]] = ()
) -> tuple[Clusters, int]:
    """Cluster anchored components by `links`, twins and the pairs `apart` kept apart; writes `resolved`.

    Returns the clusters, and how many pairs of twins there are.
    """
    nodes = con.execute(
        """SELECT comp, bit_or(mask) AS mask, min(probability) AS p FROM nodes GROUP BY comp ORDER BY comp"""
    ).fetchnumpy()
    comps = np.asarray(nodes["comp"], np.int64)
    edges = con.execute(
        f"""SELECT l.comp AS a, r.comp AS b, p FROM links
        JOIN nodes l ON l.rec = rec_l JOIN nodes r ON r.rec = rec_r
        WHERE p >= {threshold} ORDER BY p DESC, match_weight DESC, rec_l, rec_r"""
    ).fetchnumpy()
    left = np.searchsorted(comps, np.asarray(edges["a"], np.int64))
    right = np.searchsorted(comps, np.asarray(edges["b"], np.int64))
    masks = [int(mask) for mask in nodes["mask"]]
    one, other = (np.searchsorted(comps, side).tolist() for side in twins(con))
    same_birth = list(zip(one, other, strict=True))
    decided = [(int(np.searchsorted(comps, a)), int(np.searchsorted(comps, b))) for a, b in apart]
    cannot = [*same_birth, *decided]
    found = cluster(masks, (left, right, np.asarray(edges["p"], float)), cannot=cannot)
    _write_resolved(con, comps, found)
    return found, len(same_birth)


def _write_resolved(con: duckdb.DuckDBPyConnection, comps: Ints, found: Clusters) -> None:
    table = pa.table(
        [pa.array(comps), pa.array(comps[found.root]), pa.array(found.probability)],
        ["comp", "cluster", "joined"],
    )
    con.register("found", table)
    con.execute(
        """CREATE OR REPLACE TABLE resolved AS
        SELECT n.rec, f.cluster, least(n.probability, f.joined) AS probability
        FROM nodes n JOIN found f USING (comp) ORDER BY n.rec"""
    )
    con.unregister("found")
