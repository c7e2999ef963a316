"""Run one stage for its verb, and say what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evi.cli.console import TerminalProgress, mistakes_explained, show_json, show_result
from evi.cli.stages import Stage, one_at_a_time, run_stage
from evi.workspace import District


def perform(
    stage: Stage,
    folder: Path,
    *,
    as_json: bool,
    force: bool,
    options: Mapping[str, Any] | None = None,
    then: Sequence[tuple[Stage, Mapping[str, Any]]] = (),
) -> None:
    """Run one stage of the district in `folder` if it is out of date, or anyway with `force`.

    Args:
        options: parameters given by the user.
        then: stages to run after it, with theirs; as JSON, all are one list.
    """
    results = []
    with mistakes_explained(as_json=as_json):
        district = District.open(folder)
        with one_at_a_time(district):
            for each, given in ((stage, options or {}), *then):
                result = run_stage(each, district, TerminalProgress(), force=force, **given)
                results.append(result)
                if not as_json:
                    show_result(result, district.root)
                each.passes(district)
        if as_json:
            show_json(results if then else results[0])
