"""`diff`: what changed between two indexes, for each child and in all, and why.

Each changed answer gets the first of these causes that fits:

- `registry`: the indicator's definition is another, or it is new or gone;
- `linkage`: a record that was one person's is now another's, in a feed that the indicator reads;
- `age`: the child grew into or out of the ages to which it applies;
- `coverage`: a feed that it reads began or ceased to cover the child;
- `correction`: a record that it reads was corrected or withdrawn;
- `late record`: a record of something before the earlier index came after it;
- `new record`: something happened since;
- `time`: nothing came; a look-back ended, a state closed, or an age was reached without a review;
- `not found`: none of these, which is worth a question to whoever runs the index.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from evi.index.catalogue import Catalogue
from evi.index.registry import read_catalogue
from evi.index.sources import HOME_SUBJECT, at_folder, event_files, open_sources
from evi.index.steps import Step, load_catalogue, load_table, run_steps
from evi.workspace import District, EviError, file_hash, quote

CAUSES = (
    "registry",
    "linkage",
    "age",
    "coverage",
    "correction",
    "late record",
    "new record",
    "time",
    "not found",
)
"""Why an answer changed, in the order in which they are tried."""


@dataclass(frozen=True)
class Changes:
    """The difference between two indexes of one district.

    Attributes:
        before, after: their days.
        n_before, n_after: children in each.
        arrived, left: children in only one of them, by why.
        causes: changed answers by (before, after, cause), each `present`, `absent` or `not known`.
        bands: children in both whose band changed, by (before, after).
        evi_mean: mean index of the children of whom enough is known, before and after.
        cells: one row a changed answer: subject_id, indicator, before, after, cause.
        children: one row a child in both whose answers changed: subject_id and both indexes and bands.
    """

    before: date
    after: date
    n_before: int
    n_after: int
    arrived: dict[str, int]
    left: dict[str, int]
    causes: dict[tuple[str, str, str], int]
    bands: dict[tuple[str, str], int]
    evi_mean: tuple[float | None, float | None]
    cells: pa.Table
    children: pa.Table

    def to_json(self) -> dict[str, Any]:
        """Totals as plain values for `--json`; the tables are left out."""
        return {
            "before": self.before.isoformat(),
            "after": self.after.isoformat(),
            "children": {"before": self.n_before, "after": self.n_after},
            "arrived": self.arrived,
            "left": self.left,
            "answers": [
                {"before": a, "after": b, "cause": cause, "n": n} for (a, b, cause), n in self.causes.items()
            ],
            "bands": [{"before": a, "after": b, "n": n} for (a, b), n in self.bands.items()],
            "evi_mean": {"before": self.evi_mean[0], "after": self.evi_mean[1]},
        }

    def of_child(self, subject_id: int) -> list[dict[str, Any]]:
        """The changed answers of one child."""
        rows = self.cells.to_pylist()
        return [row for row in rows if row["subject_id"] == subject_id]


def find_run(district: District, name: str) -> Path:
    """The folder of one index: by its day, by the id of the run that made it, or by its path.

    Raises:
        EviError: there is none, or what that run made has been replaced too often to be kept.
    """
    kept = district.runs / "kept"
    for folder in (Path(name), at_folder(district, date.min).with_name(f"at-{name}"), kept / name):
        if (folder / "basis.json").is_file():
            return folder
    manifest = district.runs / "history" / f"{name}.json"
    if manifest.is_file():
        outputs = json.loads(manifest.read_text())["outputs"]
        wanted = {digest for path, digest in outputs.items() if path.endswith("/states.parquet")}
        for states in sorted([*district.index.glob("at-*/states.parquet"), *kept.glob("*/states.parquet")]):
            if file_hash(states) in wanted:
                return states.parent
    raise EviError(
        "there is no such index here, or it has been replaced too often to be kept.",
        where=name,
        do="Name a day (2026-08-31), a run id of `evi status`, or a folder under runs/kept.",
    )


def diff(
    district: District, before: str | Path, after: str | Path, *, catalogue: Catalogue | None = None
) -> Changes:
    """What changed from one index to another.

    Args:
        before, after: a day, a run id, or a folder (see `find_run`).
        catalogue: indicators other than the district's registry.
    """
    folders = find_run(district, str(before)), find_run(district, str(after))
    basis: list[dict[str, Any]] = [json.loads((f / "basis.json").read_text()) for f in folders]
    con = open_sources(district)
    try:
        load_catalogue(con, catalogue or read_catalogue(district))
        for side, folder in zip(("before", "after"), folders, strict=True):
            for name in ("children", "states", "links"):
                path = quote(str(folder / f"{name}.parquet"))
                con.execute(f"CREATE VIEW {name}_{side} AS SELECT * FROM read_parquet({path})")
        _load_basis(con, district, basis)
        days = [date.fromisoformat(one["date"]) for one in basis]
        run_steps(con, _steps(days[0], days[1]))
        return _read(con, days[0], days[1])
    finally:
        con.close()


def _load_basis(con: duckdb.DuckDBPyConnection, district: District, basis: list[dict[str, Any]]) -> None:
    """Tables `redefined(indicator)`, `fresh(delivery)`, `reads(indicator, pattern, stem)` and `events`."""
    old, new = (one["indicators"] for one in basis)
    redefined = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    fresh = sorted({*basis[1]["deliveries"]} - {*basis[0]["deliveries"]})
    for table, column, values in (("redefined", "indicator", redefined), ("fresh", "delivery", fresh)):
        load_table(con, table, {f"{column} VARCHAR": values})
    files = event_files(district)
    if files:
        listed = ", ".join(quote(str(path)) for path in files)
        con.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet([{listed}])")
    else:
        con.execute(
            "CREATE TABLE events (subject_id BIGINT, time TIMESTAMP, code VARCHAR, known_at DATE, "
            "record_id BIGINT, withdrawn BOOLEAN, delivery VARCHAR)"
        )


def _steps(before: date, after: date) -> list[Step]:
    def state(side: str) -> str:
        return (
            f"CASE WHEN list_contains(present_{side}, indicator) THEN 'present' "
            f"WHEN list_contains(assessable_{side}, indicator) THEN 'absent' ELSE 'not known' END"
        )

    return [
        Step(
            "moved_links",
            "records that were one person's and are another's, by child",
            """SELECT DISTINCT unnest([a.subject_id, b.subject_id]) AS subject_id, feed
               FROM links_before AS a JOIN links_after AS b USING (feed, person)
               WHERE a.subject_id <> b.subject_id""",
        ),
        Step(
            "altered",
            "children in both whose answers are not the same",
            """SELECT a.subject_id, a.present AS present_a, a.assessable AS assessable_a,
                      a.covered AS covered_a, b.present AS present_b, b.assessable AS assessable_b,
                      b.covered AS covered_b
               FROM states_before AS a JOIN states_after AS b USING (subject_id)
               WHERE a.present <> b.present OR a.assessable <> b.assessable""",
        ),
        Step(
            "changed",
            "answers that are not the same",
            f"""SELECT * FROM (
                  SELECT subject_id, indicator, covered_a, covered_b,
                         {state("a")} AS before, {state("b")} AS after
                  FROM (SELECT *, unnest(list_distinct(list_concat(list_concat(present_a, assessable_a),
                                     list_concat(present_b, assessable_b)))) AS indicator FROM altered))
                WHERE before <> after""",
        ),
        *_record_steps(before, after),
        _caused(before, after),
    ]


def _record_steps(before: date, after: date) -> list[Step]:
    """Steps to the records, come since the earlier index, that a changed answer reads."""
    since = (
        f"(e.known_at > DATE '{before}' AND e.known_at <= DATE '{after}')"
        if before < after
        else "e.delivery IN (SELECT delivery FROM fresh)"
    )
    return [
        Step(
            "circle",
            "whose records can decide a changed answer: the child's, the home's and those who live there",
            f"""SELECT DISTINCT subject_id AS child, subject_id AS person FROM changed
                UNION
                SELECT DISTINCT c.subject_id, unnest([r.subject_id, {HOME_SUBJECT.format(home="h.home")}])
                FROM (SELECT DISTINCT subject_id FROM changed JOIN own USING (indicator)
                      WHERE scope = 'household') AS c
                JOIN residence AS h ON h.subject_id = c.subject_id
                JOIN residence AS r ON r.home = h.home""",
        ),
        Step(
            "came",
            "records that came since, of those people",
            f"""SELECT person, e.time::DATE AS day, e.code, e.record_id, e.withdrawn
                FROM (SELECT DISTINCT person FROM circle) AS p JOIN events AS e ON e.subject_id = p.person
                WHERE {since}""",
        ),
        Step(
            "revised",
            "which of them are a later version of an earlier record",
            """SELECT DISTINCT e.record_id FROM events AS e JOIN came USING (record_id)
               GROUP BY e.record_id, e.code HAVING count(DISTINCT e.delivery) > 1""",
        ),
        Step(
            "evidence",
            "what came, by changed answer",
            f"""SELECT subject_id, indicator,
                       bool_or(withdrawn OR record_id IN (SELECT record_id FROM revised)) AS revised,
                       bool_or(day <= DATE '{before}') AS late, bool_or(day > DATE '{before}') AS new
                FROM changed JOIN circle ON child = subject_id JOIN came USING (person)
                JOIN own_codes USING (indicator)
                WHERE code = pattern OR (stem <> '' AND starts_with(code, stem))
                GROUP BY subject_id, indicator""",
        ),
    ]


def _caused(before: date, after: date) -> Step:
    def age(day: date) -> str:
        return f"datediff('month', birth_month, DATE '{day}')"

    def applies(day: date) -> str:
        return f"({age(day)} >= o.age_from AND {age(day)} < o.age_to)"

    def covered(side: str) -> str:
        return f"list_filter(covered_{side}, lambda feed: list_contains(f.feeds, feed))"

    return Step(
        "caused",
        "each changed answer with its cause",
        f"""SELECT c.subject_id, c.indicator, before, after,
                   CASE WHEN c.indicator IN (SELECT indicator FROM redefined) THEN 'registry'
                        WHEN EXISTS (FROM moved_links AS m WHERE m.subject_id = c.subject_id
                                     AND list_contains(f.feeds, m.feed)) THEN 'linkage'
                        WHEN {applies(before)} <> {applies(after)} THEN 'age'
                        WHEN 'not known' IN (before, after)
                             AND {covered("a")} <> {covered("b")} THEN 'coverage'
                        WHEN e.revised THEN 'correction'
                        WHEN after <> 'present' AND before = 'present' AND DATE '{before}' < DATE '{after}'
                          THEN 'time'
                        WHEN e.new THEN 'new record'
                        WHEN e.late THEN 'late record'
                        WHEN DATE '{before}' < DATE '{after}' THEN 'time'
                        ELSE 'not found' END AS cause
            FROM changed AS c LEFT JOIN own AS o USING (indicator)
            LEFT JOIN (SELECT indicator, list(feed) AS feeds FROM own_feeds GROUP BY indicator) AS f
              USING (indicator)
            LEFT JOIN evidence AS e USING (subject_id, indicator)
            JOIN subjects USING (subject_id)""",
    )


def _read(con: duckdb.DuckDBPyConnection, before: date, after: date) -> Changes:
    grouped = con.execute(
        "SELECT before, after, cause, count(*) FROM caused GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    bands = con.execute(
        """SELECT a.band, b.band, count(*) FROM children_before AS a
           JOIN children_after AS b USING (subject_id) WHERE a.band <> b.band GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    sizes = con.execute(
        "SELECT (SELECT count(*) FROM children_before), (SELECT count(*) FROM children_after)"
    ).fetchall()[0]
    means = [
        con.execute(
            f"""SELECT sum(evi::DECIMAL(12, 9))::DOUBLE / nullif(count(*), 0) FROM children_{side}
                WHERE band <> 'not enough known'"""
        ).fetchall()[0][0]
        for side in ("before", "after")
    ]
    return Changes(
        before,
        after,
        sizes[0],
        sizes[1],
        _only(con, "after", "before", before),
        _only(con, "before", "after", after),
        {(a, b, cause): n for a, b, cause, n in grouped},
        {(a, b): n for a, b, n in bands},
        (means[0], means[1]),
        con.sql("SELECT * FROM caused ORDER BY subject_id, indicator").to_arrow_table(),
        con.sql(
            """SELECT subject_id, a.evi AS evi_before, b.evi AS evi_after, a.band AS band_before,
                      b.band AS band_after
               FROM children_before AS a JOIN children_after AS b USING (subject_id)
               SEMI JOIN caused USING (subject_id) ORDER BY subject_id"""
        ).to_arrow_table(),
    )


def _only(con: duckdb.DuckDBPyConnection, side: str, other: str, other_day: date) -> dict[str, int]:
    """Children of one index who are not in the other, by why: their age, linkage, or being known here."""
    age = f"datediff('month', s.birth_month, DATE '{other_day}')"
    rows = con.execute(
        f"""SELECT CASE WHEN subject_id IN (SELECT subject_id FROM moved_links) OR s.subject_id IS NULL
                          THEN 'linkage'
                        WHEN {age} < 0 THEN 'born'
                        WHEN {age} >= 216 THEN 'turned 18'
                        ELSE 'known to the district in only one' END AS why, count(*)
            FROM children_{side} AS c ANTI JOIN children_{other} AS o USING (subject_id)
            LEFT JOIN subjects AS s USING (subject_id) GROUP BY why ORDER BY why"""
    ).fetchall()
    return {why: n for why, n in rows}
