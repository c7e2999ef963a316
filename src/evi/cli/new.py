"""`evi new`: make a district folder, empty or synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evi import encoding
from evi.cli.app import JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_result
from evi.synthetic import make_district
from evi.workspace import District, DistrictConfig, EviError, Progress, StageResult

DEFAULT_PEOPLE = 20_000
DEFAULT_SEED = 1
FEWEST_PEOPLE = 500


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Where the district is to be.")],
    name: Annotated[str | None, typer.Option(help="The district's name (default: the folder's).")] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Fill it with made-up people.")] = False,
    people: Annotated[int, typer.Option(help="How many made-up people.")] = DEFAULT_PEOPLE,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = DEFAULT_SEED,
    boundaries: Annotated[Path | None, typer.Option(help="GeoJSON of real LSOAs to place them in.")] = None,
    imd: Annotated[Path | None, typer.Option(help="Indices of Deprivation by LSOA, Parquet.")] = None,
    canaries: Annotated[
        bool, typer.Option("--canaries", help="Plant known identifiers, to prove that none gets out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a district folder.

    Example: `evi new my-district --synthetic --people 20000`
    """
    with mistakes_explained(as_json=as_json):
        options = {"boundaries": boundaries, "imd": imd, "canaries": canaries}
        if synthetic:
            result = make_synthetic(folder, people, seed, TerminalProgress(), **options)
        elif any(options.values()):
            raise EviError("these options are for made-up people.", do="Add --synthetic.", exit_code=2)
        else:
            result = _make_empty(folder, name or folder.resolve().name)
        if as_json:
            show_json(result)
        else:
            show_result(result, folder)
            out.print(f"Next: evi run --district {folder}", markup=False)


def make_synthetic(
    folder: Path, people: int, seed: int, progress: Progress, **options: Path | bool | None
) -> StageResult:
    """Make a synthetic district and its key.

    Raises:
        EviError: the folder is taken, or there are too few people for schools and wards to make sense.
    """
    if people < FEWEST_PEOPLE:
        raise EviError(
            f"{people} people are too few for a district.",
            where="--people",
            do=f"Ask for {FEWEST_PEOPLE} or more.",
            exit_code=2,
        )
    result = make_district(folder, people, seed, progress=progress, **options)  # type: ignore[arg-type]
    encoding.write_new_key(District.open(folder).key_file)
    return result


def _make_empty(folder: Path, name: str) -> StageResult:
    district = District.create(folder, DistrictConfig(name=name))
    encoding.write_new_key(district.key_file)
    district.extracts.mkdir()
    return StageResult(
        "new",
        notes=[
            f"Put what agencies deliver in {district.extracts}; `evi check` says what it can read.",
            f"The key in {district.key_file} turns names into codes. Keep it safe, and away from the hub.",
        ],
    )
