"""Harm trace: the children whom one version of a rule touched, and what followed for each, or did not.

Children come from the runs that were kept, by pseudonym; what followed comes from the records as they are
now. Nothing here says that the rule was the cause of what followed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from evi.casefinding.kept import KeptRun, runs_of
from evi.casefinding.known import Known
from evi.casefinding.worklist import BOTH, RULE
from evi.workspace import District, EviError, replace_file

FILE = Path(__file__).parent / "followed.yaml"
KINDS = ("referred", "assessed", "diagnosed", "not_found", "supported")
TOUCHED = {"listed": "on a list because of the rule", "passed_over": "asked, and not on the list"}


@dataclass(frozen=True)
class Trace:
    """What a version of a rule touched.

    Attributes:
        table: subject_id; touched (listed or passed over); first_on, last_on: days of the runs; runs: how
            many; went_out: whether one of those lists was released; reasons: of the first listing; then, for
            each of `KINDS`, the first day after `first_on` on which the records say so, or null; before: the
            kinds that were on record already; nothing: none followed; still_known: the pseudonym still stands
            for somebody.
        runs: the runs that it was traced through.
    """

    rule: str
    version: int
    day: date
    table: pl.DataFrame
    runs: tuple[str, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """Children by how they were touched: all, those whose list went out, and what followed."""
        made = {}
        for touched in TOUCHED:
            mine = self.table.filter(pl.col("touched") == touched)
            made[touched] = {
                "children": mine.height,
                "went_out": int(mine["went_out"].sum()),
                **{kind: mine.height - mine[kind].null_count() for kind in KINDS},
                "nothing": int(mine["nothing"].sum()),
                "no_longer_known": mine.height - int(mine["still_known"].sum()),
            }
        return made


@cache
def codes_followed(condition: str) -> Mapping[str, tuple[str, ...]]:
    """The events that say what followed, by kind, for one condition."""
    table: dict[str, dict[str, list[str]]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    own, usual = table.get(condition, {}), table["any"]
    return {kind: tuple(dict.fromkeys([*own.get(kind, ()), *usual.get(kind, ())])) for kind in KINDS}


def trace(district: District, rule: str, version: int, day: date) -> Trace:
    """Trace one version of a rule through every run that was kept.

    Args:
        rule: its id, not that of a family. day: what is known on this day counts as having followed.

    Raises:
        EviError: no run of this version was kept, or a run or the ledger was changed.
    """
    runs = list(runs_of(district, rule, version))
    if not runs:
        raise EviError(
            f"no run of {rule} v{version} was kept.",
            where="evi casefind trace",
            do="See `evi casefind runs`. A trace needs the rule's id, not that of its family.",
            exit_code=2,
        )
    condition = next(each.condition for each in runs[0].rules if each.id == rule)
    touched = pl.concat([_touched(run, rule) for run in runs])
    children = touched.sort("day", "run").group_by("subject_id", maintain_order=True).agg(
        touched=pl.when((pl.col("touched") == "listed").any()).then(pl.lit("listed"))
        .otherwise(pl.lit("passed_over")),
        first_on=pl.col("day").filter(pl.col("touched") == pl.col("touched").min()).min(),
        last_on=pl.col("day").filter(pl.col("touched") == pl.col("touched").min()).max(),
        runs=pl.col("run").filter(pl.col("touched") == pl.col("touched").min()).n_unique(),
        went_out=pl.col("released").filter(pl.col("touched") == "listed").any(),
        reasons=pl.col("reasons").drop_nulls().first(),
    )  # fmt: skip
    after = _after(district, children, codes_followed(condition), day)
    table = children.join(after, on="subject_id", how="left").with_columns(
        nothing=pl.all_horizontal(pl.col(kind).is_null() for kind in KINDS),
        still_known=pl.col("still_known").fill_null(False),
    )
    ordered = table.sort("touched", "first_on", "subject_id")
    return Trace(rule, version, day, ordered, tuple(run.run for run in runs))


def write_trace(found: Trace, path: Path, *, everyone: bool = False) -> int:
    """Write the children as CSV, those on a list first.

    Args:
        everyone: also those who were asked and not listed.

    Returns:
        How many children are in it.
    """
    table = found.table if everyone else found.table.filter(pl.col("touched") == "listed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, table.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.iter_rows(named=True))
    return table.height


def _touched(run: KeptRun, rule: str) -> pl.DataFrame:
    """One row for each child that the rule listed in a run, or asked and did not list."""
    by_rule = pl.col("route").is_in([RULE, BOTH]) & (pl.col("rule") == rule)
    listed = run.table.filter(by_rule).select(
        "subject_id", touched=pl.lit("listed"), reasons=pl.col("reasons").list.join("; ")
    )
    asked = run.findings.filter((pl.col("rule") == rule) & (pl.col("answer") == "negative"))
    over = asked.join(listed, on="subject_id", how="anti").select(
        "subject_id", touched=pl.lit("passed_over"), reasons=pl.lit(None, pl.String)
    )
    return pl.concat([listed, over]).with_columns(
        day=pl.lit(run.day), run=pl.lit(run.run), released=pl.lit(run.released)
    )


def _after(
    district: District, children: pl.DataFrame, codes: Mapping[str, tuple[str, ...]], day: date
) -> pl.DataFrame:
    """subject_id, the first day after the first run on which each kind followed, and still_known."""
    with Known(district, day, sorted({code for each in codes.values() for code in each})) as known:
        known.con.register("touched", children.select("subject_id", "first_on").to_arrow())
        parts = []
        for kind, asked in codes.items():
            parts.append(
                f"""LEFT JOIN (SELECT t.subject_id, min(e.on_day) FILTER (e.on_day > t.first_on) AS {kind},
                    bool_or(e.on_day <= t.first_on) AS {kind}_before
                FROM touched t JOIN {known.events(asked)} e USING (subject_id)
                GROUP BY t.subject_id) AS {kind}_on USING (subject_id)"""
            )
        before = ", ".join(f"CASE WHEN {kind}_before THEN '{kind}' END" for kind in codes)
        return known.frame(
            f"""SELECT t.subject_id, {", ".join(codes)}, concat_ws(' ', {before}) AS before,
                b.subject_id IS NOT NULL AS still_known
            FROM touched t LEFT JOIN born b USING (subject_id) {" ".join(parts)}"""
        )


def said_of(found: Trace) -> dict[str, Any]:
    """The trace in figures, without a child in it."""
    return {
        "rule": found.rule,
        "version": found.version,
        "day": str(found.day),
        "runs": list(found.runs),
        "children": found.counts(),
    }
