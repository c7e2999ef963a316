"""`evi queue published`: waiting lists from published tables, with what was hidden, recoded or rounded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.queue import queues_app
from evi.workspace import EviError, replace_file

if TYPE_CHECKING:
    from evi.queues.measuring.series import Series

KINDS = ("autism", "community", "camhs")


@queues_app.command()
def published(
    kind: Annotated[
        str, typer.Argument(help="Whose tables: autism or community (NHS England), camhs (Scotland).")
    ],
    files: Annotated[list[Path], typer.Argument(help="The files, as their publisher gives them.")],
    place: Annotated[str | None, typer.Option(help="Only this place: all or part of its name.")] = None,
    service: Annotated[
        str | None, typer.Option(help="Only this service (community): all or part of its name.")
    ] = None,
    ages: Annotated[str, typer.Option(help="children, adults or all (autism).")] = "children",
    most: Annotated[int, typer.Option("--most", min=1, help="How many of the newest months to show.")] = 12,
    as_json: JsonOption = False,
    save: Annotated[Path | None, typer.Option("--out", help="Also write every month to a .csv file.")] = None,
) -> None:
    """Read published waiting lists; what is hidden stays unknown, and every change is told.

    Example: `evi queue published autism nhs_autism.csv`
    """
    with mistakes_explained(as_json=as_json):
        with TerminalProgress().task("Reading published tables"):
            found = _read(kind, files, place, service, ages)
        if save is not None:
            _save(save, found)
        if as_json:
            show_json([_document(series) for series in found])
            return
        for series in found:
            _show(series, most)
        if save is not None:
            out.print(f"[green]✓[/] written: {save}")


def _read(kind: str, files: list[Path], place: str | None, service: str | None, ages: str) -> list[Series]:
    if kind == "autism":
        from evi.queues.published.nhs_autism import read_nhs_autism  # noqa: PLC0415 - only the reader that is asked for

        if ages not in ("children", "adults", "all"):
            raise EviError(
                f"“{ages}” are no ages.", where="--ages", do="Say children, adults or all.", exit_code=2
            )
        return _at(list(read_nhs_autism(files, ages)), place)  # type: ignore[arg-type]
    if kind == "camhs":
        from evi.queues.published.scottish_camhs import read_scottish_camhs  # noqa: PLC0415

        return _at(list(read_scottish_camhs(files)), place)
    if kind == "community":
        from evi.queues.published.nhs_community import read_nhs_community  # noqa: PLC0415

        lists = read_nhs_community(files)
        return [lists.series(place or "England", name) for name in lists.services(service or "(CYP)")]
    raise EviError(
        f"there is no reader for “{kind}”.", where="KIND", do=f"Choose {', '.join(KINDS)}.", exit_code=2
    )


def _at(found: list[Series], place: str | None) -> list[Series]:
    chosen = [one for one in found if place is None or place.casefold() in one.place.casefold()]
    if not chosen:
        raise EviError(
            f"no place fits “{place}”.",
            where="--place",
            do=f"Choose from {'; '.join(one.place for one in found)}.",
            exit_code=2,
        )
    return chosen


def _document(series: Series) -> dict[str, Any]:
    return {
        "place": series.place,
        "pathway": series.pathway,
        "period": series.period,
        "source": series.source,
        "waiting_bands": {_band(band): name for band, name in series.waiting_bands.items()},
        "seen_bands": {_band(band): name for band, name in series.seen_bands.items()},
        "table": [{**row, "start": str(row["start"])} for row in series.table.to_dicts()],
        "notes": list(series.notes),
    }


def _band(band: tuple[int, int | None]) -> str:
    from evi.queues.measuring.printable import band_name  # noqa: PLC0415

    return f"{band_name(band)} weeks"


def _short(band: tuple[int, int | None]) -> str:
    low, high = band
    return f"{low}+" if high is None else f"{low}-{high}"


def _show(series: Series, most: int) -> None:
    names = ["referrals", "starts", "removals", "waiting"]
    known = [name for name in names if series.table[name].count()]
    rows = [
        {
            "month": f"{row['start']:%b %y}",
            **{name: _whole(row[name]) for name in known},
            **{_short(band): _whole(row[name]) for band, name in series.waiting_bands.items()},
        }
        for row in series.table.tail(most).to_dicts()
    ]
    out.print(f"[bold]{series.place}: {series.pathway}[/] ({series.source})")
    show_table("Children waiting, also by weeks of wait", rows)
    for note in series.notes:
        out.print(f"  · {note}", markup=False)
    out.print()


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _save(path: Path, found: list[Series]) -> None:
    import polars as pl  # noqa: PLC0415

    if path.suffix != ".csv":
        raise EviError("what kind of file is meant?", where="--out", do="End its name in .csv.", exit_code=2)
    parts = [
        one.table.select(pl.lit(one.place).alias("place"), pl.lit(one.pathway).alias("pathway"), pl.all())
        for one in found
    ]
    with replace_file(path) as scratch:
        pl.concat(parts, how="diagonal").write_csv(scratch)
