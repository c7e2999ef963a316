"""Every example in a docstring of eVI does what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import evi


def test_examples_in_docstrings_hold() -> None:
    tried, wrong = 0, []
    for module in pkgutil.walk_packages(evi.__path__, "evi."):
        if module.name == "evi.__main__":
            continue
        found = doctest.testmod(importlib.import_module(module.name))
        tried += found.attempted
        wrong += [module.name] if found.failed else []
    assert not wrong
    assert tried > 60
