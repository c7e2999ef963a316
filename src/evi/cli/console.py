"""How the command talks to people: tables, bars, and what a stage did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from evi.cli.answers import mistakes_explained, show_json
from evi.workspace import StageResult

__all__ = [
    "TerminalProgress",
    "as_rows",
    "err",
    "mistakes_explained",
    "out",
    "show_json",
    "show_result",
    "show_table",
]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class TerminalProgress:
    """Bars on a terminal, one line a task elsewhere; on standard error, so that output can be piped."""

    def __init__(self) -> None:
        self._bars: RichProgress | None = None

    @contextmanager
    def task(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show one task; nested tasks share one set of bars."""
        if not err.is_terminal:
            err.print(f"… {title}")
            yield lambda _steps: None
            return
        outermost = self._bars is None
        if self._bars is None:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bars = RichProgress(*columns, TimeElapsedColumn(), console=err, transient=True)
            self._bars.start()
        bars = self._bars
        task = bars.add_task(title, total=total)
        try:
            yield lambda steps: bars.advance(task, steps)
        finally:
            bars.remove_task(task)
            if outermost:
                bars.stop()
                self._bars = None

    def say(self, line: str) -> None:
        """Show one line of news."""
        err.print(line)


def show_result(result: StageResult, where: Path) -> None:
    """Say what a stage did, where, and how many."""
    if result.skipped:
        out.print(f"[green]✓[/] {result.stage}: up to date")
        return
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.rows.items())
    out.print(f"[green]✓[/] {result.stage}: {counts or 'done'} → {where}")
    for note in result.notes:
        out.print(f"  [yellow]·[/] {note}", markup=True)


def show_table(
    title: str, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None
) -> None:
    """Print rows as a table; numbers are right-aligned."""
    names = list(columns or (rows[0] if rows else ()))
    table = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for name in names:
        numeric = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    out.print(table)


def as_rows(names: Iterable[str], tuples: Iterable[Sequence[object]]) -> list[dict[str, object]]:
    """Zip a query's column names onto its rows."""
    names = list(names)
    return [dict(zip(names, row, strict=True)) for row in tuples]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}"
    return str(value)
