"""Rooms import their modules late, and nobody can tell."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOMS = ("evi.index", "evi.indicators", "evi.records")


@pytest.fixture(params=ROOMS)
def room(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def modules(room: ModuleType) -> set[str]:
    return {module.name for module in pkgutil.iter_modules(room.__path__)}


def test_every_name_is_found_and_is_what_its_module_has(room: ModuleType) -> None:
    tree = ast.parse(Path(str(room.__file__)).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    shown = {name.name: str(node.module) for node in imports for name in node.names}
    assert {name for name, module in shown.items() if module.startswith(room.__name__)} == set(room.__all__)
    for name in room.__all__:
        assert getattr(room, name) is getattr(importlib.import_module(shown[name]), name)


def test_no_module_is_called_as_a_name_is(room: ModuleType) -> None:
    """Else `from evi.index import explain` would give a function or a module, by what was imported before."""
    assert modules(room).isdisjoint(room.__all__)
    for module in modules(room):
        importlib.import_module(f"{room.__name__}.{module}")
    assert not [name for name in room.__all__ if isinstance(getattr(room, name), ModuleType)]


def test_a_name_that_is_not_there_is_missed_at_once(room: ModuleType) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        room.nonesuch  # noqa: B018
    with pytest.raises(ImportError):
        exec(f"from {room.__name__} import nonesuch")


def test_a_room_alone_imports_none_of_its_modules() -> None:
    asked = f"import sys, {', '.join(ROOMS)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name.startswith(tuple(f"{room}." for room in ROOMS))]
