"""A small delivery into a large spine: the pairs that it touches are sought and scored, the rest stand.

A full run learns a model and scores every candidate pair. When few records are new or changed, model and
scores can stand: only pairs with a touched record are sought and scored, under the model that stands. Certain
links, rivals and clusters are then found anew from all scores, old and new, which is cheap. So the outcome is
that of a full run but for what the new records would have taught the model and the frequencies of names;
`why_in_full` says when that is too much.

What is touched is counted from the last full run, never from the last delivery: a run that builds on it is
decided by what the full run left and by what there is now, so that it can be repeated bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from evi.linkage.blocking import find_pairs
from evi.linkage.deterministic import anchor
from evi.linkage.planner import Plan
from evi.linkage.queries import columns_that_hold_something, one_number, one_row, table_of
from evi.linkage.resolve import Options, Resolution, candidates, cluster_links, prepare, resolve
from evi.linkage.rivals import least_weight, link_probabilities
from evi.linkage.scoring import score_pairs, settings_for
from evi.linkage.training import Model
from evi.workspace import SILENT, Progress

MOST_TOUCHED = 0.05  # share of records touched since the model was learned, beyond which it is learned anew


@dataclass(frozen=True)
class Base:
    """What a full run leaves for those that build on it.

    Attributes:
        model, plan: what it learned and decided.
        columns: those of `people` that held something, without those of values one slip away.
        feeds: numbers of the feeds.
        said: `rec` and `said`, a hash of all that was known of each record.
        scored: `rec_l`, `rec_r`, `match_weight` of every pair that could matter.
    """

    model: Model
    plan: Plan
    columns: frozenset[str]
    feeds: frozenset[int]
    said: pa.Table
    scored: pa.Table


@dataclass(frozen=True)
class Outcome:
    """A resolution, and how it came about.

    Attributes:
        resolution: what was found.
        why: why it was found in full; empty if it builds on what stood.
        touched: records that are new, or of which something new is said, since the model was learned.
        records: how many there are.
    """

    resolution: Resolution
    why: str
    touched: int
    records: int


def base_of(con: duckdb.DuckDBPyConnection, resolution: Resolution) -> Base:
    """What to keep of a full run, from its session."""
    _what_is_said(con)
    return Base(
        resolution.model,
        resolution.plan,
        _filled(con),
        _feeds(con),
        table_of(con, "FROM said ORDER BY rec"),
        table_of(con, "SELECT rec_l, rec_r, match_weight FROM scored ORDER BY rec_l, rec_r"),
    )


def resolve_from(
    con: duckdb.DuckDBPyConnection, base: Base | None, options: Options, progress: Progress = SILENT
) -> Outcome:
    """Resolve `observations`, building on `base` if what is new is little, else in full.

    Args:
        con: holds `observations`, old and new, in which the records of `base` have the numbers that they have
            there.
        base: the last full run; None to run in full.
        options: with one record per person and feed; tables searched for repeats are always run in full.
    """
    prepared = prepare(con)
    why = "There is nothing to build on."
    if base is not None:
        find_touched(con, base)
        why = why_in_full(con, base, options) or ""
    touched = one_number(con, "SELECT count(*) FROM touched") if base is not None else 0
    records = one_number(con, "SELECT count(*) FROM people")
    if base is None or why:
        return Outcome(resolve(con, options, progress, prepared=prepared), why, touched, records)
    return Outcome(extend(con, base, options, progress), "", touched, records)


def find_touched(con: duckdb.DuckDBPyConnection, base: Base) -> None:
    """Make `touched` (rec): records that are new, or of which `people` and `variants` say something new."""
    _what_is_said(con)
    con.register("said_before", base.said)
    con.execute(
        "CREATE OR REPLACE TABLE touched AS SELECT rec FROM said ANTI JOIN said_before USING (rec, said)"
    )
    con.unregister("said_before")


def why_in_full(con: duckdb.DuckDBPyConnection, base: Base, options: Options) -> str | None:
    """Why a full run is needed, or None; from `people` as it is now, and `touched`."""
    if new := _feeds(con) - base.feeds:
        return f"The model has not seen {len(new)} of the feeds."
    if _filled(con) != base.columns:
        return "Other columns hold something than when the model was learned."
    if options.threshold is not None and options.threshold != base.plan.threshold:
        return f"The threshold was {base.plan.threshold:g} when the model was learned."
    touched = one_number(con, "SELECT count(*) FROM touched")
    if not touched:
        return "No record is new or changed since the model was learned."
    share = touched / max(1, len(base.said))
    if share > MOST_TOUCHED:
        return f"{share:.1%} of the records are new or changed since the model was learned."
    return None


def extend(
    con: duckdb.DuckDBPyConnection, base: Base, options: Options, progress: Progress = SILENT
) -> Resolution:
    """Resolve by the model and scores of `base`; makes the tables that `resolve` makes.

    Args:
        con: holds what `prepare` makes of all observations, and `touched`.
        base: the full run.
        options: as there.
    """
    model, plan = base.model, base.plan
    with progress.task("Linking what is new", 3) as advance:
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
        apart = options.decided(con, plan.comparisons) if options.decided else []
        found, twins = cluster_links(con, plan.threshold, apart)
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


def _what_is_said(con: duckdb.DuckDBPyConnection) -> None:
    """Table `said` (rec, said): a hash of all that `people` and `variants` hold of a record.

    When and how often it was said counts only where it decides what `people` holds. Which values are one slip
    away is left out: that is a fact about the others.
    """
    told = _columns(con, "people", without=("rec",))
    variants = _columns(con, "variants", without=("rec", "seen", "times"))
    con.execute(
        f"""CREATE OR REPLACE TABLE said AS
        WITH each AS (SELECT rec, bit_xor(hash({variants})) AS said FROM variants GROUP BY rec)
        SELECT rec, hash({told}, each.said) AS said FROM people JOIN each USING (rec)"""
    )


def _columns(con: duckdb.DuckDBPyConnection, table: str, without: tuple[str, ...]) -> str:
    names = sorted(str(row[0]) for row in con.execute(f"DESCRIBE {table}").fetchall())
    kept = (name for name in names if name not in without and not name.endswith("_near"))
    return ", ".join(f"{table}.{name}" for name in kept)


def _filled(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    filled = columns_that_hold_something(con, "people")
    return frozenset(name for name in filled if not name.endswith("_near"))


def _feeds(con: duckdb.DuckDBPyConnection) -> frozenset[int]:
    return frozenset(one_row(con, "SELECT list(DISTINCT feed) FROM people")[0] or ())
