"""How long work shows its progress, without any room knowing the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Somewhere to show progress. The command line draws bars; tests and scripts stay silent."""

    def task(self, title: str, total: int | None = None) -> AbstractContextManager[Callable[[int], None]]:
        """Open a task of `total` steps (None: unknown); the value yielded advances it by that many."""
        ...

    def say(self, line: str) -> None:
        """Show one line of news."""
        ...


class _Silent:
    @contextmanager
    def task(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        yield lambda _steps: None

    def say(self, line: str) -> None:
        pass


SILENT: Progress = _Silent()
