"""Read and check a School Census of two million rows: `python benchmarks/bench_feeds.py [ROWS]`."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from evi.feeds import check, load_layouts

ROWS = """
SELECT 'A' || (100000000000 + i) AS UPN, CAST(100000 + i % 300 AS VARCHAR) AS URN,
  'Name' || i % 9999 AS Surname, 'Forename' || i % 7777 AS Forename,
  CASE WHEN i % 3 = 0 THEN 'Middle' END AS MiddleNames, DATE '2008-01-01' + CAST(i % 4000 AS INTEGER) AS DOB,
  ['M', 'F'][i % 2 + 1] AS Sex, ['WBRI', 'APKN', 'BAFR', 'MWBC', 'NOBT'][i % 5 + 1] AS Ethnicity,
  ['ENG', 'URD', 'POL'][i % 3 + 1] AS Language, 100000000 + i AS UPRN, 'BD1 ' || i % 9 || 'AB' AS Postcode,
  i % 200 || ' Some Street, Town' AS AddressLine, DATE '2018-09-01' + CAST(i % 2000 AS INTEGER) AS EntryDate,
  NULL AS LeavingDate, i % 11 + 1 AS NCyearActual, ['N', 'N', 'N', 'K', 'E'][i % 5 + 1] AS SENprovision,
  CASE i % 5 WHEN 3 THEN 'SLCN' WHEN 4 THEN 'ASD' END AS SENtype1, i % 4 = 0 AS FSMeligible,
  CASE WHEN i % 1000 = 7 THEN 'soon' ELSE '2024-10-03' END AS CensusDate
FROM range({rows}) t(i)
"""


def main(rows: int = 2_000_000) -> None:
    """Make the file, check it and print one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "school_census_2024_autumn.csv"
        with duckdb.connect() as con:
            con.execute(f"COPY ({ROWS.format(rows=rows)}) TO '{path}' (HEADER)")
        layouts = load_layouts()
        wall, cpu = time.perf_counter(), time.process_time()
        report = check([path], layouts, Path(folder) / "rejects")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        size = path.stat().st_size / 1e6
    print(
        f"school_census: {report.rows_in:,} rows, {size:,.0f} MB, {report.rejected:,} rejected: "
        f"{wall:.1f} s, {cpu:.1f} s of CPU, {memory:.1f} GB at most"
    )


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
