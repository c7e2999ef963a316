"""Outcomes from a table (CSV): one row a child, period and outcome.

Columns: `cluster, period, child, outcome, value`. Where they are given, `date` (of what made the child
count) and `arm` (change or usual; in a stepped wedge that of the period) are checked. Every other column
may serve as a group. An empty value is missing, and is counted as that. `child` is a pseudonym: nothing in
the table should name anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from evi.casefinding.trials.designs import ever_starts, switched_on
from evi.casefinding.trials.protocol import Outcome, Protocol
from evi.casefinding.trials.rows import Rows
from evi.workspace import EviError

NEEDED = ("cluster", "period", "child", "outcome", "value")
CHECKED = ("date", "arm")
NOT_KNOWN = "not known"
MOST = 1e6
"""No child waits so many days, or has so many appointments."""


def read_table(path: Path, protocol: Protocol, starts: Mapping[str, str | None]) -> dict[str, Rows]:
    """The rows of every outcome of the protocol, by its id.

    Args:
        starts: when each school starts.

    Raises:
        EviError: it can't be read, lacks a column or has one twice, or no row of the primary outcome is left.
    """
    table = _read(path)
    given = set(table.columns)
    table = _numbered(table, protocol)
    table = table.with_columns(fault=_faults(protocol, given, starts))
    unknown = table.filter(pl.col("fault") == "unknown_outcome").height
    found = {}
    for outcome in protocol.outcomes:
        here = table.filter(pl.col("outcome") == outcome.id)
        kept = _of_outcome(here, outcome)
        found[outcome.id] = kept
        if unknown and outcome.primary:
            found[outcome.id] = Rows(
                kept.outcome, kept.table, {"unknown_outcome": unknown, **kept.rejects}, kept.notes
            )
    primary = found[protocol.primary.id]
    if primary.known.is_empty():
        lines = "; ".join(primary.reject_lines()) or "there was none"
        raise EviError(
            f"no row of {protocol.primary.id} can be used: {lines}.",
            where=str(path),
            do="Compare the file with the protocol's clusters, periods and outcomes.",
            exit_code=2,
        )
    return found


def _read(path: Path) -> pl.DataFrame:
    try:
        header = path.read_text(encoding="utf-8-sig").split("\n", 1)[0].strip().split(",")
        table = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise EviError(
            "it can't be read as a table.", where=str(path), do="Save it as CSV, UTF-8.", exit_code=2
        ) from error
    table = table.rename({name: name.strip().lstrip("\ufeff") for name in table.columns})
    missing = [name for name in NEEDED if name not in table.columns]
    if missing or len(set(header)) < len(header):
        raise EviError(
            f"it has no column {missing[0]}." if missing else "it has a column twice.",
            where=str(path),
            do=f"It needs {', '.join(NEEDED)}.",
            exit_code=2,
        )
    return table.with_columns(pl.all().str.strip_chars()).with_columns(
        pl.when(pl.col(name) == "").then(None).otherwise(pl.col(name)).alias(name) for name in table.columns
    )


def _numbered(table: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    places = {each.id: number for number, each in enumerate(protocol.clusters)}
    periods = {each.id: number for number, each in enumerate(protocol.periods)}
    groups = [name for name in table.columns if name not in {*NEEDED, *CHECKED}]
    return table.with_columns(
        pl.col("cluster").replace_strict(places, default=None, return_dtype=pl.Int64),
        pl.col("period").replace_strict(periods, default=None, return_dtype=pl.Int64),
        pl.col("value").cast(pl.Float64, strict=False).alias("number"),
        *(pl.col(name).fill_null(NOT_KNOWN) for name in groups),
    )


def _faults(protocol: Protocol, given: set[str], starts: Mapping[str, str | None]) -> pl.Expr:
    """What is wrong with a row, the first that holds; null: nothing."""
    kinds = {each.id: each.kind for each in protocol.outcomes}
    kind = pl.col("outcome").replace_strict(kinds, default=None, return_dtype=pl.String)
    number = pl.col("number")
    finite = number.is_finite().fill_null(value=False)
    fault = (
        pl.when(kind.is_null()).then(pl.lit("unknown_outcome"))
        .when(pl.col("cluster").is_null()).then(pl.lit("unknown_cluster"))
        .when(pl.col("period").is_null()).then(pl.lit("unknown_period"))
        .when(pl.col("child").is_null()).then(pl.lit("no_child"))
        .when(pl.col("value").is_not_null() & ~finite).then(pl.lit("not_a_number"))
        .when(number > MOST).then(pl.lit("too_large"))
        .when(number < 0).then(pl.lit("negative"))
        .when((kind == "share") & ~number.is_in([0.0, 1.0])).then(pl.lit("not_a_share"))
        .when((kind == "count") & (number != number.floor())).then(pl.lit("not_whole"))
    )  # fmt: skip
    if "date" in given:
        day = pl.col("date").str.to_date(strict=False)
        first, last = (
            pl.col("period").replace_strict(dict(enumerate(days)), default=None, return_dtype=pl.Date)
            for days in ([each.since for each in protocol.periods], [each.until for each in protocol.periods])
        )
        fault = fault.when(pl.col("date").is_not_null() & day.is_null()).then(pl.lit("no_date"))
        fault = fault.when((day < first) | (day >= last)).then(pl.lit("outside_period"))
    if "arm" in given:
        fault = fault.when(_other_arm(protocol, starts)).then(pl.lit("two_arms"))
    return fault.otherwise(None)


def _other_arm(protocol: Protocol, starts: Mapping[str, str | None]) -> pl.Expr:
    """Whether a row says another arm than its school's, of the trial or (stepped wedge) of the period."""
    on = switched_on(protocol, starts)
    ever = ever_starts(on)
    if protocol.design == "parallel":
        own = pl.col("cluster").replace_strict(
            {number: "change" if each else "usual" for number, each in enumerate(ever.tolist())},
            default=None, return_dtype=pl.String,
        )  # fmt: skip
    else:
        width = on.shape[1]
        own = (pl.col("cluster") * width + pl.col("period")).replace_strict(
            {number: "change" if each else "usual" for number, each in enumerate(on.ravel().tolist())},
            default=None, return_dtype=pl.String,
        )  # fmt: skip
    return pl.col("arm").is_not_null() & (pl.col("arm") != own)


def _of_outcome(table: pl.DataFrame, outcome: Outcome) -> Rows:
    rejects = dict(table["fault"].drop_nulls().value_counts().sort("fault").iter_rows())
    kept = table.filter(pl.col("fault").is_null()).drop("fault", "value").rename({"number": "value"})
    one_child = ["child", "period"]
    moved = pl.col("cluster").n_unique().over(one_child) > 1
    rejects["two_clusters"] = kept.filter(moved).height
    kept = kept.filter(~moved)
    differ = pl.col("value").n_unique().over(one_child) > 1
    rejects["disagree"] = kept.filter(differ).height
    kept = kept.filter(~differ)
    once = kept.unique(one_child, keep="first", maintain_order=True)
    rejects["written_twice"] = kept.height - once.height
    notes = {}
    if outcome.kind == "days":
        notes["capped"] = once.filter(pl.col("value") > outcome.within_days).height
        once = once.with_columns(pl.col("value").clip(upper_bound=outcome.within_days))
    plain = once.drop("outcome", *(name for name in CHECKED if name in once.columns))
    return Rows(outcome.id, plain, {key: n for key, n in rejects.items() if n}, notes)
