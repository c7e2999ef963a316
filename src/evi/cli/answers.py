"""What every verb ends with: one JSON document for scripts, or one clear sentence for a mistake.

It stands apart from the console for a verb that draws nothing and must answer at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from evi.workspace import EviError


def show_json(value: object) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=1, default=_plain, ensure_ascii=False) + "\n")


@contextmanager
def mistakes_explained(*, as_json: bool = False) -> Iterator[None]:
    """Turn an `EviError` into what is wrong, where and what to do, and its exit code."""
    try:
        yield
    except EviError as error:
        from evi.cli.console import err  # noqa: PLC0415 - only a mistake waits for colours

        if as_json:
            show_json({"error": error.what, "where": error.where, "do": error.do})
        else:
            for label, text in (("", error.what), ("where", error.where), ("what to do", error.do)):
                if text:
                    err.print(f"[bold red]{'✗' if not label else ' '}[/] ", end="")
                    err.print(f"{label}: {text}" if label else text, markup=False)
        raise SystemExit(error.exit_code) from error


def _plain(value: Any) -> object:
    if isinstance(value, date | Path):
        return str(value)
    if hasattr(value, "__dict__"):
        return vars(value)
    return str(value)
