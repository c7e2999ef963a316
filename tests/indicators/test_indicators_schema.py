"""The shipped registry fits its schema: at run time only a district's own files are compared with it."""

from __future__ import annotations

import pytest

from evi.indicators.registry import FOLDER, read_file

FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "bands.yaml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_fits_the_schema(path):
    assert read_file(path)
