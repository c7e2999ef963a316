"""Where the indicators read: the event store's files, and the people in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from evi.records import shard_files
from evi.workspace import District, EviError, file_hash, quote

_OPTIONAL = {
    "coverage": 'subject_id BIGINT, feed VARCHAR, start DATE, "end" DATE, known_at DATE',
    "residence": 'subject_id BIGINT, home BIGINT, lsoa VARCHAR, start DATE, "end" DATE',
    "enrolment": 'subject_id BIGINT, school VARCHAR, start DATE, "end" DATE',
}


@dataclass(frozen=True)
class Store:
    """The event store of a district, as the records room writes it: `records/` and what is in it."""

    folder: Path

    @classmethod
    def of(cls, source: District | Path) -> Store:
        """The store of a district, or in a folder."""
        return cls(source.records if isinstance(source, District) else Path(source))

    @property
    def events(self) -> str:
        """The events in order of subject, as a pattern of file names."""
        return self._files("events")

    def events_of(self, subjects: Iterable[int]) -> str:
        """The events of some subjects at least, as an SQL list of files."""
        files = shard_files(self.folder, subjects)
        names = [self.events] if files is None else [str(path) for path in files]
        return f"[{', '.join(quote(name) for name in names)}]"

    @property
    def by_code(self) -> str:
        """The events in order of code, as a pattern of file names."""
        return self._files("by_code")

    def _files(self, name: str) -> str:
        folder = self.folder / name
        if folder.is_dir() and any(folder.glob("**/*.parquet")):
            return str(folder / "**" / "*.parquet")
        if folder.with_suffix(".parquet").is_file():
            return str(folder.with_suffix(".parquet"))
        raise EviError("there are no events here.", where=str(folder), do="Run `evi load`, or `evi run`.")

    def view(self, con: duckdb.DuckDBPyConnection, name: str) -> str:
        """SQL that reads one of the store's tables of people; a table that is not there is empty."""
        path = self.folder / f"{name}.parquet"
        if path.is_file():
            return f"read_parquet({quote(str(path))})"
        if name not in _OPTIONAL:
            raise EviError("it has not been made yet.", where=str(path), do="Run `evi load`, or `evi run`.")
        con.execute(f"CREATE TEMP TABLE IF NOT EXISTS no_{name} ({_OPTIONAL[name]})")
        return f"no_{name}"

    def hashes(self) -> dict[str, str]:
        """Content hashes of the tables of people that there are."""
        paths = {name: self.folder / f"{name}.parquet" for name in ("subjects", "coverage", "residence")}
        return {name: file_hash(path) for name, path in paths.items() if path.is_file()}

    def codes(self, con: duckdb.DuckDBPyConnection) -> list[str]:
        """Every code that the store holds, in order."""
        path = self.folder / "codes.parquet"
        source = quote(str(path)) if path.is_file() else quote(self.by_code)
        rows = con.execute(f"SELECT DISTINCT code FROM read_parquet({source}) ORDER BY code").fetchall()
        return [str(code) for (code,) in rows]
