"""Splink on clear text, twice: as in its demonstrations, and set well over the pairs that eVI compares."""

from __future__ import annotations

import logging
from typing import Any

import duckdb
import pyarrow as pa
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, block_on

from benchmarks.linkage_sets import People
from evi.encoding import Coder, Keys
from evi.linkage.blocking import Wanted, find_pairs
from evi.linkage.people import condense
from evi.linkage.planner import drop_what_says_nothing, plan
from evi.linkage.queries import columns_that_hold_something
from evi.linkage.tables import load_observations

Scored = dict[tuple[str, str], float]


def records(people: People) -> pa.Table:
    """The clear text of a set as one table: rec, id, feed and the columns that hold something."""
    names = [
        name for name in next(iter(people.clear.values())) if any(r[name] for r in people.clear.values())
    ]
    rows = [
        {"rec": rec, "id": key, "feed": 0 if rec < len(people.left) else 1}
        | {name: row[name] for name in names}
        for rec, (key, row) in enumerate(people.clear.items())
    ]
    return pa.Table.from_pylist(rows)


def blocked_pairs(people: People) -> tuple[pa.Table, list[str]]:
    """The pairs (l, r) that eVI's blocking finds, certain links included, and the names of its rules."""
    con = duckdb.connect()
    sides = [(people.left, people.roles[0])]
    sides += [(people.right, people.roles[1])] if people.right is not None else []
    load_observations(con, sides, Coder(Keys.throw_away()))
    seen = drop_what_says_nothing(con)
    columns = condense(con)
    filled = columns_that_hold_something(con, "variants")
    two = people.right is not None
    planned = plan(con, columns, filled, seen, one_per_feed=two, threshold=None)
    con.execute(
        "CREATE TABLE nodes AS SELECT rec, feed, rec AS comp, (1 << feed)::BIGINT AS mask FROM people"
    )
    find_pairs(con, planned.rules, [Wanted("found", "l.feed <> r.feed" if two else "true")], filled=filled)
    pairs: pa.Table = con.sql("SELECT l, r FROM found ORDER BY l, r").to_arrow_table()
    return pairs, [rule.name for rule in planned.rules]


def well_set(people: People, pairs: pa.Table) -> Scored:
    """Splink over given pairs: household jointly, rare values, training blocks of names and birth dates."""
    table = records(people)
    names = set(table.column_names)
    comparisons = [_name("forename", "surname"), _birth(), _household(names)]
    comparisons += [cl.ExactMatch("sex")] if "sex" in names else []
    comparisons += [
        cl.LevenshteinAtThresholds(name, [1, 2]).configure(term_frequency_adjustments=True)
        for name in ("town", "reference")
        if name in names
    ]
    comparisons += [cl.EmailComparison("email")] if "email" in names else []
    training = [block_on("dob", "forename"), block_on("forename", "surname")]
    facts = [("forename", "surname", "dob"), ("dob", "postcode"), ("email",), ("reference",)]
    facts += [("forename", "surname", "postcode")]
    sure = [block_on(*each) for each in facts if set(each) <= names]
    return _run(people, table, comparisons, [block_on("dob")], training, pairs, sure, 0.9)


def demo_style(people: People) -> Scored:
    """Splink as in its demonstrations: a comparison a column, blocks and training on single facts."""
    table = records(people)
    names = set(table.column_names)
    comparisons: list[Any] = [
        cl.NameComparison("forename").configure(term_frequency_adjustments=True),
        cl.NameComparison("surname").configure(term_frequency_adjustments=True),
        cl.DateOfBirthComparison("dob", input_is_string=True),
    ]
    for name in ("sex", "postcode", "town", "reference", "address"):
        comparisons += [cl.ExactMatch(name)] if name in names else []
    comparisons += [cl.EmailComparison("email")] if "email" in names else []
    blocks = [block_on("forename", "surname"), block_on("dob")]
    blocks += [block_on("postcode", "substr(surname, 1, 1)")] if "postcode" in names else []
    blocks += [block_on("email")] if "email" in names else []
    second = block_on("postcode", "sex") if {"postcode", "sex"} <= names else block_on("dob")
    training = [block_on("forename", "surname"), second]
    return _run(
        people, table, comparisons, blocks, training, None, [block_on("forename", "surname", "dob")], 0.6
    )


def _run(
    people: People,
    table: pa.Table,
    comparisons: list[Any],
    blocks: list[Any],
    training: list[Any],
    pairs: pa.Table | None,
    sure: list[Any],
    recall: float,
) -> Scored:
    logging.getLogger("splink").setLevel(logging.ERROR)
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    two = people.right is not None
    # Given pairs are named by one table's ids, so both tables go in as one.
    halves = ["records_0", "records_1"] if two and pairs is None else ["records_0"]
    con.register("everyone", table)
    for feed, name in enumerate(halves):
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM everyone WHERE {len(halves)} = 1 OR feed = {feed}")
    api = DuckDBAPI(connection=con)
    settings = {
        "link_type": "link_only" if len(halves) > 1 else "dedupe_only",
        "unique_id_column_name": "rec",
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": blocks,
        "retain_matching_columns": False,
    }
    linker = Linker([api.register(name) for name in halves], settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in training:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    if pairs is not None:
        con.register("given_pairs", pairs)
        con.execute(
            "CREATE TABLE blocked AS "
            "SELECT '0' AS match_key, l AS join_key_l, r AS join_key_r FROM given_pairs"
        )
        linker.table_management.register_blocked_pairs_for_predict(api.register("blocked"))
    found = linker.inference.predict(threshold_match_probability=0.01)
    rows = con.sql(
        f"SELECT rec_l, rec_r, round(match_probability, 6) AS p FROM {found.physical_name} ORDER BY ALL"
    ).fetchall()
    ids = table["id"].to_pylist()
    return {people.order(ids[min(a, b)], ids[max(a, b)]): p for a, b, p in rows}


def _level(sql: str, label: str, term: str = "") -> dict[str, Any]:
    level: dict[str, Any] = {"sql_condition": sql, "label_for_charts": label}
    if term:
        level |= {"tf_adjustment_column": term, "tf_minimum_u_value": 1e-5}
    return level


def _null(sql: str) -> dict[str, Any]:
    return {"sql_condition": sql, "label_for_charts": "nothing to compare", "is_null_level": True}


def _name(forename: str, surname: str) -> dict[str, Any]:
    return {
        "output_column_name": forename,
        "comparison_levels": [
            _null(f"{forename}_l IS NULL OR {forename}_r IS NULL"),
            _level(f"{forename}_l = {forename}_r", "same", forename),
            _level(f"{forename}_l = {surname}_r AND {forename}_r = {surname}_l", "changed over with surname"),
            _level(f"jaro_winkler_similarity({forename}_l, {forename}_r) >= 0.92", "very like"),
            _level(f"jaro_winkler_similarity({forename}_l, {forename}_r) >= 0.8", "like"),
            _level("ELSE", "different"),
        ],
    }


def _birth() -> dict[str, Any]:
    parts = ("1, 7", "6, 5", "1, 4", "9, 2")
    same = {part: f"substr(dob_l, {part}) = substr(dob_r, {part})" for part in parts}
    return {
        "output_column_name": "dob",
        "comparison_levels": [
            _null("dob_l IS NULL OR dob_r IS NULL"),
            _level("dob_l = dob_r", "same", "dob"),
            _level("damerau_levenshtein(dob_l, dob_r) <= 1", "one slip apart"),
            _level(
                f"{same['1, 7']} OR {same['6, 5']} OR ({same['1, 4']} AND {same['9, 2']})",
                "two parts of three",
            ),
            _level(same["1, 4"], "same year"),
            _level("ELSE", "different"),
        ],
    }


def _household(names: set[str]) -> dict[str, Any]:
    """Surname and place as one comparison, as eVI has it, with likeness for equality of codes."""
    family = "surname_l IS NOT NULL AND surname_r IS NOT NULL"
    exact, like = "surname_l = surname_r", "jaro_winkler_similarity(surname_l, surname_r) >= 0.85"
    where = {}
    if {"postcode", "address"} <= names:
        where["same home"] = "postcode_l = postcode_r AND address_l = address_r"
    if "address" in names:
        where["same address line"] = "address_l = address_r"
    if "postcode" in names:
        where["same postcode"] = "levenshtein(postcode_l, postcode_r) <= 1"
    levels = [_null("surname_l IS NULL AND surname_r IS NULL" if where else f"NOT ({family})")]
    for place, condition in where.items():
        levels.append(_level(f"({condition}) AND {exact}", f"{place}, same surname"))
        levels.append(_level(f"({condition}) AND {like}", f"{place}, surname like"))
        levels.append(_level(condition, f"{place}, other surname"))
    levels += [
        _level(exact, "same surname", "surname"),
        _level(like, "surname like"),
        _level("ELSE", "different"),
    ]
    return {"output_column_name": "household", "comparison_levels": levels}
