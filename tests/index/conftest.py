"""Fixtures of the index: a random district in the shapes of the rooms below."""

from __future__ import annotations

import pytest
from index_district import random_tables, write_tables


@pytest.fixture(scope="session")
def tables():
    return random_tables(400, seed=7)


@pytest.fixture
def district(tmp_path, tables):
    return write_tables(tmp_path / "district", tables)
