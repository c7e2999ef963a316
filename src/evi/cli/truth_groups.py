"""For whom linkage really erred, on a district whose truth is known: missed and false matches by group."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from evi.linkage import fairness
from evi.workspace import District, connect, quote

ADDRESSES = "addresses.parquet"


def true_rates(district: District, keyed: pl.DataFrame) -> dict[str, Any]:
    """Missed and false rates by group, as `evi.linkage.fairness.rates` gives them, from the truth.

    Only records that were delivered count: what no feed sent can't be missed.

    Args:
        keyed: feed, person (code), true_person of every record.
    """
    con = connect(scratch=district.scratch)
    try:
        con.register("keyed", keyed.to_arrow())
        _delivered(con, district)
        _traits(con, district)
        _tallies(con)
        return fairness.rates(con)
    finally:
        con.close()


def _delivered(con: duckdb.DuckDBPyConnection, district: District) -> None:
    con.execute(
        f"""CREATE TABLE delivered AS
        SELECT (row_number() OVER (ORDER BY feed, person))::INTEGER AS rec, feed, true_person, subject_id
        FROM keyed JOIN read_parquet({quote(str(district.spine / "people.parquet"))}) USING (feed, person)"""
    )


def _traits(con: duckdb.DuckDBPyConnection, district: District) -> None:
    people, homes = (quote(str(district.truth / f"{name}.parquet")) for name in ("people", "homes"))
    addresses = district.reference / ADDRESSES
    where = f"SELECT uprn, lsoa FROM {quote(str(addresses))}" if addresses.is_file() else (
        "SELECT NULL::BIGINT AS uprn, NULL::VARCHAR AS lsoa WHERE false"
    )  # fmt: skip
    traits = fairness.trait_columns("s.birth_date", "today.day", "coalesce(lived.homes, 0)", "care.person")
    con.execute(
        f"""CREATE TABLE traits AS
        WITH today AS (SELECT max(start) AS day FROM read_parquet({homes})),
        places AS ({where}),
        lived AS (
            SELECT person, count(DISTINCT uprn) AS homes, max_by(lsoa, start) AS lsoa
            FROM read_parquet({homes}) LEFT JOIN places USING (uprn) GROUP BY person),
        deciles AS ({fairness.deciles_sql(con, district.geography / "areas.csv")}),
        care AS (SELECT DISTINCT true_person AS person FROM keyed WHERE feed = {quote(fairness.CARE_FEED)})
        SELECT d.rec, d.true_person AS who, d.feed, {traits}
        FROM delivered d JOIN read_parquet({people}) s ON s.person = d.true_person
        LEFT JOIN lived ON lived.person = d.true_person LEFT JOIN deciles ON deciles.lsoa = lived.lsoa
        LEFT JOIN care ON care.person = d.true_person, today"""
    )


def _tallies(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""CREATE TABLE tallies AS
        WITH counted AS (
            SELECT rec, count(*) OVER (PARTITION BY true_person) - 1 AS owed,
                   count(*) OVER (PARTITION BY subject_id) - 1 AS found,
                   count(*) OVER (PARTITION BY true_person, subject_id) - 1 AS right_ones
            FROM delivered)
        SELECT 'missed' AS measure, rec, (owed - right_ones) * {fairness.MICRO} // 2 AS y,
               owed * {fairness.MICRO} // 2 AS x FROM counted
        UNION ALL
        SELECT 'wrong', rec, (found - right_ones) * {fairness.MICRO} // 2, found * {fairness.MICRO} // 2
        FROM counted"""
    )


def table_of(found: dict[str, Any], dimension: str) -> list[dict[str, Any]]:
    """The rows of one dimension for printing: shares with their intervals."""
    return [
        {
            "group": group["group"],
            "records": group["records"],
            "people": group["people"],
            "missed": _written(group.get("missed")),
            "wrong": _written(group.get("wrong")),
        }
        for group in found["groups"]
        if group["dimension"] == dimension
    ]


def _written(rate: dict[str, float] | None) -> str:
    return f"{rate['rate']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})" if rate else "–"
