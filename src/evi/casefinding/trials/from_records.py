"""Outcomes from a district's records, as they were known on a day.

A child counts once for an outcome: from the first event ever that makes a child count, in the school and the
period of that day. From then every child is followed equally long, so that nobody who still waits is left out
and nobody is followed longer than another: a share looks whether the event came within that time, days
count up to it (who has still had nothing counts as the whole time), and a count counts the events in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from evi.casefinding.groups import DIMENSIONS, groups
from evi.casefinding.known import Known
from evi.casefinding.trials.designs import switched_on
from evi.casefinding.trials.protocol import Outcome, Protocol
from evi.casefinding.trials.rows import Rows
from evi.records import family
from evi.workspace import District, EviError


def read_records(
    district: District, protocol: Protocol, starts: Mapping[str, str | None], day: date, by: str | None = None
) -> dict[str, Rows]:
    """The rows of every outcome, by its id.

    Args:
        starts: when each school starts. by: a grouping of `groups` to add as a column.

    Raises:
        EviError: nothing is loaded, a code is in no record, or nobody counts for the primary outcome.
    """
    if by is not None and by not in DIMENSIONS:
        raise EviError(
            f"there is no grouping by {by}.",
            where="--by",
            do=f"Choose from {', '.join(DIMENSIONS)}.",
            exit_code=2,
        )
    check_codes(district, protocol)
    codes = {code for each in protocol.outcomes for code in (*each.since, *each.to, *each.not_before)}
    codes |= set(protocol.eligibility.get("not_before", ()))
    found = {}
    with Known(district, day, sorted(codes)) as known:
        known.table("schooling", f"SELECT * FROM {known.file('enrolment.parquet')} WHERE school IS NOT NULL")
        for outcome in protocol.outcomes:
            rows = _one(known, protocol, outcome, starts)
            if by is not None:
                named = groups(district, rows.table["child"], day).select(child="subject_id", **{by: by})
                rows = Rows(
                    outcome.id, rows.table.join(named, on="child", how="left"), rows.rejects, rows.notes
                )
            found[outcome.id] = rows
    primary = found[protocol.primary.id]
    if primary.table.is_empty():
        lines = "; ".join(primary.reject_lines()) or "no event that makes a child count was known"
        raise EviError(
            f"no child counts for {protocol.primary.id}: {lines}.",
            where=f"protocol {protocol.id}",
            do="Compare the protocol's schools, periods and codes with the records.",
            exit_code=2,
        )
    return found


def check_codes(district: District, protocol: Protocol) -> None:
    """Check that every code that makes a child count, or that is looked for, is in some record.

    Raises:
        EviError: nothing is loaded, or some are in none: nobody would be found, for want of a right code.
    """
    path = district.records / "by_code"
    if not path.is_dir():
        raise EviError(
            "nothing is loaded yet.", where=str(district.records), do="Run `evi load` first.", exit_code=2
        )
    asked = {code for each in protocol.outcomes for code in (*each.since, *each.to, *each.not_before)}
    asked |= set(protocol.eligibility.get("not_before", ()))
    files = [path / f"{name}.parquet" for name in sorted({family(code) for code in asked})]
    known_codes = [
        str(code)
        for file in files
        if file.is_file()
        for code in pl.scan_parquet(file).select(pl.col("code").unique()).collect()["code"].to_list()
    ]
    lost = sorted(code for code in asked if not _is_there(code, known_codes))
    if lost:
        raise EviError(
            f"{len(lost)} codes of the protocol are in no record: {', '.join(lost)}.",
            where=str(protocol.path or protocol.id),
            do="Correct them, or load the feed that gives them.",
            exit_code=2,
        )


def _is_there(code: str, known: list[str]) -> bool:
    if code.endswith("/*"):
        return any(each.startswith(code[:-1]) for each in known)
    return code in known


def _one(known: Known, protocol: Protocol, outcome: Outcome, starts: Mapping[str, str | None]) -> Rows:
    """The children of one outcome, with what is wrong with those who do not count."""
    known.values(
        "place",
        {"school": "VARCHAR", "cluster": "BIGINT"},
        [(c.id, i) for i, c in enumerate(protocol.clusters)],
    )
    known.values(
        "stretch",
        {"period": "BIGINT", "since": "DATE", "until": "DATE"},
        [(i, p.since, p.until) for i, p in enumerate(protocol.periods)],
    )
    known.table(
        "first_event",
        f"""SELECT subject_id, min(on_day) AS day_0 FROM {known.events(outcome.since)}
        WHERE on_day IS NOT NULL GROUP BY subject_id""",
    )
    known.table("sought", f"SELECT DISTINCT subject_id, on_day, code FROM {known.events(outcome.to)}")
    known.table(
        "followed",
        f"""SELECT f.*, period, school, cluster, birth_month, {_fault(known, protocol, outcome)} AS fault,
            met, coalesce(n, 0) AS n, coalesce(earlier, 0) AS earlier
        FROM first_event f
        LEFT JOIN born USING (subject_id)
        LEFT JOIN stretch ON day_0 >= stretch.since AND day_0 < stretch.until
        LEFT JOIN (SELECT subject_id, day_0, arg_max(school, (start, school)) AS school
                   FROM first_event JOIN schooling USING (subject_id)
                   WHERE start <= day_0 AND ("end" IS NULL OR "end" > day_0) GROUP BY ALL)
            USING (subject_id, day_0)
        LEFT JOIN (SELECT subject_id, min(on_day) FILTER ({_in_time(outcome)}) AS met,
                          count(*) FILTER ({_in_time(outcome)}) AS n,
                          count(*) FILTER (on_day < day_0) AS earlier
                   FROM first_event JOIN sought USING (subject_id) GROUP BY subject_id) USING (subject_id)
        LEFT JOIN place USING (school)""",
    )
    value = {
        "share": "CAST(met IS NOT NULL AS DOUBLE)",
        "days": f"CAST(coalesce(date_diff('day', day_0, met), {outcome.within_days}) AS DOUBLE)",
        "count": "CAST(n AS DOUBLE)",
    }[outcome.kind]
    table = known.frame(
        f"""SELECT cluster, period, subject_id AS child, {value} AS value, day_0, earlier
        FROM followed WHERE fault IS NULL ORDER BY child"""
    )
    rejects = dict(
        known.con.execute(
            "SELECT fault, count(*) FROM followed WHERE fault IS NOT NULL GROUP BY fault ORDER BY fault"
        ).fetchall()
    )
    crossed = _crossing(table, protocol, outcome, starts)
    notes = {"crosses_start": crossed, "earlier": table.filter(pl.col("earlier") > 0).height}
    return Rows(outcome.id, table.drop("day_0", "earlier"), rejects, notes)


def _in_time(outcome: Outcome) -> str:
    return f"on_day >= day_0 AND on_day < day_0 + {outcome.within_days}"


def _fault(known: Known, protocol: Protocol, outcome: Outcome) -> str:
    """SQL: why a child does not count, the first that holds."""
    first, last = protocol.periods[0].since, protocol.periods[-1].until
    months = "date_diff('month', birth_month, day_0)"
    ages = protocol.eligibility.get("age_months")
    cases = [
        ("birth_month > day_0", "before_birth"),
        (f"day_0 < DATE '{first}'", "before_periods"),
        (f"day_0 >= DATE '{last}' OR period IS NULL", "between_periods"),
        ("school IS NULL", "no_school"),
        ("cluster IS NULL", "other_school"),
    ]
    if ages:
        cases += [
            ("birth_month IS NULL", "no_birth_month"),
            (f"{months} < {ages[0]} OR {months} >= {ages[1]}", "other_age"),
        ]
    not_before = (*protocol.eligibility.get("not_before", ()), *outcome.not_before)
    if not_before:
        earlier = known.events(not_before)
        cases.append(
            (f"f.subject_id IN (SELECT e.subject_id FROM {earlier} e JOIN first_event USING (subject_id) "
             "WHERE e.on_day < day_0)", "known_before")
        )  # fmt: skip
    cases.append((f"day_0 + {outcome.within_days} > DATE '{known.day}'", "not_followed"))
    return "CASE " + " ".join(f"WHEN {test} THEN '{name}'" for test, name in cases) + " END"


def _crossing(
    table: pl.DataFrame, protocol: Protocol, outcome: Outcome, starts: Mapping[str, str | None]
) -> int:
    """Children whose school started while they were followed: they count as without the change."""
    on = switched_on(protocol, starts)
    first = {number: protocol.periods[int(row.argmax())].since for number, row in enumerate(on) if row.any()}
    begun = pl.col("cluster").replace_strict(first, default=None, return_dtype=pl.Date)
    end = pl.col("day_0") + pl.duration(days=outcome.within_days)
    return table.filter((pl.col("day_0") < begun) & (end > begun)).height
