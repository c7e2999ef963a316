"""Rooms whose modules are imported when one of their names is first asked for.

`evi child` needs no compiler of spans and no loader of events, and must not wait for what those import.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazily(package: str, file: str) -> Callable[[str], Any]:
    """A `__getattr__` for a package: it does the imports that its file has under `if TYPE_CHECKING:`.

    So names are listed once, for type checkers and at run time alike. No module of the package may be
    called as one of the names is: importing a module puts it into its package under its own name.

    Args:
        package, file: the package's `__name__` and `__file__`.
    """
    found = {
        name.name: node.module
        for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}.")
        for name in node.names
    }

    def get(name: str) -> Any:
        if name not in found:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(found[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
