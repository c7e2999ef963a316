"""The peers that `benchmarks.spans` measures against: one query, or one group-by, for each indicator.

Both answer what `evaluate_at` answers of the same indicators, but leave out ages and coverage.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evi.indicators import Indicator, Registry, load_registry
from evi.indicators.expressions import (
    THOUSAND,
    AtLeastOf,
    Count,
    Expression,
    Facts,
    Last,
    Leaf,
    Ratio,
    Total,
    all_facts,
    matches,
    rests_on_silence,
    walk,
)
from evi.indicators.registry import make_registry
from evi.workspace import connect, quote

SIGNS = {"below": "<", "at_most": "<=", "at_least": ">=", "above": ">"}


def sixty() -> Registry:
    """Sixty indicators of the child's own events that a peer can answer: the first by id."""
    whole = load_registry()
    fit = [i for i in whole.stored if i.scope == "child" and _fits(i)]
    return make_registry(sorted(fit, key=lambda i: i.id)[:60])


def _fits(indicator: Indicator) -> bool:
    leaves = [node for node in walk(indicator.expression) if isinstance(node, Leaf)]
    return not rests_on_silence(indicator.expression) and len(leaves) <= 3


def with_duckdb(events: str, on: date, registry: Registry, codes: list[str]) -> dict[str, np.ndarray]:
    """One query for each indicator."""
    with connect() as con:
        found = {}
        for indicator in registry.stored:
            found[indicator.id] = _query(con, events, on, indicator, codes)
        return found


def _query(
    con: duckdb.DuckDBPyConnection, events: str, on: date, indicator: Indicator, codes: list[str]
) -> np.ndarray:
    read = sorted({c for facts in all_facts(indicator.expression) for c in codes if facts.reads(c)})
    listed = ", ".join(quote(code) for code in read) or "''"
    table = con.sql(
        f"""SELECT subject_id FROM read_parquet({quote(events)})
            WHERE code IN ({listed}) AND withdrawn IS NOT TRUE AND known_at <= DATE '{on}'
              AND (known_until IS NULL OR known_until > DATE '{on}') AND time::DATE <= DATE '{on}'
            GROUP BY subject_id HAVING {_having(indicator.expression, on)} ORDER BY subject_id"""
    ).to_arrow_table()
    return np.asarray(table["subject_id"].to_numpy())


def _having(node: Expression, on: date) -> str:
    match node:
        case AtLeastOf(n, parts):
            return "(" + " + ".join(f"coalesce({_having(p, on)}, false)::INT" for p in parts) + f") >= {n}"
        case Count(facts, n, of):
            what = {"events": "*", "days": "DISTINCT time::DATE", "places": "DISTINCT place_id"}[of]
            return f"(count({what}) FILTER ({_where(facts, on)}) >= {n})"
        case Last(facts, compare, figure):
            latest = f"arg_max(numeric_value, (time, known_at, record_id)) FILTER ({_where(facts, on)})"
            return f"(round({latest} * {THOUSAND}) {SIGNS[compare]} {figure})"
        case Total(facts, figure):
            return f"(sum(numeric_value) FILTER ({_where(facts, on)}) * {THOUSAND} >= {figure})"
        case Ratio(facts, to, share, least):
            part, whole = (f"sum(numeric_value) FILTER ({_where(f, on)})" for f in (facts, to))
            return f"({whole} * {THOUSAND} >= {least} AND {part} * {THOUSAND} >= {whole} * {share})"
    raise ValueError(f"no peer for {node}")


def _where(facts: Facts, on: date) -> str:
    codes = " OR ".join(
        f"starts_with(code, {quote(c[:-1])})" if c.endswith("*") else f"code = {quote(c)}"
        for c in facts.codes
    )
    parts = [f"({codes})", f"time::DATE <= DATE '{on - timedelta(days=facts.after_days)}'"]
    if facts.days is not None:
        parts.append(f"time::DATE > DATE '{on - timedelta(days=facts.days)}'")
    if facts.while_open:
        parts.append(f"(end_time IS NULL OR end_time::DATE > DATE '{on}')")
    if facts.texts:
        parts.append(f"text_value IN ({', '.join(quote(t) for t in facts.texts)})")
    return "WHERE " + " AND ".join(parts)


def with_pandas(events: Path, on: date, registry: Registry) -> dict[str, np.ndarray]:
    """One filter and one group-by for each indicator (each leaf of those with several), in memory."""
    frame = _frame(events)
    words = list(frame["code"].cat.categories)
    day = (on - date(1970, 1, 1)).days
    known = (frame["known_at"].to_numpy() <= day) & (frame["known_until"].to_numpy() > day)
    frame = frame[known & ~frame["withdrawn"].to_numpy()]
    code = frame["code"].cat.codes.to_numpy()
    return {i.id: np.asarray(_answer(i.expression, frame, code, words, day)) for i in registry.stored}


def _frame(events: Path) -> Any:
    columns = [
        "subject_id",
        "time",
        "code",
        "numeric_value",
        "known_at",
        "known_until",
        "end_time",
        "place_id",
        "text_value",
        "withdrawn",
    ]
    table = pq.read_table(events, columns=columns, read_dictionary=["code", "place_id", "text_value"])
    days = {}
    for name in ("time", "end_time"):
        days[name] = table[name].cast(pa.date32(), safe=False).cast(pa.int32()).fill_null(1 << 30)
    for name in ("known_at", "known_until"):
        days[name] = table[name].cast(pa.int32()).fill_null(1 << 30)
    for name, column in days.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table.to_pandas(self_destruct=True)


def _answer(node: Expression, frame: Any, code: np.ndarray, words: list[str], day: int) -> np.ndarray:
    match node:
        case AtLeastOf(n, parts):
            ids, times = np.unique(
                np.concatenate([_answer(p, frame, code, words, day) for p in parts]), return_counts=True
            )
            return ids[times >= n]
        case Count(facts, n, of):
            rows = _rows(facts, frame, code, words, day)
            columns = {
                "events": ["subject_id"],
                "days": ["subject_id", "time"],
                "places": ["subject_id", "place_id"],
            }[of]
            if of != "events":
                rows = rows.dropna(subset=columns).drop_duplicates(columns)
            sizes = rows.groupby("subject_id").size()
            return sizes.index[sizes >= n].to_numpy()
        case Last(facts, compare, figure):
            rows = _rows(facts, frame, code, words, day).sort_values(["subject_id", "time", "known_at"])
            latest = rows.groupby("subject_id")["numeric_value"].last() * THOUSAND
            answers = {
                "below": latest < figure,
                "at_most": latest <= figure,
                "at_least": latest >= figure,
                "above": latest > figure,
            }
            return latest.index[answers[compare]].to_numpy()
        case Total(facts, figure):
            sums = (
                _rows(facts, frame, code, words, day).groupby("subject_id")["numeric_value"].sum() * THOUSAND
            )
            return sums.index[sums >= figure].to_numpy()
        case Ratio(facts, to, share, least):
            part, whole = (
                _rows(f, frame, code, words, day).groupby("subject_id")["numeric_value"].sum()
                for f in (facts, to)
            )
            whole = whole[whole * THOUSAND >= least]
            part = part.reindex(whole.index, fill_value=0)
            return whole.index[part * THOUSAND >= whole * share].to_numpy()
    raise ValueError(f"no peer for {node}")


def _rows(facts: Facts, frame: Any, code: np.ndarray, words: list[str], day: int) -> Any:
    wanted = np.array([any(matches(p, word) for p in facts.codes) for word in words], np.bool_)
    rows = frame[wanted[code]]
    keep = [rows["time"] <= day - facts.after_days]
    if facts.days is not None:
        keep.append(rows["time"] > day - facts.days)
    if facts.while_open:
        keep.append(rows["end_time"] > day)
    if facts.texts:
        keep.append(rows["text_value"].isin(facts.texts))
    return rows[reduce(lambda a, b: a & b, keep)]
