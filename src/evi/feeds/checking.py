"""Check extracts as they would be read, and say what was found: the work behind `evi check`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from evi.feeds.detection import detect
from evi.feeds.layout import Layout
from evi.feeds.reading import read_extract
from evi.workspace import SILENT, EviError, Progress, RefusedError, connect, file_hash

_SHEETS = {".xlsx", ".xls", ".xlsm", ".ods", ".tsv", ".txt", ".json", ".parquet", ".zip"}
"""Kinds of file that somebody may have meant as an extract; others in a folder are passed over."""


@dataclass(frozen=True)
class FileCheck:
    """What one file holds, as one layout. A refused file has a sentence in `refused`, and no rows.

    `reasons` counts rejected rows, `warnings` counts loaded rows that have something odd; both by sentence.
    """

    file: str
    layout: str = ""
    feed: str = ""
    delivery: str = ""
    period_start: date | None = None
    period_end: date | None = None
    rows_in: int = 0
    loaded: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class CheckReport:
    """What was found, file by file; `notes` are about the deliveries together."""

    files: tuple[FileCheck, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows_in(self) -> int:
        """Rows of all files that were not refused."""
        return sum(each.rows_in for each in self.files)

    @property
    def loaded(self) -> int:
        """Rows that would be loaded."""
        return sum(each.loaded for each in self.files)

    @property
    def rejected(self) -> int:
        """Rows that are set aside, each with a reason in a rejects file."""
        return sum(each.rejected for each in self.files)

    @property
    def refused(self) -> tuple[FileCheck, ...]:
        """Files that are refused whole."""
        return tuple(each for each in self.files if each.refused)

    def as_json(self) -> dict[str, Any]:
        """The report in JSON's own types; dates are ISO 8601."""
        files = [
            {key: str(value) if isinstance(value, date) else value for key, value in asdict(each).items()}
            for each in self.files
        ]
        totals = {"rows_in": self.rows_in, "loaded": self.loaded, "rejected": self.rejected}
        return {"files": files, "notes": list(self.notes), "refused": len(self.refused), **totals}


def extract_files(paths: Sequence[Path]) -> list[Path]:
    """The files that are extracts: those named, and in folders every .csv and .xml, sorted (none hidden).

    A spreadsheet in a folder is listed too, so that the check can say that it is not read.

    Raises:
        EviError: a path is not there.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.is_file())
            wanted = {".csv", ".xml", *_SHEETS}
            found += sorted(
                each
                for each in inside
                if each.suffix.lower() in wanted
                and not any(part.startswith(".") for part in each.relative_to(path).parts)
            )
        elif path.is_file():
            found.append(path)
        else:
            raise EviError(
                "there is no such file or folder.", where=str(path), do="Check the path.", exit_code=2
            )
    return list(dict.fromkeys(found))


def repeated_files(files: Sequence[Path], layouts: Mapping[str, Layout]) -> dict[Path, Path]:
    """Files that have the bytes and the layout of an earlier one, with that earlier one."""
    by_size: dict[int, list[Path]] = {}
    for file in files:
        by_size.setdefault(file.stat().st_size, []).append(file)
    first: dict[tuple[str, tuple[str, ...]], Path] = {}
    repeated: dict[Path, Path] = {}
    for file in files:
        if len(by_size[file.stat().st_size]) == 1:
            continue
        try:
            names = tuple(layout.name for layout in detect(file, layouts))
        except RefusedError:
            continue
        earlier = first.setdefault((file_hash(file), names), file)
        if earlier != file:
            repeated[file] = earlier
    return repeated


def check(
    paths: Sequence[Path],
    layouts: Mapping[str, Layout],
    rejects_dir: Path | None = None,
    progress: Progress = SILENT,
) -> CheckReport:
    """Read every extract among `paths` as `evi encode` would, and keep nothing but the report.

    Args:
        paths: files and folders.
        layouts: those of `load_layouts`.
        rejects_dir: where rejects files go, as `<layout>/<delivery>.csv`; None writes none.
        progress: where to show it.

    Raises:
        EviError: a path is not there. A file that is refused does not raise: the report says so.
    """
    files = extract_files(paths)
    repeated = repeated_files(files, layouts)
    checks: list[FileCheck] = []
    with (
        tempfile.TemporaryDirectory(prefix="evi-") as scratch,
        connect(scratch=Path(scratch)) as con,
        progress.task("Checking extracts", len(files)) as advance,
    ):
        for file in files:
            checks += _check_file(file, layouts, repeated, con, rejects_dir)
            advance(1)
    checks = _refuse_rivals(checks)
    return CheckReport(tuple(checks), tuple(_absences(checks, layouts)))


def _check_file(
    file: Path,
    layouts: Mapping[str, Layout],
    repeated: Mapping[Path, Path],
    con: duckdb.DuckDBPyConnection,
    rejects_dir: Path | None,
) -> list[FileCheck]:
    layout: Layout | None = None
    found: list[FileCheck] = []
    try:
        if file in repeated:
            raise RefusedError(
                f"it is the same delivery as {repeated[file].name}, byte for byte.",
                where=str(file),
                do="Remove one of the two; nothing is counted twice.",
            )
        for layout in detect(file, layouts):
            with read_extract(file, layout, con=con, rejects=rejects_dir) as reading:
                found.append(
                    FileCheck(
                        file=str(file),
                        layout=layout.name,
                        feed=layout.feed,
                        delivery=reading.delivery,
                        period_start=reading.period_start,
                        period_end=reading.period_end,
                        rows_in=reading.rows_in,
                        loaded=reading.loaded,
                        rejected=reading.rejected,
                        reasons=reading.reasons,
                        warnings=reading.warnings,
                        notes=tuple(reading.notes),
                    )
                )
    except RefusedError as error:
        named, feed = (layout.name, layout.feed) if layout else ("", "")
        return [FileCheck(file=str(file), layout=named, feed=feed, refused=f"{error.what} {error.do}")]
    return found


def _refuse_rivals(checks: Sequence[FileCheck]) -> list[FileCheck]:
    """Two files that claim one delivery of one layout: only a person can say which is right."""
    first: dict[tuple[str, str], str] = {}
    kept: list[FileCheck] = []
    for each in checks:
        if each.refused:
            kept.append(each)
            continue
        rival = first.setdefault((each.layout, each.delivery), each.file)
        if rival == each.file:
            kept.append(each)
        else:
            said = (
                f"it claims to be the delivery {each.delivery}, as {Path(rival).name} does, and they differ. "
                "Keep the right one; a corrected delivery takes the place of the old file."
            )
            kept.append(FileCheck(file=each.file, layout=each.layout, feed=each.feed, refused=said))
    return kept


def _absences(checks: Sequence[FileCheck], layouts: Mapping[str, Layout]) -> list[str]:
    """Layouts that should have come with others for the same period, and did not."""
    came = {(each.layout, each.period_start, each.period_end) for each in checks if not each.refused}
    said: list[str] = []
    for name, start, end in sorted(came, key=str):
        for other in layouts[name].together:
            if (other, start, end) not in came:
                line = f"{layouts[other].title} ({other}) was not delivered for {start} to {end}."
                if line not in said:
                    said.append(line)
    return said
