"""Splink at work: comparisons and weights over pairs that our own blocking chose."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker

from evi.linkage.comparisons import Comparison, splink_comparison

Weights = Callable[[Comparison, int], tuple[float, float]]


def settings_for(comparisons: Sequence[Comparison], weights: Weights, prior: float) -> dict[str, Any]:
    """Splink's settings for these comparisons, weights and prior (the chance of a match, any two records)."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "rec",
        "probability_two_random_records_match": prior,
        "comparisons": [splink_comparison(comparison, weights) for comparison in comparisons],
        # Never used: pairs are registered. Splink wants a rule that parses.
        "blocking_rules_to_generate_predictions": [{"blocking_rule": "l.rec = r.rec"}],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        "linker_uid": "evi",
    }


def score_pairs(
    con: duckdb.DuckDBPyConnection,
    pairs: str,
    settings: dict[str, Any],
    *,
    out: str,
    least_weight: float | None = None,
    term_frequencies: bool = True,
) -> None:
    """Score the pairs of table `pairs` (l, r, and a text `tag`) over `people` into table `out`.

    `out` has rec_l, rec_r, tag, match_weight, match_probability and `mw_<comparison>`, the weight in bits of
    each comparison before term frequencies.

    Args:
        least_weight: pairs below this weight (log2 of the odds) are left out.
        term_frequencies: whether rare values count for more; training on agreement patterns has no use for
        it.
    """
    if not settings["comparisons"]:  # not one column that both sides fill: no pair says anything
        con.execute(
            f"""CREATE OR REPLACE TABLE {out} AS
            SELECT l AS rec_l, r AS rec_r, tag, 0.0 AS match_weight, 0.0 AS match_probability
            FROM {pairs} WHERE false"""
        )
        return
    logging.getLogger("splink").setLevel(logging.ERROR)
    settings = json.loads(json.dumps(settings))
    if not term_frequencies:
        for comparison in settings["comparisons"]:
            for level in comparison["comparison_levels"]:
                level.pop("tf_adjustment_column", None)
                level.pop("tf_minimum_u_value", None)
                level.pop("disable_tf_exact_match_detection", None)
    con.execute(
        f"""CREATE OR REPLACE TABLE evi_pairs AS
        SELECT tag AS match_key, l AS join_key_l, r AS join_key_r FROM {pairs}"""
    )
    api = DuckDBAPI(connection=con)
    linker = Linker(api.register("people"), settings, log_level=None, validate_settings=False)
    linker.table_management.register_blocked_pairs_for_predict(api.register("evi_pairs"))
    predicted = linker.inference.predict(threshold_match_weight=least_weight, warning_mode="never")
    parts = ", ".join(f"mw_{comparison['output_column_name']}" for comparison in settings["comparisons"])
    con.execute(
        f"""CREATE OR REPLACE TABLE {out} AS
        SELECT rec_l, rec_r, match_key AS tag, match_weight, match_probability, {parts}
        FROM {predicted.physical_name}"""
    )
    linker.table_management.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]
    con.execute("DROP TABLE IF EXISTS evi_pairs")
