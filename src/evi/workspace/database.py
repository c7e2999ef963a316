"""DuckDB sessions with one set of limits, so that no room outgrows the machine."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb


def connect(
    *, scratch: Path | None = None, memory: str | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB session.

    Args:
        scratch: folder to which large sorts and joins may spill (none: the system's own).
        memory: DuckDB's memory limit, such as `"8GB"`; by default `EVI_MEMORY`, or 60% of the machine.
        threads: worker threads; by default `EVI_THREADS`, or every core.
    """
    con = duckdb.connect()
    memory = memory or os.environ.get("EVI_MEMORY")
    threads = threads or int(os.environ.get("EVI_THREADS", "0")) or os.cpu_count() or 1
    con.execute(f"SET threads = {threads}")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"SET memory_limit = '{memory or '60%'}'")
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
        con.execute(f"SET temp_directory = {quote(str(scratch))}")
    return con


def quote(text: str) -> str:
    """Return `text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
