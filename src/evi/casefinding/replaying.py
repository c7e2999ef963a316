"""Replay a past run with the rule that made it, child by child: the same, or what differs and why.

Records keep when each thing became known, so a later store still knows what was known on the day of the run.
What may differ is the code, who is who (linkage), or a record that was rewritten; each child's fingerprints
say which of these changed for that child.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from evi.casefinding.concerns import Concerns
from evi.casefinding.finding import find
from evi.casefinding.fingerprints import fingerprints
from evi.casefinding.kept import KEPT_COLUMNS, LIST, KeptRun, read_run
from evi.casefinding.rules import load_rules
from evi.casefinding.worklist import make_worklist
from evi.workspace import District, EviError, RunLedger, code_hash, file_hash

CAUSES: Mapping[str, str] = {
    "linkage": "other records are joined to this child now",
    "records": "what services said of this child by that day was rewritten",
    "code": "the code is another one",
    "around": "its coverage, school, home or needs of the index were rewritten",
    "others": "places were shared out anew, because other children's entries differ",
    "unknown": "nothing that was kept says why",
}
"""Why a child's entry differs, the first that holds."""


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Attributes:
        bits: the list is the same, bit for bit. same: it says the same.
        code, inputs, rules: what is not as it was: whether the code is, the files that aren't, and the rules
            whose text has changed since (the replay used the old text).
        listed: children on the list then. differing: subject_id, what, then, now, cause: one row for each
            difference of a child's entry. answers: subject_id, then, now, cause: children on the list or not
            whose answer differs.
    """

    run: KeptRun
    bits: bool
    same: bool
    code: bool
    inputs: tuple[str, ...]
    rules: tuple[str, ...]
    listed: int
    differing: pl.DataFrame
    answers: pl.DataFrame

    @property
    def causes(self) -> dict[str, int]:
        """Children whose entry or answer differs, by cause."""
        both = pl.concat(
            [self.differing.select("subject_id", "cause"), self.answers.select("subject_id", "cause")]
        )
        return dict(Counter(both.unique("subject_id")["cause"].to_list()).most_common())


def replay(district: District, run: str) -> Replay:
    """Replay one kept run.

    Raises:
        EviError: no such run, its files or the ledger were changed, or the rule can't run any more.
    """
    kept = read_run(district, run)
    try:
        found = replace(find(district, kept.rules, kept.day), name=kept.name)
    except EviError as error:
        if error.exit_code != 3:
            raise
        raise EviError(
            f"it can't be replayed: {error.what}", where=run, do="Put back the records that it read."
        ) from error
    concerns = Concerns(kept.concerns.concerns, kept.concerns.rejects)
    made = make_worklist(district, found, concerns, kept.offered)
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / LIST
        made.table.write_parquet(again, compression="zstd")
        bits = file_hash(again) == file_hash(kept.folder / LIST)
    prints = fingerprints(district, kept.rules, kept.day)
    now = found.table.select(KEPT_COLUMNS).join(prints, on="subject_id", how="left")
    code, inputs = kept.code != code_hash(), _changed_inputs(district, kept.inputs)
    by_index = any(rule.kind == "indicators" for rule in kept.rules)
    causes = _causes(kept.findings, prints, code=code, inputs=inputs, by_index=by_index)
    answers = _answers(kept.findings, now, causes)
    differing = _differing(kept.table, made.table, causes)
    current = {rule.label: rule.digest for rule in load_rules(district).values()}
    return Replay(
        kept,
        bits,
        differing.is_empty() and answers.is_empty(),
        code,
        inputs,
        tuple(rule.label for rule in kept.rules if current.get(rule.label) != rule.digest),
        kept.table.height,
        differing,
        answers,
    )


def _changed_inputs(district: District, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Files that are gone or not what they were. Concerns and places were kept with the run."""
    paths = {name: district.root / name for name in inputs}
    there = {name: path for name, path in paths.items() if path.is_file()}
    now = RunLedger(district.root, district.runs).hash_files(there.values())
    found = {name: now.get(name, now.get(str(path))) for name, path in there.items()}
    return tuple(sorted(name for name, digest in inputs.items() if found.get(name) != digest))


def _causes(
    then: pl.DataFrame, now: pl.DataFrame, *, code: bool, inputs: tuple[str, ...], by_index: bool
) -> pl.DataFrame:
    """subject_id, cause: the cause that would explain a difference in this child.

    Args:
        by_index: a rule reads needs of the index, which have no fingerprint.
    """
    rewritten = any("by_code" not in name for name in inputs) or (by_index and bool(inputs))
    rest = "code" if code else "around" if rewritten else "unknown"
    both = then.select("subject_id", "links", "facts").join(
        now.rename({"links": "links_now", "facts": "facts_now"}), on="subject_id", how="full", coalesce=True
    )
    return both.select(
        "subject_id",
        cause=pl.when(~pl.col("links").eq_missing(pl.col("links_now")))
        .then(pl.lit("linkage"))
        .when(~pl.col("facts").eq_missing(pl.col("facts_now")))
        .then(pl.lit("records"))
        .otherwise(pl.lit(rest)),
    )


def _answers(then: pl.DataFrame, now: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """Children whose answer, score, line or exclusion differs."""
    said = ["answer", "score", "line", "exclusion", "problem"]
    both = then.select("subject_id", *said).join(
        now.select("subject_id", *said), on="subject_id", how="full", coalesce=True, suffix="_now"
    )
    differs = pl.any_horizontal(~pl.col(name).eq_missing(pl.col(f"{name}_now")) for name in said)
    found = both.filter(differs).join(causes, on="subject_id", how="left")
    return found.select(
        "subject_id",
        then=pl.col("answer").fill_null("not asked"),
        now=pl.col("answer_now").fill_null("not asked"),
        score_then="score",
        score_now="score_now",
        cause=pl.col("cause").fill_null("unknown"),
    ).sort("subject_id")


def _differing(then: pl.DataFrame, now: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """Differences of the two lists, entry by entry; a place that moved because of others says so."""
    moved = {"place", "state"}
    cause = dict(causes.iter_rows())
    old = {row["subject_id"]: row for row in then.iter_rows(named=True)}
    new = {row["subject_id"]: row for row in now.iter_rows(named=True)}
    rows = []
    for child in sorted(old.keys() | new.keys()):
        a, b = old.get(child), new.get(child)
        if a is None or b is None:
            rows.append((child, "on the list", _yes(a), _yes(b), cause.get(child, "unknown")))
            continue
        for name in (name for name in a if a[name] != b[name]):
            only_moved = {each for each in a if a[each] != b[each]} <= moved
            why = cause.get(child, "unknown")
            if only_moved and why not in ("linkage", "records"):
                why = "others" if why != "code" else why
            rows.append((child, name, str(a[name]), str(b[name]), why))
    schema = {"subject_id": pl.Int64, "what": pl.String, "then": pl.String, "now": pl.String,
              "cause": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _yes(row: object) -> str:
    return "no" if row is None else "yes"
