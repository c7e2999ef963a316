"""What the hub knew on a day: events by code, children, coverage, school and place, as tables to query.

Only versions that held on the day are read, so that a work list can be made again as it was. One draw of the
spine can stand in for it: then the records that the draw gives to somebody else are read as that person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import polars as pl

from evi.casefinding.moving import move_records
from evi.records import family
from evi.workspace import District, EviError, connect, quote

CHILD_MONTHS = 216
NO_EVENTS = """SELECT CAST(NULL AS BIGINT) AS subject_id, CAST(NULL AS DATE) AS on_day,
    CAST(NULL AS VARCHAR) AS code, CAST(NULL AS DOUBLE) AS value, CAST(NULL AS VARCHAR) AS text_value,
    CAST(NULL AS DATE) AS end_day, CAST(NULL AS BIGINT) AS record_id WHERE false"""


class Known:
    """A session on what was known on one day. Use it with `with`.

    Tables: `born` (subject_id, birth_month, kind) of everybody with a month of birth, `covered` (subject_id,
    feed) on the day, `at_school` and `at_home` (subject_id, school / lsoa) on the day.

    Args:
        people: feed, person, subject_id of one draw of the spine, all of it or only what moved.

    Raises:
        EviError: nothing is loaded yet.
    """

    def __init__(
        self, district: District, day: date, codes: Iterable[str], people: pl.DataFrame | None = None
    ) -> None:
        self.district, self.day = district, day
        self.records = district.records
        if not (self.records / "subjects.parquet").is_file():
            raise EviError(
                "nothing is loaded yet.", where=str(self.records), do="Run `evi load` first.", exit_code=2
            )
        self.con = connect(scratch=district.scratch)
        self.families = sorted({family(code) for code in codes})
        self._made: dict[str, object] = {}
        self.moved = people is not None and move_records(self.con, district, people, self.families)
        self._tables()

    def __enter__(self) -> Known:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def file(self, name: str) -> str:
        """SQL: one file of the store."""
        return f"read_parquet({quote(str(self.records / name))})"

    def events(self, codes: Iterable[str], *, prefix: str = "") -> str:
        """SQL: events of some codes that were known on the day: subject_id, on_day, code, value, text_value,
        end_day, record_id.

        Args:
            codes: whole codes; one that ends in `/*` stands for every code below it.
            prefix: also every code that starts with it.
        """
        asked, families = [], set()
        for code in codes:
            families.add(family(code))
            whole = not code.endswith("/*")
            asked.append(f"code = {quote(code)}" if whole else f"starts_with(code, {quote(code[:-1])})")
        if prefix:
            families.add(family(prefix))
            asked.append(f"starts_with(code, {quote(prefix)})")
        files = [self.records / "by_code" / f"{name}.parquet" for name in sorted(families)]
        there = [path for path in files if path.is_file()]
        if not there or not asked:
            return f"({NO_EVENTS})"
        owner, join = "e.subject_id", ""
        if self.moved:
            owner = "coalesce(m.new, e.subject_id)"
            join = "LEFT JOIN moved m ON m.record_id = e.record_id AND m.old = e.subject_id"
        return f"""(SELECT {owner} AS subject_id, CAST(e.time AS DATE) AS on_day, e.code,
            CAST(e.numeric_value AS DOUBLE) AS value, e.text_value, CAST(e.end_time AS DATE) AS end_day,
            e.record_id
            FROM read_parquet([{", ".join(quote(str(path)) for path in there)}]) e {join}
            WHERE ({" OR ".join(asked)})
              AND NOT e.withdrawn AND e.known_at <= DATE '{self.day}'
              AND (e.known_until IS NULL OR e.known_until > DATE '{self.day}'))"""

    def table(self, name: str, query: str) -> None:
        """Keep a query's rows under a name."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def once(self, name: str, key: object) -> bool:
        """Whether something was made already with this key; it is taken to be made after this."""
        already = self._made.get(name) == key
        self._made[name] = key
        return already

    def values(self, name: str, columns: Mapping[str, str], rows: Iterable[tuple[object, ...]]) -> None:
        """Make a small table of given rows; `columns` are names and SQL types."""
        stated = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({stated})")
        listed = list(rows)
        if listed:
            marks = ", ".join("?" * len(columns))
            self.con.executemany(f"INSERT INTO {name} VALUES ({marks})", listed)

    def frame(self, query: str) -> pl.DataFrame:
        """A query's rows as a polars frame."""
        return pl.DataFrame(self.con.sql(query).to_arrow_table())

    def children(self, ages: tuple[int, int]) -> None:
        """Make the table `child` (subject_id, birth_month, age_months): who is asked at these ages."""
        low, high = ages
        self.table(
            "child",
            f"""SELECT subject_id, birth_month,
                CAST(date_diff('month', birth_month, DATE '{self.day}') AS INTEGER) AS age_months
            FROM born WHERE kind = 'child' AND birth_month <= DATE '{self.day}'
              AND date_diff('month', birth_month, DATE '{self.day}') >= {low}
              AND date_diff('month', birth_month, DATE '{self.day}') < {high}""",
        )

    def _tables(self) -> None:
        day = f"DATE '{self.day}'"
        born = f"SELECT subject_id, birth_month, kind FROM {self.file('subjects.parquet')}"
        if self.moved:
            born += f""" UNION ALL SELECT n.new, b.birth_month, b.kind
                FROM ({born}) b JOIN newcomers n ON n.old = b.subject_id"""
        self.table("born", f"SELECT * FROM ({born}) WHERE birth_month IS NOT NULL AND kind <> 'home'")
        held = f'start <= {day} AND ("end" IS NULL OR "end" > {day})'
        self.table(
            "covered",
            f"""SELECT DISTINCT subject_id, feed FROM {self.file("coverage.parquet")}
            WHERE {held} AND known_at <= {day}""",
        )
        for name, file, column in (
            ("at_school", "enrolment", "school"),
            ("at_home", "residence", "lsoa"),
        ):
            self.table(
                name,
                f"""SELECT subject_id, arg_max({column}, (start, {column})) AS {column}
                FROM {self.file(f"{file}.parquet")}
                WHERE coalesce(start, DATE '1900-01-01') <= {day} AND ("end" IS NULL OR "end" > {day})
                  AND {column} IS NOT NULL GROUP BY subject_id""",
            )


def files_read(district: District, families: Iterable[str]) -> list[Path]:
    """The files that a rule over these families of codes reads."""
    names = [f"by_code/{name}.parquet" for name in families]
    names += [f"{name}.parquet" for name in ("subjects", "coverage", "enrolment", "residence")]
    return [path for name in names if (path := district.records / name).is_file()]


def births_of(district: District, day: date) -> dict[int, date]:
    """Month of birth of everybody whom the hub knows and who is not yet grown up on the day."""
    path = district.records / "subjects.parquet"
    people = pl.read_parquet(path, columns=["subject_id", "birth_month", "kind"])
    young = people.filter(
        (pl.col("kind") == "child")
        & (pl.col("birth_month").dt.offset_by(f"{CHILD_MONTHS}mo") > day)
        & (pl.col("birth_month") <= day)
    )
    return dict(young.select("subject_id", "birth_month").iter_rows())
