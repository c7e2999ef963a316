"""One name for a pyarrow column, whose published types do not cover the calls made here."""

from __future__ import annotations

from typing import Any, TypeAlias

Column: TypeAlias = Any
"""A `pyarrow.Array` (or `ChunkedArray` where a function says so)."""
