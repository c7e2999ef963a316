"""The peer of the scale curve: Splink on clear text, as its demonstrations set it, on the same registers.

python -m benchmarks.linkage_scale_splink FOLDER prints one JSON document. A comparison a column, blocks and
training on single facts; of the pairs that it gives a probability of .5 or more, those that are each other's
best are joined, since either register holds a person once.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, block_on

SIDES = ("left", "right")
BLOCKS = (
    ("nhs",),
    ("forename", "surname"),
    ("dob",),
    ("postcode", "substr(surname, 1, 1)"),
)
TRAINING = (("forename", "surname"), ("dob",))
SURE = (("nhs",), ("forename", "surname", "dob"))


def link_clear_text(folder: Path) -> dict[str, float]:
    """Link the registers in `folder`; returns seconds, pairs compared, and how right it was."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    if limit := os.environ.get("EVI_MEMORY"):
        con.execute(f"SET memory_limit = '{limit}'")
    con.execute(f"SET threads = {os.environ.get('EVI_THREADS', '2')}")
    wall, cpu = time.perf_counter(), sum(os.times()[:2])
    for side in SIDES:
        con.execute(
            f"""CREATE TABLE {side}_people AS
            SELECT row_number() OVER () AS rec, id, forename, surname, dob::VARCHAR AS dob, sex, postcode,
                   address, nhs FROM read_parquet('{folder}/{side}.parquet')"""
        )
    api = DuckDBAPI(connection=con)
    linker = Linker([api.register(f"{side}_people") for side in SIDES], _settings(), log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*each) for each in SURE], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in TRAINING:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    found = linker.inference.predict(threshold_match_probability=0.5).physical_name
    joined, right = con.execute(
        f"""WITH best AS (
            SELECT rec_l, rec_r,
                   row_number() OVER (PARTITION BY rec_l ORDER BY match_weight DESC, rec_r) AS a,
                   row_number() OVER (PARTITION BY rec_r ORDER BY match_weight DESC, rec_l) AS b
            FROM {found})
        SELECT count(*), count(*) FILTER (l.id = r.id)
        FROM best JOIN left_people l ON l.rec = rec_l JOIN right_people r ON r.rec = rec_r
        WHERE a = 1 AND b = 1"""
    ).fetchall()[0]
    seconds, spent = time.perf_counter() - wall, sum(os.times()[:2]) - cpu
    true = con.execute("SELECT count(*) FROM left_people JOIN right_people USING (id)").fetchall()[0][0]
    return {
        "link": seconds,
        "link_cpu": spent,
        "pairs_compared": _blocked(con),
        "precision": right / max(1, joined),
        "recall": right / max(1, true),
        "f1": 2 * right / max(1, joined + true),
    }


def _settings() -> dict[str, Any]:
    return {
        "link_type": "link_only",
        "unique_id_column_name": "rec",
        "comparisons": [
            cl.NameComparison("forename").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            *(cl.ExactMatch(name) for name in ("sex", "postcode", "address", "nhs")),
        ],
        "blocking_rules_to_generate_predictions": [block_on(*each) for each in BLOCKS],
        "retain_matching_columns": False,
    }


def _blocked(con: duckdb.DuckDBPyConnection) -> int:
    """How many pairs the blocks hold, each counted once."""
    pairs = " UNION ".join(
        "SELECT l.rec AS a, r.rec AS b FROM left_people l JOIN right_people r ON "
        + " AND ".join(f"{_of('l', part)} = {_of('r', part)}" for part in block)
        for block in BLOCKS
    )
    return int(con.execute(f"SELECT count(*) FROM ({pairs})").fetchall()[0][0])


def _of(side: str, part: str) -> str:
    return part.replace("surname", f"{side}.surname") if "(" in part else f"{side}.{part}"


if __name__ == "__main__":
    print(json.dumps(link_clear_text(Path(sys.argv[1]))))
