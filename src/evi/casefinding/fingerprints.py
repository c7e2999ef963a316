"""A fingerprint of what each child's answer rests on, so that a replay can say what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from evi.casefinding.known import Known
from evi.casefinding.rules import Rule
from evi.workspace import District, quote

SCHEMA = pl.Schema({"subject_id": pl.Int64(), "links": pl.String(), "facts": pl.String()})


def fingerprints(district: District, rules: Sequence[Rule], day: date) -> pl.DataFrame:
    """Fingerprints of everybody whom the hub knows.

    `links`: which records of which feeds are joined to the child. `facts`: month of birth and every event
    that the rules read, as known on the day. Each is the sum of the lower halves of MD5 over rows, so that
    order doesn't matter; null where there are no rows.

    Returns:
        subject_id, links, facts.
    """
    codes = sorted({code for rule in rules for code in rule.codes})
    people = district.spine / "people.parquet"
    with Known(district, day, codes) as known:
        links = "SELECT CAST(NULL AS BIGINT) AS subject_id, CAST(NULL AS VARCHAR) AS links WHERE false"
        if people.is_file():
            links = f"""SELECT subject_id, {_sum("feed", "person")} AS links
                FROM read_parquet({quote(str(people))}) GROUP BY subject_id"""
        said = _sum("code", "on_day", "value", "text_value", "end_day")
        found = known.frame(
            f"""WITH link AS ({links}),
            fact AS (SELECT subject_id, {said} AS facts FROM {known.events(codes)} GROUP BY subject_id)
            SELECT subject_id, links, concat_ws(' ', born.birth_month, facts) AS facts
            FROM born LEFT JOIN link USING (subject_id) LEFT JOIN fact USING (subject_id)"""
        )
    return found.cast(SCHEMA).sort("subject_id")


def _sum(*columns: str) -> str:
    cells = ", ".join(f"coalesce(CAST({column} AS VARCHAR), '-')" for column in columns)
    return f"CAST(sum(CAST(md5_number_lower(concat_ws('|', {cells})) AS HUGEINT)) AS VARCHAR)"
