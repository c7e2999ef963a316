"""Opens the care application for a command: which folder it is in, and Django, only when it is needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from evi.workspace import EviError

CARE = "care"

CareOption = Annotated[
    Path | None,
    typer.Option(
        "--care", help="The care folder (default: EVI_CARE_HOME, or `care` in the district folder)."
    ),
]


def open_care(care: Path | None, district: Path) -> Path:
    """Set the application up on its folder, which must be there already.

    Raises:
        EviError: there is no care folder.
    """
    said = care or (Path(os.environ["EVI_CARE_HOME"]) if os.environ.get("EVI_CARE_HOME") else district / CARE)
    if not said.is_dir():
        raise EviError(
            "there is no care folder here.",
            where=str(said),
            do="Name it with --care, or make one with `evi serve`.",
            exit_code=2,
        )
    os.environ["EVI_CARE_HOME"] = str(said.resolve())
    from evi.care import boot  # noqa: PLC0415 - half a second that other commands don't wait for

    boot.open_care()
    return said
