"""pyarrow's columns and functions under names that the type checker leaves alone.

The published types of pyarrow do not cover the calls made here: they know no function of a column whose kind
is known only when the program runs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow
import pyarrow.compute

Column: TypeAlias = Any
"""A `pyarrow.Array` (or `ChunkedArray`, where a function says so)."""

arrow: Any = pyarrow
compute: Any = pyarrow.compute
