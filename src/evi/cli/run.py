"""`evi run`: do what is out of date, and nothing else."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from evi.cli.app import HERE, DateOption, DistrictOption, ForceOption, JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_result
from evi.cli.days import parse_date
from evi.cli.pipeline import STAGES
from evi.cli.stages import one_at_a_time, run_stage
from evi.workspace import District, EviError, Progress, StageResult


@app.command()
def run(
    district: DistrictOption = HERE,
    day: DateOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Do every stage that is out of date, from extracts to report.

    It can be stopped at any point and started again: each stage writes whole or not at all.

    Example: `evi run --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        results = run_all(District.open(district), TerminalProgress(), day=day, force=force, quiet=as_json)
        if as_json:
            show_json(results)


def run_all(
    district: District,
    progress: Progress,
    *,
    day: str | None = None,
    force: bool = False,
    quiet: bool = False,
) -> list[StageResult]:
    """Run every stage that is out of date, saying what each did unless `quiet`.

    Raises:
        EviError: there is nothing to run on, another run is at work, or a stage can't go on.
    """
    _something_delivered(district.extracts, district.encoded)
    options = {"date": str(parse_date(day))} if day else {}
    results = []
    with one_at_a_time(district):
        for stage in STAGES:
            began = perf_counter()
            with progress.task(stage.title):
                result = run_stage(stage, district, progress, force=force, **options)
            results.append(result)
            if not quiet:
                show_result(result, district.root)
                if not result.skipped:
                    out.print(f"  [dim]{perf_counter() - began:.1f} s[/]")
            stage.passes(district)
    return results


def _something_delivered(extracts: Path, encoded: Path) -> None:
    if not any(
        path.is_file() for folder in (extracts, encoded) if folder.exists() for path in folder.rglob("*")
    ):
        raise EviError(
            "nothing has been delivered yet.",
            where=str(extracts),
            do="Put the agencies' extracts there, or make a synthetic district with `evi new --synthetic`.",
            exit_code=2,
        )
