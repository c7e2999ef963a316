"""The relations that one extract goes through in DuckDB, from texts to the view of loaded rows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from evi.feeds.detection import Delivery, missing_columns
from evi.feeds.layout import Layout
from evi.feeds.rejects import Malformed
from evi.feeds.textfile import TextFacts, header_of, one_line_ending
from evi.feeds.validation import Validation, validate
from evi.feeds.xmlfile import read_rows
from evi.workspace import RefusedError, quote

_MALFORMED = {
    "MISSING COLUMNS": "fewer columns than the header",
    "TOO MANY COLUMNS": "more columns than the header",
    "UNQUOTED VALUE": "a quotation mark that is not closed",
    "LINE SIZE OVER MAXIMUM": "a line of over two million characters",
}
_CUT_OFF = ("MISSING COLUMNS", "UNQUOTED VALUE")


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Pause the search for reference cycles: elements have none, and the search takes half the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


class Stage:
    """The relations of one reading, in their order.

    Attributes:
        rows: table of typed rows with their `problems` and `flags`.
        numbered: view of `rows` with `row_no`.
        repeats: table of the row numbers whose key an earlier row has.
        extract: view of the loaded rows.
        plan: the SQL that made `rows`, and the meaning of its flags.
        malformed: lines that are no rows.
        notes: sentences about the delivery as a whole.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, layout: Layout) -> None:
        self.con, self.layout = con, layout
        self.rows, self.numbered, self.repeats, self.shifts, self.extract = (
            f"evi_{part}_{layout.name}" for part in ("rows", "numbered", "repeats", "shifts", "extract")
        )
        self.plan = Validation("", ())
        self.malformed: list[Malformed] = []
        self.notes: list[str] = []

    def drop(self) -> None:
        """Free what there is of them."""
        for view in (self.extract, self.numbered):
            self.con.execute(f"DROP VIEW IF EXISTS {view}")
        for table in (self.rows, self.repeats, self.shifts):
            self.con.execute(f"DROP TABLE IF EXISTS {table}")

    def one(self, sql: str) -> tuple[int, ...]:
        """The one row of counts that `sql` gives."""
        found: tuple[int, ...] = self.con.execute(sql).fetchall()[0]
        return found

    def fill_from_csv(self, path: Path, facts: TextFacts, delivery: Delivery) -> None:
        """Parse, type and check in one statement; lines that are no rows go to a log of DuckDB's."""
        header = header_of(path)
        missing = missing_columns(self.layout, header)
        if missing:
            raise RefusedError(
                f"it is no {self.layout.name}: it lacks {', '.join(missing)}.",
                where=str(path),
                do="Add the missing columns to the export (empty if nothing is known).",
            )
        columns = {name.lower(): f"c{index}" for index, name in enumerate(header)}
        names = [each.name for each in self.layout.fields]
        present = {name: columns[name.lower()] for name in names if name.lower() in columns}
        log = f"evi_log_{self.layout.name}"
        self.con.execute(f"DROP TABLE IF EXISTS {log}; DROP TABLE IF EXISTS {log}_scan")
        kinds = ", ".join(f"'{column}': 'VARCHAR'" for column in columns.values())
        with one_line_ending(path, facts) as plain:
            source = (
                f"read_csv({quote(str(plain))}, auto_detect = false, header = true, delim = ',', "
                f"quote = '\"', escape = '\"', columns = {{{kinds}}}, store_rejects = true, "
                f"rejects_limit = 0, rejects_table = '{log}', rejects_scan = '{log}_scan')"
            )
            self.plan = validate(self.layout, present, start=delivery.start, end=delivery.end, source=source)
            self.con.execute(f"CREATE TABLE {self.rows} AS {self.plan.select}")
            self.malformed = self._lines_that_are_no_rows(path, plain.stat().st_size, log)
        self._number()
        known = {name.lower() for name in names}
        unknown = sum(name.lower() not in known for name in header)
        if unknown:
            columns_are = "column is" if unknown == 1 else "columns are"
            self.notes.append(f"{unknown} {columns_are} not of this layout and not read.")

    def _lines_that_are_no_rows(self, path: Path, size: int, log: str) -> list[Malformed]:
        """Lines that are no rows. A broken last line means a file that was cut off, and is refused."""
        found = self.con.execute(
            f"SELECT line - 1, first(error_type ORDER BY column_idx), any_value(length(csv_line)) - "
            f"any_value(length(replace(csv_line, chr(10), ''))), max(line_byte_position + strlen(csv_line)) "
            f"FROM {log} GROUP BY line ORDER BY line"
        ).fetchall()
        self.con.execute(f"DROP TABLE {log}; DROP TABLE {log}_scan")
        if found and found[-1][3] >= size - 2 and found[-1][1] in _CUT_OFF:
            raise RefusedError(
                f"it was cut off: its last row (row {found[-1][0]}) has {_MALFORMED[found[-1][1]]}.",
                where=str(path),
                do="Ask the sender to deliver it again; if the last line is a footer, remove it.",
            )
        malformed: list[Malformed] = []
        swallowed = 0
        for row, kind, line_ends, _ in found:
            inside = line_ends if kind == "UNQUOTED VALUE" else 0
            first, why = row + swallowed, _MALFORMED.get(kind, "malformed row")
            malformed += [Malformed(first + line, why) for line in range(inside + 1)]
            swallowed += inside
        return malformed

    def fill_from_xml(self, path: Path, delivery: Delivery) -> None:
        """Hand the elements to the same statement as columns of text."""
        names = {each.name: each.name for each in self.layout.fields}
        self.plan = validate(self.layout, names, start=delivery.start, end=delivery.end, source="evi_xml")
        with _no_cycles():
            batches = list(read_rows(path, self.layout))
        self.con.register("evi_xml", pa.Table.from_batches(batches))
        try:
            self.con.execute(f"CREATE TABLE {self.rows} AS {self.plan.select}")
        finally:
            self.con.unregister("evi_xml")
        self._number()
        if self.layout.xml and self.layout.xml.empty and not sum(batch.num_rows for batch in batches):
            self.notes.append(self.layout.xml.empty)

    def _number(self) -> None:
        """Number rows from 1 in file order, leaving out the numbers of lines that are no rows."""
        if not self.malformed:
            self.con.execute(f"CREATE VIEW {self.numbered} AS SELECT rowid + 1 AS row_no, * FROM {self.rows}")
            return
        steps = [(each.row_no - before, before + 1) for before, each in enumerate(self.malformed)]
        self.con.register(
            "evi_steps", pa.table({"since": [s for s, _ in steps], "step": [b for _, b in steps]})
        )
        self.con.execute(
            f"CREATE TABLE {self.shifts} AS SELECT since, max(step) AS step FROM evi_steps GROUP BY since"
        )
        self.con.unregister("evi_steps")
        self.con.execute(
            f"CREATE VIEW {self.numbered} AS SELECT r.position + coalesce(s.step, 0) AS row_no, "
            f"r.* EXCLUDE (position) FROM (SELECT rowid + 1 AS position, * FROM {self.rows}) r "
            f"ASOF LEFT JOIN {self.shifts} s ON r.position >= s.since"
        )

    def refuse(self, path: Path) -> None:
        """Refuse the whole file if a condition of the layout says so."""
        bits = [(1 << bit, int(key)) for bit, (kind, key) in enumerate(self.plan.flags) if kind == "refuse"]
        if not bits:
            return
        counts = ", ".join(f"count(*) FILTER (flags & {mask} > 0)" for mask, _ in bits)
        total, *hits = self.one(f"SELECT count(*), {counts} FROM {self.rows}")
        for hit, (_, index) in zip(hits, bits, strict=True):
            refusal = self.layout.refusals[index]
            if hit > refusal.share * total:
                raise RefusedError(refusal.what, where=str(path), do=refusal.do)

    def mark_duplicates(self) -> None:
        """List good rows whose key an earlier good row has. Only rows with a repeated hash are compared."""
        keys = ", ".join(f'"{name}"' for name in self.layout.row_key)
        self.con.execute(f"""
            CREATE TABLE {self.repeats} AS
            WITH good AS (SELECT row_no, {keys}, hash({keys}) AS digest
                          FROM {self.numbered} WHERE problems IS NULL),
            suspects AS (SELECT digest FROM good GROUP BY digest HAVING count(*) > 1),
            ranked AS (SELECT row_no, row_number() OVER (PARTITION BY {keys} ORDER BY row_no) AS place
                       FROM good WHERE digest IN (SELECT digest FROM suspects))
            SELECT row_no FROM ranked WHERE place > 1 ORDER BY row_no""")

    def dated(self, delivery: Delivery) -> Delivery:
        """The delivery, with the first and last day of its good rows if it did not tell its period."""
        fields = self.layout.time_fields
        if delivery.start is not None or not fields:
            return delivery
        firsts = ", ".join(f'min("{name}")' for name in fields)
        lasts = ", ".join(f'max("{name}")' for name in fields)
        sql = f"SELECT least({firsts}), greatest({lasts}) FROM {self.rows} WHERE problems IS NULL"
        start, end = self.con.execute(sql).fetchall()[0]
        self.notes.append(
            "its name tells no period: the days of its rows stand for it, and no date can be called future."
        )
        return Delivery(delivery.id, start, end)

    def show(self, delivery: Delivery) -> None:
        """Make the view of loaded rows."""
        held = [each for each in self.layout.fields if each.type != "free_text"]
        columns = ", ".join(f'"{each.name}"' for each in held)
        start, end = (
            f"DATE '{day}'" if day else "CAST(NULL AS DATE)" for day in (delivery.start, delivery.end)
        )
        self.con.execute(f"""
            CREATE VIEW {self.extract} AS
            WITH good AS (SELECT row_no, {columns}, {start} AS period_start, {end} AS period_end
                          FROM {self.numbered} n ANTI JOIN {self.repeats} d USING (row_no)
                          WHERE problems IS NULL),
            known AS (SELECT *, CAST({self.layout.known_at} AS DATE) AS known_at FROM good)
            SELECT row_no, {columns}, known_at, coalesce({self.layout.withdrawn}, FALSE) AS withdrawn,
                   period_start, period_end
            FROM known""")
