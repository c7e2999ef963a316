"""`evi link`: who is who across feeds, who shares a home, and who is whose mother."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding import part_path, read_deliveries, retired
from evi.linkage.doubts import find_doubts
from evi.linkage.fairness import fairness_report
from evi.linkage.gate import FINDINGS, findings, limits_of, written
from evi.linkage.households import build_households
from evi.linkage.identity import IdChanges, assign_ids
from evi.linkage.increments import MOST_TOUCHED, Outcome, base_of, resolve_from
from evi.linkage.learned import copy_learned, read_learned, write_learned
from evi.linkage.people import CODES, add_forms
from evi.linkage.quality import quality_report
from evi.linkage.queries import table_of
from evi.linkage.relations import build_relations
from evi.linkage.resolve import Options, Resolution
from evi.linkage.review import decided, honour, pairs_in_doubt, read_decisions
from evi.workspace import SILENT, District, EviError, Progress, StageResult, connect, quote, replace_dir

THRESHOLD = 0.8  # a false link puts one child's facts on another's page; a missed one leaves two thin pages


@dataclass
class _Spine:
    """The tables of a spine, before they are written."""

    people: pa.Table
    subjects: pa.Table
    households: pa.Table
    relations: pa.Table
    ledger: pa.Table
    model: Mapping[str, Any]
    quality: Mapping[str, Any]
    fairness: Mapping[str, Any]
    gate: Mapping[str, Any]
    pieces: pa.Table
    doubts: pa.Table
    review: pa.Table


def link(district: District, progress: Progress = SILENT, *, threshold: float = THRESHOLD) -> StageResult:
    """Build `spine/` from `encoded/linkage` and `encoded/relations`.

    Where a spine stands and little is new, pairs of old records keep the scores that they have; a note says
    so. `forget_learned` has everything done in full.

    Args:
        threshold: links at or above this probability put two records together.

    Returns:
        Rows: records, subjects, linked records, links, stays and relations; notes: what a person should read.

    Raises:
        EviError: nothing is encoded yet, or the codes were deleted after the linkage before.
    """
    deliveries = read_deliveries(district)
    if not deliveries:
        raise EviError(
            "nothing is encoded yet.", where=str(district.encoded), do="Run `evi encode` first.", exit_code=2
        )
    if retired(district):
        raise EviError(
            "the codes were deleted after linkage.",
            where=str(district.encoded),
            do="Run `evi encode --force` to have them made again.",
            exit_code=2,
        )
    with connect(scratch=district.scratch) as con:
        feeds = load_observations(con, district, deliveries)
        known = decided(read_decisions(district))
        options = Options(threshold=threshold, decided=lambda *session: honour(session[0], known, session[1]))
        previous = _previous(district)
        base, why = read_learned(con, previous, feeds)
        outcome = resolve_from(con, base, options, progress)
        learned = base_of(con, outcome.resolution) if outcome.why else None
        changes = assign_ids(con, previous)
        with progress.task("Households and families", 3) as advance:
            spine = _tables(con, district, deliveries, feeds, outcome, changes, threshold, advance)
        with replace_dir(district.spine) as folder:
            _write(folder, spine)
            if learned is not None:
                write_learned(con, folder, learned, feeds)
            elif previous is not None:
                copy_learned(previous, folder)
    return _result(spine, outcome, changes, why if base is None else outcome.why)


def _previous(district: District) -> Path | None:
    """The spine that stands; one that a killed swap left beside its place is put back first."""
    beside = district.spine.with_name(district.spine.name + ".old")
    if beside.is_dir() and not district.spine.exists():
        beside.replace(district.spine)
    return district.spine if (district.spine / "people.parquet").is_file() else None


def _files(district: District, deliveries: list[dict[str, Any]], part: str) -> list[tuple[str, Path]]:
    named = [(d["feed"], part_path(district.encoded, part, d["layout"], d["delivery"])) for d in deliveries]
    return [(feed, path) for feed, path in named if path.is_file()]


def load_observations(
    con: duckdb.DuckDBPyConnection, district: District, deliveries: list[dict[str, Any]]
) -> list[str]:
    """Tables `records` (rec, feed, person) and `observations`; returns the names of the feeds."""
    paths = ", ".join(quote(str(path)) for _, path in _files(district, deliveries, "linkage"))
    con.execute(f"CREATE VIEW encoded_linkage AS FROM read_parquet([{paths}])")
    paths = ", ".join(quote(str(path)) for _, path in _files(district, deliveries, "about"))
    con.execute(f"CREATE VIEW encoded_about AS FROM read_parquet([{paths}])")
    con.execute(
        """CREATE TABLE records AS
        SELECT (row_number() OVER (ORDER BY feed, person) - 1)::INTEGER AS rec, feed, person,
               (dense_rank() OVER (ORDER BY feed) - 1)::TINYINT AS feed_no
        FROM (SELECT DISTINCT feed, person FROM encoded_linkage WHERE person IS NOT NULL)"""
    )
    codes = ", ".join(CODES)
    con.execute(
        f"""CREATE TABLE observations AS
        SELECT r.rec, r.feed_no AS feed, max(e.observed) AS seen, sum(e.times)::BIGINT AS times, {codes}
        FROM encoded_linkage e JOIN records r USING (feed, person) GROUP BY r.rec, r.feed_no, {codes}"""
    )
    add_forms(con, "encoded_linkage")
    return [str(row[0]) for row in con.execute("SELECT DISTINCT feed FROM records ORDER BY feed").fetchall()]


def _tables(
    con: duckdb.DuckDBPyConnection,
    district: District,
    deliveries: list[dict[str, Any]],
    feeds: list[str],
    outcome: Outcome,
    changes: IdChanges,
    threshold: float,
    advance: Any,
) -> _Spine:
    resolution = outcome.resolution
    con.execute(
        """CREATE TABLE spine_people AS
        SELECT r.feed, r.person, s.subject_id, round(s.probability, 6) AS probability
        FROM records r JOIN subjects_of s USING (rec) ORDER BY r.feed, r.person"""
    )
    people = table_of(con, "FROM spine_people ORDER BY feed, person")
    con.register("subjects_now", subjects := _subjects(con))
    con.execute("CREATE TABLE births AS SELECT subject_id, birth_month FROM subjects_now")
    con.unregister("subjects_now")
    advance(1)
    relations = build_relations(con, _files(district, deliveries, "relations"))
    advance(1)
    con.execute(
        """CREATE TABLE addresses AS
        WITH areas AS (
            SELECT household, mode(lsoa ORDER BY lsoa) AS lsoa FROM encoded_about
            WHERE household IS NOT NULL AND lsoa IS NOT NULL GROUP BY household)
        SELECT s.subject_id, e.feed, e.household AS home, least(e.address_from, e.observed) AS start,
               e.observed AS seen, a.lsoa, e.sn
        FROM encoded_linkage e JOIN spine_people s USING (feed, person) LEFT JOIN areas a USING (household)
        WHERE e.observed IS NOT NULL"""
    )
    households = build_households(con)
    quality = quality_report(con, feeds, resolution, threshold) | _built_on(outcome)
    fairness = _fairness(con, district, subjects, households, resolution, threshold)
    limits = limits_of(district)
    pieces, doubts = find_doubts(con, resolution.model)
    review = pairs_in_doubt(con, resolution.model.comparisons)
    advance(1)
    return _Spine(
        people=people,
        subjects=subjects,
        households=households,
        relations=relations,
        ledger=changes.ledger,
        model=resolution.model.as_dict(),
        quality=quality,
        fairness=fairness,
        gate=written(findings(fairness, quality["audit"], limits), limits),
        pieces=pieces,
        doubts=doubts,
        review=review,
    )


def _built_on(outcome: Outcome) -> dict[str, Any]:
    """For `quality.json`: how much was new to a run that built on another; nothing for a run in full."""
    if outcome.why:
        return {}
    return {"built_on_a_full_run": {"records": outcome.records, "new_or_changed": outcome.touched}}


def _fairness(
    con: duckdb.DuckDBPyConnection,
    district: District,
    subjects: pa.Table,
    households: pa.Table,
    resolution: Resolution,
    threshold: float,
) -> dict[str, Any]:
    con.register("subjects_now", subjects)
    con.register("households_now", households)
    made = fairness_report(con, resolution.model, threshold, district.geography / "areas.csv")
    con.unregister("subjects_now")
    con.unregister("households_now")
    return made


def _subjects(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """What is told of each subject in clear: the value that most feeds give, then rows, then the latest."""
    con.execute(
        """CREATE TABLE told AS
        SELECT s.subject_id, e.feed, e.birth_month, e.sex, e.ethnicity, e.language,
               max(e.observed) AS seen, sum(e.times) AS times
        FROM encoded_about e JOIN spine_people s USING (feed, person) GROUP BY ALL"""
    )
    names = ("birth_month", "sex", "ethnicity", "language")
    for name in names:
        con.execute(
            f"""CREATE TABLE told_{name} AS
            WITH counted AS (
                SELECT subject_id, {name}, count(DISTINCT feed) AS feeds, sum(times) AS times,
                       max(seen) AS seen
                FROM told WHERE {name} IS NOT NULL GROUP BY subject_id, {name})
            SELECT subject_id, max_by({name}, (feeds, times, seen, {name})) AS {name}
            FROM counted GROUP BY subject_id"""
        )
    joins = " ".join(f"LEFT JOIN told_{name} USING (subject_id)" for name in names)
    return table_of(
        con,
        f"""SELECT subject_id, {", ".join(names)}, n_feeds
        FROM (SELECT subject_id, count(DISTINCT feed)::INTEGER AS n_feeds
              FROM spine_people GROUP BY subject_id)
        {joins} ORDER BY subject_id""",
    )


def _write(folder: Path, spine: _Spine) -> None:
    tables = {
        "people": spine.people,
        "subjects": spine.subjects,
        "households": spine.households,
        "relations": spine.relations,
        "ledger": spine.ledger,
        "pieces": spine.pieces,
        "doubts": spine.doubts,
        "review": spine.review,
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", row_group_size=122_880)
    for name, content in (
        ("model.json", spine.model),
        ("quality.json", spine.quality),
        ("fairness.json", spine.fairness),
        (FINDINGS, spine.gate),
    ):
        text = json.dumps(content, indent=1, sort_keys=True, default=str)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def _result(spine: _Spine, outcome: Outcome, changes: IdChanges, why: str) -> StageResult:
    resolution = outcome.resolution
    result = StageResult("link")
    result.rows = {
        "records": spine.people.num_rows,
        "subjects": spine.subjects.num_rows,
        "stays": spine.households.num_rows,
        "relations": spine.relations.num_rows,
        "pairs_compared": resolution.pairs_compared,
        "new_subjects": changes.new,
        "merged": changes.merged,
        "split": changes.split,
    }
    found = (finding["says"] for finding in spine.gate["findings"])
    result.notes = [*_how(outcome, why), *resolution.plan.brief, *spine.quality["warnings"], *found]
    result.figures = {
        "expected_matches": resolution.model.expected_matches,
        "records_a_subject": round(spine.people.num_rows / max(1, spine.subjects.num_rows), 3),
    }
    return result


def _how(outcome: Outcome, why: str) -> list[str]:
    """Whether the run built on another or was made in full, and why; nothing of a first run."""
    if outcome.why:
        return [f"Linked in full. {why}"] if why else []
    share = outcome.touched / max(1, outcome.records)
    return [
        f"Built on the last full run: {outcome.touched:,} of {outcome.records:,} records are new or changed "
        f"since ({share:.2%}). Beyond {MOST_TOUCHED:.0%} all is linked anew; `evi link --force` does so now."
    ]
