"""A month on the benchmark's event store: 350,000 new, late, corrected and withdrawn records."""

from __future__ import annotations

from pathlib import Path

from evi.workspace import connect, quote

ROWS = 350_000
"""Event rows that came or left: 210,000 new of the month, 50,000 late, and 45,000 corrected or withdrawn
(each of which also leaves and comes back with its `known_until`: counted as two)."""
NEW, LATE, CORRECTED = 210_000, 50_000, 45_000
LEARNT = "DATE '2026-09-20'"


def make_month(folder: Path) -> Path:
    """Write `month/added.parquet`, `month/removed.parquet` and the store after it, `later/`."""
    month, later, store = folder / "month", folder / "later", folder / "store"
    if (later / "made").is_file():
        return month
    for path in (month, later / "by_code"):
        path.mkdir(parents=True, exist_ok=True)
    with connect(scratch=folder / ".scratch", memory="6GB") as con:
        events = f"read_parquet({quote(str(store / 'by_code' / '*.parquet'))})"
        con.execute("SELECT setseed(0.5)")
        con.execute(
            f"""CREATE TABLE picked AS SELECT *, row_number() OVER (ORDER BY hash(record_id, code)) AS n
                FROM (SELECT * FROM {events} WHERE known_until IS NULL AND NOT withdrawn
                      AND hash(record_id + 7) % 120 = 0)"""
        )
        con.execute(f"CREATE TABLE removed AS SELECT * EXCLUDE n FROM picked WHERE n <= {CORRECTED}")
        con.execute(
            f"""CREATE TABLE added AS
            SELECT * REPLACE ({LEARNT} AS known_until) FROM removed
            UNION ALL SELECT * REPLACE ({LEARNT} AS known_at, numeric_value + 1 AS numeric_value,
                                        record_id % 4 = 0 AS withdrawn) FROM removed
            UNION ALL SELECT * EXCLUDE n REPLACE (
                record_id + 1000000000 AS record_id, {LEARNT} AS known_at,
                CASE WHEN n <= {CORRECTED + NEW} THEN TIMESTAMP '2026-08-20' ELSE time END AS time,
                CASE WHEN n <= {CORRECTED + NEW} THEN NULL ELSE end_time END AS end_time)
            FROM picked WHERE n > {CORRECTED} AND n <= {CORRECTED + NEW + LATE}"""
        )
        for name in ("added", "removed"):
            order = "code, subject_id, time, record_id, known_at"
            con.execute(f"COPY (FROM {name} ORDER BY {order}) TO {quote(str(month / (name + '.parquet')))}")
        con.execute(
            f"""COPY (SELECT * FROM {events} ANTI JOIN removed USING (record_id, code, known_at))
                TO {quote(str(later / "by_code" / "part-0.parquet"))} (FORMAT parquet, COMPRESSION zstd)"""
        )
    (later / "by_code" / "part-1.parquet").unlink(missing_ok=True)
    (later / "by_code" / "part-1.parquet").hardlink_to(month / "added.parquet")
    for path in store.glob("*.parquet"):
        (later / path.name).unlink(missing_ok=True)
        (later / path.name).symlink_to(path)
    (later / "made").touch()
    return month
