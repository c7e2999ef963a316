"""The page on feeds says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from evi.feeds import load_layouts
from evi.feeds.catalogue import refreshed

PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"


def test_the_table_of_layouts_is_current():
    page = PAGE.read_text(encoding="utf-8")
    now = refreshed(page, load_layouts())
    assert page == now, "run: python -m evi.feeds.catalogue docs/feeds.md"


def test_the_example_of_a_layout_is_one(tmp_path):
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    file = tmp_path / f"{yaml.safe_load(example[1])['layout']}.yaml"
    file.write_text(example[1])
    assert "visits" in load_layouts([file])


def test_every_code_list_of_the_page_is_there():
    lists = yaml.safe_load((PAGE.parents[1] / "src/evi/feeds/code_lists.yaml").read_text())
    named = re.search(r"`code_lists.yaml` \((.*?) and others\)", PAGE.read_text(encoding="utf-8"))
    assert named
    assert set(re.findall(r"`(\w+)`", named[1])) <= set(lists)
