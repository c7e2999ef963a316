"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The machine's own Chromium; it ends with the module, since its event loop would be in others' way."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()
