"""`evi care`: the work on a place where the application runs: load, take in, back up, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evi.cli.app import JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json
from evi.cli.serve import DistrictHere
from evi.workspace import District, EviError

if TYPE_CHECKING:
    from evi.care.loading.district import Loaded
    from evi.care.loading.releases import TakenIn

care_app = typer.Typer(
    help="The place where the application runs: load it, take releases in, back it up, restore it.\n\n"
    "Example: `evi care load --district my-district`",
    no_args_is_help=True,
)
app.add_typer(care_app, name="care")


@care_app.command()
def load(district: DistrictHere = None, as_json: JsonOption = False) -> None:
    """Load children from the services' own records, by a release of links, then every release of findings.

    Example: `evi care load --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = _opened(district)
        from evi.care.loading.district import load_district  # noqa: PLC0415 - Django

        loaded = load_district(opened, TerminalProgress())
        if as_json:
            show_json({"counts": loaded.counts, "notes": loaded.notes, "releases": loaded.releases})
        else:
            show_loaded(loaded)


@care_app.command("take-in")
def take_in_release(
    folder: Annotated[Path | None, typer.Argument(help="One release (default: all of the district).")] = None,
    district: DistrictHere = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a release of findings, or that one was taken back.

    Example: `evi care take-in --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = _opened(district)
        from evi.care.loading.district import releases_of  # noqa: PLC0415 - Django
        from evi.care.loading.releases import take_in, take_in_all  # noqa: PLC0415

        found = [take_in(folder)] if folder is not None else take_in_all(releases_of(opened))
        if as_json:
            show_json(found)
            return
        for each in found:
            show_taken(each)


@care_app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; the keys go beside it, in FILE.keys.")],
    district: DistrictHere = None,
    as_json: JsonOption = False,
) -> None:
    """Back up the database, the agreements and the anchors of the ledger; the keys into a file of their own.

    It can be done while people work. Keep the two files apart: whoever has both can read every name.

    Example: `evi care backup /backups/care-2026-09-01.tgz --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        _opened_place(district)
        from evi.care.backup import back_up, keys_of  # noqa: PLC0415 - Django

        manifest = back_up(file)
        if as_json:
            show_json(manifest)
            return
        size = file.stat().st_size / 1e6
        out.print(f"[green]✓[/] backed up: {len(manifest['files'])} files, {size:,.1f} MB → {file}")
        out.print(f"  its keys → {keys_of(file)}: keep them somewhere else", markup=False)


@care_app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    keys: Annotated[Path | None, typer.Option(help="Its keys (default: FILE.keys).")] = None,
    district: DistrictHere = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into an empty place, and check that it can be read and its ledger holds.

    Example: `EVI_CARE_HOME=/srv/care evi care restore /backups/care-2026-09-01.tgz --keys care.keys`
    """
    with mistakes_explained(as_json=as_json):
        _restoring(district)
        from evi.care import backup as backups  # noqa: PLC0415 - Django

        manifest = backups.restore(file, keys)
        from evi.care.boot import migrate  # noqa: PLC0415

        migrate()
        entries = backups.check_restored()
        if as_json:
            show_json(manifest | {"ledger_entries": entries})
            return
        out.print(f"[green]✓[/] restored: what was there on {manifest['made_at']}")
        out.print(f"  names can be read, and the ledger holds: {entries:,} entries", markup=False)


@care_app.command()
def rotate(
    retire: Annotated[
        bool, typer.Option("--retire", help="Take away older keys under which nothing is stored any more.")
    ] = False,
    district: DistrictHere = None,
    as_json: JsonOption = False,
) -> None:
    """Give names and other identifiers a new key and rewrite them under it, while people work.

    Run it again with `--retire` some minutes later, when nobody can be saving under the key from before.

    Example: `evi care rotate --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        _opened_place(district)
        from evi.care import rotating  # noqa: PLC0415 - Django

        if retire:
            gone = rotating.retire()
            if as_json:
                show_json({"retired": gone})
                return
            out.print(f"[green]✓[/] {len(gone)} keys taken away: nothing is stored under them")
            return
        done = rotating.renew(TerminalProgress())
        if as_json:
            show_json({"rows": done.rows, "values": done.values, "values_by_key": done.keys})
            return
        out.print(f"[green]✓[/] {done.values:,} values of {done.rows:,} rows are under a new key")


def show_loaded(loaded: Loaded) -> None:
    """Say what a load did."""
    counts = loaded.counts
    out.print(
        f"[green]✓[/] loaded: {counts['children']:,} children ({counts['new_children']:,} new), "
        f"{counts['records']:,} new records, {counts['ties']:,} new ties, {counts['entries']:,} new entries, "
        f"{counts.get('indexed', 0):,} with the index"
    )
    told = {
        "children_without_name": "children left out: no service that names them",
        "records_without_birth_date": "records left out: no birth date",
        "joined_circles": "people came into a child's circle by roll or caseload",
        "left_circles": "people left one, because a roll or caseload ended",
        "perhaps_the_same": "pairs of records that a person should look at: perhaps the same child",
    }
    for name, words in told.items():
        if counts.get(name):
            out.print(f"  · {counts[name]:,} {words}", markup=False)
    for note in loaded.notes:
        out.print(f"  · {note}", markup=False)
    for each in loaded.releases:
        show_taken(each)


def show_taken(taken: TakenIn) -> None:
    """Say what came of a release."""
    said = [f"{taken.matched:,} findings"] if taken.matched or not taken.retracted else []
    said += [f"{taken.unmatched:,} records that are not here"] if taken.unmatched else []
    said += [f"{taken.objected:,} left out at the family's wish"] if taken.objected else []
    said += [f"{taken.retracted:,} taken back"] if taken.retracted else []
    said = ["taken in already"] if taken.already and not taken.matched else said
    out.print(f"[green]✓[/] release {taken.release}: {', '.join(said)}")
    for code in taken.not_here:
        out.print(f"  · {code} is no organisation here", markup=False)


def _opened(district: Path | None) -> District:
    """The district, with the application loaded and its tables and agreements ready."""
    if district is None:
        raise EviError("which district is it?", where="--district", do="Name its folder.", exit_code=2)
    opened = District.open(district)
    from evi.care import boot  # noqa: PLC0415 - Django

    boot.open_care(opened)
    boot.install_agreements(opened)
    boot.check_agreements()
    boot.migrate()
    return opened


def _opened_place(district: Path | None) -> None:
    from evi.care import boot  # noqa: PLC0415 - Django

    boot.open_care(District.open(district) if district is not None else None)
    boot.check_keys_fit()


def _restoring(district: Path | None) -> None:
    """Load the application where there is nothing yet, without making keys that would be in the way."""
    from evi.care import boot  # noqa: PLC0415 - Django

    boot.open_care(District.open(district) if district is not None else None)
