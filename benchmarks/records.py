"""Loading a large district's deliveries, then a month's more: rows made by SQL, no pipeline before it.

python -m benchmarks.records [--children 100000] [--folder /somewhere/with/room]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

import duckdb

from evi import records
from evi.workspace import District, DistrictConfig

YEARS = range(2013, 2026)


def common(record: str) -> str:
    """Columns that every payload has, with a record named by SQL text."""
    return f"i::INTEGER AS row_no, hash({record})::BIGINT AS record, false AS withdrawn"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    root = given.folder or Path(tempfile.mkdtemp(prefix="evi-bench-records-"))
    shutil.rmtree(root, ignore_errors=True)
    district = District.create(root, DistrictConfig(name="Bench", synthetic=True))
    maker = Maker(district, given.children)
    maker.spine()
    for year in YEARS:
        maker.year(year)
    print("| work | wall s | CPU s | peak GiB | events |\n|---|---|---|---|---|", flush=True)
    measure("load, anew", district)
    maker.month()
    measure("load, a month more", district)
    measure("load, nothing new", district)
    started = time.perf_counter()
    rows = records.trace(district, 17).num_rows
    print(f"| trace of one child | {time.perf_counter() - started:.2f} | | | {rows} |", flush=True)
    measure("load, rebuilt", district, rebuild=True)


def measure(work: str, district: District, **options: bool) -> None:
    """Load, and print what it took."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    result = records.load(district, **options)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    events = result.rows.get("events_added", result.rows["events"])
    wall = time.perf_counter() - started
    print(f"| {work} | {wall:.1f} | {cpu:.1f} | {after.ru_maxrss / 2**20:.2f} | {events:,} |", flush=True)


class Maker:
    """Writes payloads, and a spine of `children` children and four times as many adults."""

    def __init__(self, district: District, children: int) -> None:
        self.district, self.children = district, children
        self.con = duckdb.connect()

    def spine(self) -> None:
        """Everybody in every feed, a few of them doubtfully linked; 1.6 homes each."""
        people = 5 * self.children
        feeds = "unnest(['school', 'ae', 'csds', 'gp', 'police'])"
        self._write(
            "spine/people",
            f"""SELECT feed, hash(feed || i)::BIGINT AS person, i AS subject_id,
            CASE WHEN hash(i) % 20 = 0 THEN 0.95 ELSE 1.0 END AS probability
            FROM range({people}) AS t(i), (SELECT {feeds} AS feed)""",
        )
        self._write(
            "spine/subjects",
            f"""SELECT i AS subject_id,
            CASE WHEN i < {self.children} THEN DATE '2008-01-01' + (i % 5400)::INTEGER
            ELSE DATE '1980-01-01' END AS birth_month, 'F' AS sex, 'A' AS ethnicity, 'ENG' AS language,
            3::BIGINT AS n_feeds FROM range({people}) AS t(i)""",
        )
        self._write(
            "spine/households",
            f"""SELECT i AS subject_id, hash(i % 200000 + n)::BIGINT AS household_id, 'E01' AS lsoa,
            DATE '2010-01-01' + (hash(i + n) % 4000)::INTEGER AS start, NULL::DATE AS "end"
            FROM range({people}) AS t(i), range(2) AS u(n) WHERE n = 0 OR i % 5 < 3""",
        )

    def year(self, year: int) -> None:
        """A school year: attendance, three censuses; and twelve months of four services."""
        self._attendance(f"attendance-{year}", f"DATE '{year}-09-01'", 6)
        for term, (first, census) in enumerate([("09-01", "10-05"), ("01-01", "01-18"), ("04-01", "05-17")]):
            self._census(f"school_census-{year}-{term}", year + (term > 0), first, census)
        for month in range(1, 13):
            self._services(year, month)

    def month(self) -> None:
        """A half term of attendance, a month of services, and last month's again with corrections."""
        self._attendance("attendance-2026-autumn", "DATE '2026-09-01'", 1)
        self._services(2026, 1)
        self._services(2025, 12, changed=True)

    def _attendance(self, name: str, start: str, terms: int) -> None:
        self._payload(
            "attendance",
            name,
            f"""{common(f"'{name}' || i || '/' || n")}, hash('school' || i)::BIGINT AS person_child,
            '100' || (100 + i % 250) AS "URN", {start} + (n * 60)::INTEGER AS "PeriodStart",
            {start} + (n * 60 + 40)::INTEGER AS "PeriodEnd", 70::BIGINT AS "SessionsPossible",
            (hash(i + n) % 9)::BIGINT AS "SessionsAuthorised",
            (hash(i - n) % 4)::BIGINT AS "SessionsUnauthorised",
            "PeriodEnd" AS known_at""",
            f"range({self.children}) AS t(i), range({terms}) AS u(n)",
        )

    def _census(self, name: str, year: int, first: str, census: str) -> None:
        self._payload(
            "school_census",
            name,
            f"""{common(f"'{name}' || i")}, hash('school' || i)::BIGINT AS person_child,
            '100' || (100 + i % 250) AS "URN", DATE '2013-09-01' + (hash(i) % 2000)::INTEGER AS "EntryDate",
            NULL::DATE AS "LeavingDate",
            CASE WHEN i % 8 = 0 THEN 'K' WHEN i % 29 = 0 THEN 'E' ELSE 'N' END AS "SENprovision",
            CASE WHEN i % 8 = 0 OR i % 29 = 0
            THEN ['ASD', 'SLCN', 'SEMH', 'MLD'][1 + i % 4] END AS "SENtype1",
            i % 5 = 0 AS "FSMeligible", CASE WHEN i % 3 = 0 THEN 'URD' ELSE 'ENG' END AS "Language",
            DATE '{year}-{census}' AS "CensusDate", "CensusDate" AS known_at""",
            f"range({self.children}) AS t(i)",
        )

    def _services(self, year: int, month: int, *, changed: bool = False) -> None:
        name, first = f"{year}-{month:02d}", f"DATE '{year}-{month:02d}-01'"
        day = f"{first} + (hash(i) % 28)::INTEGER"
        shift = f"i + {1 if changed else 0}"

        def rows(feed: str, share: float, columns: str) -> tuple[str, str]:
            many = int(self.children * share)
            who = f"hash('{feed}' || (hash('{name}' || i) % {5 * self.children}))::BIGINT AS person_person"
            record = f"'{feed}{name}' || i"
            return f"{common(record)}, {who}, {columns}", f"range({many}) AS t(i)"

        self._payload(
            "ae_attendances",
            f"ae-{name}",
            *rows(
                "ae",
                0.10,
                f"""{day} AS "ArrivalDate", ['INJURY', 'ILLNESS', 'OTHER'][1 + ({shift}) % 3]
            AS "AttendanceReason", "ArrivalDate" AS known_at""",
            ),
        )
        self._payload(
            "csds_contacts",
            f"csds-{name}",
            *rows(
                "csds",
                0.12,
                f"""{day} AS "ContactDate", ['SALT', 'PAED', 'HV'][1 + i % 3] AS "Service",
            ['A', 'DNA'][1 + ({shift}) % 2] AS "Attendance", '2_YEAR' AS "ContactType",
            "ContactDate" AS known_at""",
            ),
        )
        self._payload(
            "gp_problems",
            f"gp-{name}",
            *rows(
                "gp",
                0.06,
                f"""{day} AS "OnsetDate", NULL::DATE AS "EndDate",
            ['ANXIETY', 'ASTHMA', 'DEPRESSION'][1 + ({shift}) % 3] AS "ProblemGroup",
            "OnsetDate" AS known_at""",
            ),
        )
        self._payload(
            "police_incidents",
            f"police-{name}",
            *rows(
                "police",
                0.05,
                f"""{day} AS "IncidentDate", ['DA', 'ASB', 'OFFENCE'][1 + ({shift}) % 3]
            AS "IncidentType", 'VICTIM' AS "Role", hash(i % 200000)::BIGINT AS home,
            "IncidentDate" AS known_at""",
            ),
        )

    def _payload(self, layout: str, name: str, columns: str, source: str) -> None:
        self._write(
            f"encoded/payload/{layout}/{name}", f"SELECT '{name}' AS delivery, {columns} FROM {source}"
        )

    def _write(self, name: str, query: str) -> None:
        path = self.district.root / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        cast = query.replace("hash(", "evi_hash(")
        self.con.execute("CREATE OR REPLACE MACRO evi_hash(x) AS (hash(x) >> 1)")
        self.con.execute(f"COPY ({cast}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


if __name__ == "__main__":
    main()
