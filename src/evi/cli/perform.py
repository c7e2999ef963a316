"""Run one stage for its verb, and say what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evi.cli.console import TerminalProgress, mistakes_explained, show_json, show_result
from evi.cli.stages import Stage, one_at_a_time, run_stage
from evi.workspace import District


def perform(stage: Stage, folder: Path, *, as_json: bool, force: bool, **options: Any) -> None:
    """Run one stage of the district in `folder` if it is out of date, or anyway with `force`."""
    with mistakes_explained(as_json=as_json):
        district = District.open(folder)
        with one_at_a_time(district):
            result = run_stage(stage, district, TerminalProgress(), force=force, **options)
        if not as_json:
            show_result(result, district.root)
        stage.passes(district)
        if as_json:
            show_json(result)
