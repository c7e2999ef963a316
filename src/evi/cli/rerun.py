"""`evi rerun`: repeat a run from its manifest, and compare what comes out bit for bit."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json
from evi.cli.pipeline import DRAWS, STAGES
from evi.cli.stages import Stage
from evi.workspace import District, EviError, Manifest, RunLedger, code_hash, file_hash


@app.command()
def rerun(
    manifest: Annotated[Path, typer.Argument(help="A manifest in runs/ or runs/history/.")],
    district: DistrictOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Repeat a run and compare its outputs with what the manifest says, bit for bit.

    The district is not changed: the run is repeated in a scratch folder. Ends with 1 if anything differs.

    Example: `evi rerun my-district/runs/index.json --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        differing, count = repeat(District.open(district), _read(manifest), TerminalProgress())
        if as_json:
            show_json({"same": not differing, "files": count, "differing": differing})
        elif differing:
            out.print(f"[red]✗[/] {len(differing)} of {count} files differ: {', '.join(differing)}")
        else:
            out.print(f"[green]✓[/] {count} files, every one the same bit for bit")
        raise typer.Exit(1 if differing else 0)


def repeat(district: District, manifest: Manifest, progress: TerminalProgress) -> tuple[list[str], int]:
    """Repeat one run in a scratch folder.

    Returns:
        The names of the files that differ, are missing or are new; and how many files there were.

    Raises:
        EviError: the code or an input is no longer what the manifest names.
    """
    stage = next((stage for stage in (*STAGES, DRAWS) if stage.name == manifest.stage), None)
    if stage is None:
        raise EviError(f"no stage is named {manifest.stage}.", where="manifest", exit_code=2)
    _same_ground(district, manifest, stage)
    district.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=district.scratch) as folder:
        copy = _copy_for(stage, manifest, district, Path(folder) / "district")
        stage.run(copy, manifest.params, progress)
        made = {
            str(path.relative_to(copy.root)): file_hash(path) for path in stage.writes(copy, manifest.params)
        }
    named = made.keys() | manifest.outputs.keys()
    return sorted(name for name in named if made.get(name) != manifest.outputs.get(name)), len(named)


def _read(path: Path) -> Manifest:
    try:
        return Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EviError(
            "this is not a manifest.",
            where=str(path),
            do="Name a file in runs/ or runs/history/.",
            exit_code=2,
        ) from error


def _same_ground(district: District, manifest: Manifest, stage: Stage) -> None:
    if manifest.code != code_hash():
        raise EviError(
            "the code is not the code of that run.",
            where=f"eVI {manifest.version}",
            do=f"Install the version whose code hash is {manifest.code}.",
        )
    now = RunLedger(district.root, district.runs).hash_files(stage.reads(district))
    changed = sorted(n for n in now.keys() | manifest.inputs.keys() if now.get(n) != manifest.inputs.get(n))
    if changed:
        raise EviError(
            f"{len(changed)} inputs are not what that run read.",
            where=changed[0],
            do="Put back the deliveries of that day, or repeat a newer run.",
        )


def _copy_for(stage: Stage, manifest: Manifest, district: District, root: Path) -> District:
    """A folder that sees the district's inputs by link and has none of this stage's outputs."""
    root.mkdir()
    outputs = {path.relative_to(district.root).parts[0] for path in stage.writes(district, manifest.params)}
    for entry in district.root.iterdir():
        if entry.name in outputs | {"truth"} or entry.name.startswith("."):
            continue
        (root / entry.name).symlink_to(entry)
    if stage.name == "link":  # pseudonyms persist from one spine to the next, so the spine is an input too
        shutil.copytree(district.spine, root / "spine")
    return District.open(root)
