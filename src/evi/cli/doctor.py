"""`evi doctor`: is this machine, and this district folder, fit for the work?"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json
from evi.workspace import District

GIB = 2**30
ENOUGH_MEMORY_GIB = 4
ENOUGH_DISK_GIB = 5


class Finding(NamedTuple):
    """One thing that was looked at: whether it is well, and if not, what to do."""

    what: str
    well: bool
    found: str
    do: str = ""


@app.command()
def doctor(
    district: DistrictOption = HERE,
    as_json: JsonOption = False,
    machine_only: Annotated[bool, typer.Option("--machine-only", help="Look at no district folder.")] = False,
) -> None:
    """Check this machine and this district folder.

    Example: `evi doctor --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        findings = list(_machine(district))
        if not machine_only:
            findings += list(_folder(District.open(district)))
        if as_json:
            show_json([finding._asdict() for finding in findings])
        for finding in () if as_json else findings:
            out.print(f"{'[green]✓[/]' if finding.well else '[red]✗[/]'} {finding.what}: ", end="")
            out.print(finding.found, markup=False)
            if not finding.well:
                out.print(f"  what to do: {finding.do}", markup=False)
        raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


def _machine(folder: Path) -> Iterator[Finding]:
    found = platform.python_version()
    yield Finding("Python", sys.version_info >= (3, 11), found, "Install Python 3.11 or later.")
    missing = list(_missing_packages())
    yield Finding(
        "packages", not missing, ", ".join(missing) or "all there", "Run `make demo`, which installs them."
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    yield Finding(
        "memory",
        memory >= ENOUGH_MEMORY_GIB,
        f"{memory:.0f} GiB",
        "A small district needs 4 GiB, 550,000 people 14.",
    )
    free = shutil.disk_usage(folder if folder.exists() else Path()).free / GIB
    yield Finding(
        "disk", free >= ENOUGH_DISK_GIB, f"{free:.0f} GiB free", "Free 5 GiB, or 40 for 550,000 people."
    )


def _missing_packages() -> Iterator[str]:
    for requirement in requires("evi") or ():
        if "extra ==" in requirement:
            continue
        name = requirement.split(">")[0].split("=")[0].split("<")[0].strip()
        try:
            version(name)
        except PackageNotFoundError:
            yield f"{name} is missing"


def _folder(district: District) -> Iterator[Finding]:
    yield Finding("district", True, f"{district.config.name} ({district.root})")
    key, given = district.key_file, "EVI_DISTRICT_KEY" in os.environ
    if given:
        yield Finding("district key", True, "from EVI_DISTRICT_KEY")
    elif not key.is_file():
        yield Finding(
            "district key", False, f"no file at {key}", "Make one with `evi new`, or set EVI_DISTRICT_KEY."
        )
    else:
        private = not key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        yield Finding("district key", private, f"in {key}", f"Others can read it: chmod 600 {key}")
    extracts = (
        [path for path in district.extracts.rglob("*") if path.is_file()]
        if district.extracts.exists()
        else []
    )
    yield Finding(
        "extracts",
        bool(extracts),
        f"{len(extracts)} files",
        f"Put what agencies delivered in {district.extracts}.",
    )
    writable = os.access(district.root, os.W_OK)
    yield Finding(
        "folder", writable, "can be written" if writable else "read-only", f"Make {district.root} writable."
    )
    if writable:
        shutil.rmtree(district.scratch, ignore_errors=True)
