"""The threat model names tests that exist, and promises nothing that codes can't keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])


def test_every_test_that_the_threat_model_names_exists() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) >= 20
    assert named <= there, sorted(named - there)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_page_calls_codes_anonymous_or_irreversible(page: Path) -> None:
    assert not re.search(
        r"anonym|irreversib|cannot be re-?identified", page.read_text(encoding="utf-8"), re.IGNORECASE
    )
