"""What a full run of linkage learned and scored, kept in the spine for the deliveries that follow.

Three files: `learned.json` (model, plan and the code that made them), `learned_records.parquet` (feed, person
and a hash of all that was known of them) and `learned_pairs.parquet` (rows of the former, and the weight of
each pair). They hold no code of anyone, belong to the linkage alone, and nothing downstream reads them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from evi.linkage.blocking import Rule
from evi.linkage.comparisons import Comparison, Level
from evi.linkage.increments import Base
from evi.linkage.planner import Column, Plan
from evi.linkage.queries import one_number, table_of
from evi.linkage.training import Model
from evi.workspace import District, code_hash, quote

LEARNED, RECORDS, PAIRS = FILES = ("learned.json", "learned_records.parquet", "learned_pairs.parquet")


def write_learned(con: duckdb.DuckDBPyConnection, folder: Path, base: Base, feeds: list[str]) -> None:
    """Write what a full run left; `records` (rec, feed, person) in the session names its records.

    Args:
        folder: of the spine that is being written.
        feeds: names of the feeds, in order of their numbers.
    """
    con.register("said_now", base.said)
    records = table_of(con, "SELECT feed, person, said FROM said_now JOIN records USING (rec) ORDER BY rec")
    con.unregister("said_now")
    pq.write_table(records, folder / RECORDS, compression="zstd")
    pq.write_table(base.scored, folder / PAIRS, compression="zstd")
    content = {
        "code": code_hash(),
        "feeds": feeds,
        "columns": sorted(base.columns),
        "model": asdict(base.model),
        "plan": {name: value for name, value in asdict(base.plan).items() if name != "comparisons"},
    }
    (folder / LEARNED).write_text(json.dumps(content, sort_keys=True) + "\n", encoding="utf-8")


def copy_learned(previous: Path, folder: Path) -> None:
    """Keep what the last full run left, for a spine that was built on it."""
    for name in FILES:
        shutil.copyfile(previous / name, folder / name)


def forget_learned(district: District) -> None:
    """Have the next run learn anew: the files go, the first of them being what the others are read by."""
    for name in FILES:
        (district.spine / name).unlink(missing_ok=True)


def read_learned(
    con: duckdb.DuckDBPyConnection, previous: Path | None, feeds: list[str]
) -> tuple[Base | None, str]:
    """What the last full run left, with its records numbered as `records` numbers them now; or why not.

    The reason is empty if there never was a run.
    """
    if previous is None:
        return None, ""
    if not all((previous / name).is_file() for name in FILES):
        return None, "Nothing that was learned before is kept to build on."
    kept = json.loads((previous / LEARNED).read_text(encoding="utf-8"))
    if kept["code"] != code_hash():
        return None, "The program has changed since the model was learned."
    if kept["feeds"] != feeds:
        return None, "The feeds are not those that the model was learned from."
    con.execute(
        f"""CREATE OR REPLACE TABLE learned_records AS
        SELECT k.file_row_number AS old, r.rec, k.said
        FROM read_parquet({quote(str(previous / RECORDS))}, file_row_number = true) k
        LEFT JOIN records r USING (feed, person)"""
    )
    gone = one_number(con, "SELECT count(*) FROM learned_records WHERE rec IS NULL")
    if gone:
        return None, f"{gone:,} records that the model was learned from are no longer there."
    numbers = "SELECT rec FROM learned_records ORDER BY old"
    same = one_number(con, "SELECT count(*) FROM learned_records WHERE old <> rec") == 0
    base = Base(
        _model(kept["model"]),
        _plan(kept),
        frozenset(kept["columns"]),
        frozenset(range(len(feeds))),
        table_of(con, "SELECT rec, said FROM learned_records ORDER BY rec"),
        pq.read_table(previous / PAIRS),
    )
    if not same:
        base = replace(base, scored=_renumbered(base, table_of(con, numbers)))
    con.execute("DROP TABLE learned_records")
    return base, ""


def _renumbered(base: Base, numbers: Any) -> Any:
    """The pairs under the numbers that records have now. Their order, by feed and person, is the same."""
    scored = base.scored
    for position, name in enumerate(("rec_l", "rec_r")):
        scored = scored.set_column(position, name, numbers["rec"].combine_chunks().take(scored[name]))
    return scored


def _model(kept: dict[str, Any]) -> Model:
    numbers = {name: {key: tuple(values) for key, values in kept[name].items()} for name in ("m", "u")}
    given = {"comparisons": _comparisons(kept["comparisons"]), "plan": tuple(kept["plan"])}
    return Model(**(kept | numbers | given))


def _plan(kept: dict[str, Any]) -> Plan:
    plan = kept["plan"]
    lists = {name: tuple(plan[name]) for name in ("rare_values", "reasons", "brief")}
    rules = tuple(Rule(rule["name"], tuple(tuple(key) for key in rule["keys"])) for rule in plan["rules"])
    columns = {name: Column(**column) for name, column in plan["columns"].items()}
    comparisons = _comparisons(kept["model"]["comparisons"])
    return Plan(**(plan | lists | {"rules": rules, "columns": columns, "comparisons": comparisons}))


def _comparisons(kept: list[dict[str, Any]]) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(each["name"], each["null"], tuple(Level(**level) for level in each["levels"]))
        for each in kept
    )
