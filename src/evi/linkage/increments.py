"""A small delivery into a large spine: the pairs that it touches are sought and scored, the rest stand.

A full run learns a model and scores every candidate pair. When few records are new or changed, model and
scores can stand: only pairs with a touched record are sought and scored, under the model that stands. Certain
links, rivals and clusters are then found anew from all scores, old and new, which is cheap. So the outcome is
that of a full run but for what the new records would have taught the model and the frequencies of names;
`why_in_full` says when that is too much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from evi.linkage.blocking import find_pairs
from evi.linkage.deterministic import anchor
from evi.linkage.people import condense
from evi.linkage.planner import drop_what_says_nothing
from evi.linkage.queries import columns_that_hold_something, one_number, one_row, table_of
from evi.linkage.resolve import Options, Resolution, candidates, cluster_links
from evi.linkage.rivals import least_weight, link_probabilities
from evi.linkage.scoring import score_pairs, settings_for
from evi.workspace import SILENT, Progress

MOST_TOUCHED = 0.05  # share of records touched since the model was learned, beyond which it is learned anew


@dataclass(frozen=True)
class Base:
    """What a full run leaves for those that build on it.

    Attributes:
        resolution: of the full run: its model and its plan.
        scored: `rec_l`, `rec_r`, `match_weight` of every pair that could matter.
        columns: those of `people` that held something.
        feeds: numbers of the feeds.
        records: how many there were.
        touched: how many records were touched since the model was learned.
    """

    resolution: Resolution
    scored: pa.Table
    columns: frozenset[str]
    feeds: frozenset[int]
    records: int
    touched: int = 0


def base_of(con: duckdb.DuckDBPyConnection, resolution: Resolution, *, touched: int = 0) -> Base:
    """What to keep of a run, from its tables `scored` and `people`."""
    return Base(
        resolution,
        table_of(con, "SELECT rec_l, rec_r, match_weight FROM scored ORDER BY rec_l, rec_r"),
        columns_that_hold_something(con, "people"),
        _feeds(con, "people"),
        one_number(con, "SELECT count(*) FROM people"),
        touched,
    )


def why_in_full(con: duckdb.DuckDBPyConnection, base: Base) -> str | None:
    """Why a full run is needed, or None; from `observations` as it is now, and `touched`."""
    new = _feeds(con, "observations") - base.feeds
    if new:
        return f"The model has not seen {len(new)} of the feeds."
    touched = base.touched + one_number(con, "SELECT count(*) FROM touched")
    share = touched / max(1, base.records)
    if share > MOST_TOUCHED:
        return f"{share:.1%} of the records are new or changed since the model was learned."
    return None


def extend(
    con: duckdb.DuckDBPyConnection, base: Base, options: Options, progress: Progress = SILENT
) -> Resolution | None:
    """Resolve `observations` by the model and scores of `base`; makes the tables that `resolve` makes.

    Args:
        con: holds `observations`, old and new, in which old records have the numbers that they had, and
            `touched` (rec INTEGER), the records that are new or of which something new is said.
        base: the full run, or the last run that built on it.
        options: with one record per person and feed; tables searched for repeats are always run in full.

    Returns:
        None if the columns that hold something are no longer those of `base`: a full run is needed.
    """
    model, plan = base.resolution.model, base.resolution.plan
    with progress.task("Linking what is new", 4) as advance:
        drop_what_says_nothing(con)
        condense(con)
        if columns_that_hold_something(con, "people") != base.columns:
            return None
        advance(1)
        anchored = anchor(con, one_per_feed=True)
        advance(1)
        new = "rec IN (SELECT rec FROM touched)"
        wanted = candidates(con, one_per_feed=True)
        wanted = replace(wanted, condition=f"{wanted.condition} AND (l.{new} OR r.{new})", some=f"l.{new}")
        filled = columns_that_hold_something(con, "variants")
        blocks = find_pairs(con, plan.rules, [wanted], filled=filled, progress=progress)
        con.execute("CREATE OR REPLACE TABLE to_score AS SELECT l, r, rules::VARCHAR AS tag FROM candidates")
        settings = settings_for(plan.comparisons, model.weights, model.prior)
        least = least_weight(options.review_from)
        score_pairs(con, "to_score", settings, out="scored_new", least_weight=least)
        _join_scores(con, base)
        advance(1)
        link_probabilities(con, model.prior, options.review_from)
        found, twins = cluster_links(con, plan.threshold)
        advance(1)
    return Resolution.of(
        found,
        model,
        plan,
        blocks=blocks,
        anchored=anchored,
        pairs_compared=one_number(con, "SELECT count(*) FROM to_score"),
        twins=twins,
    )


def _join_scores(con: duckdb.DuckDBPyConnection, base: Base) -> None:
    """Make `scored`: the new pairs, and the old ones of untouched records that may still be one person."""
    con.register("scored_before", base.scored)
    con.execute(
        """CREATE OR REPLACE TABLE scored AS
        SELECT rec_l, rec_r, match_weight FROM scored_new
        UNION ALL
        SELECT rec_l, rec_r, match_weight FROM scored_before b
        JOIN nodes l ON l.rec = b.rec_l JOIN nodes r ON r.rec = b.rec_r
        WHERE l.comp <> r.comp AND (l.mask & r.mask) = 0
          AND rec_l NOT IN (SELECT rec FROM touched) AND rec_r NOT IN (SELECT rec FROM touched)"""
    )
    con.unregister("scored_before")
    con.execute("DROP TABLE scored_new")


def _feeds(con: duckdb.DuckDBPyConnection, table: str) -> frozenset[int]:
    return frozenset(one_row(con, f"SELECT list(DISTINCT feed) FROM {table}")[0] or ())
