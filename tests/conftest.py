"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def opendata() -> Path:
    """The folder of public data, or a skip that says where to put it."""
    folder = Path(os.environ.get("EVI_OPENDATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(
            f"no public data at {folder}: fetch the files that docs/open-data.md lists "
            "from their publishers and set EVI_OPENDATA to their folder"
        )
    return folder
