"""`evi link files`: link any two tables of people, or find repeats in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import JsonOption
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json
from evi.cli.link import link_app
from evi.workspace import EviError, replace_file

if TYPE_CHECKING:
    from evi.linkage import LinkedTables


@link_app.command("files")
def link_files(
    left: Annotated[Path, typer.Argument(help="A table of people: CSV or Parquet.")],
    right: Annotated[
        Path | None, typer.Argument(help="Another; without it, repeats are sought in the first.")
    ] = None,
    columns: Annotated[
        Path, typer.Option("--columns", "-c", help="YAML: role to column (see docs/linkage.md).")
    ] = ...,  # type: ignore[assignment]
    pairs: Annotated[
        Path, typer.Option("--out", "-o", help="Where pairs are written, with their probability.")
    ] = Path("pairs.parquet"),
    clusters: Annotated[
        Path | None, typer.Option("--clusters", help="Where clusters of records are written.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Where the model and the plan are written, as JSON.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", min=0.0, max=1.0, help="Probability from which records are one person."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Link any two files of people, or find repeats in one; no district is needed.

    Names, dates and addresses are encoded in memory under keys that nobody keeps. Output ends in `.parquet`
    or `.csv`.

    Example: `evi link files census.csv register.parquet --columns columns.yaml --out pairs.parquet`
    """
    with mistakes_explained(as_json=as_json):
        wanted = [path for path in (pairs, clusters, model) if path is not None]
        _refuse_to_overwrite(wanted, [path for path in (left, right, columns) if path is not None])
        from evi.linkage.files import link_files as link_them  # noqa: PLC0415 (slow to import)

        linked = link_them(left, right, columns, threshold=threshold, progress=TerminalProgress())
        _write(linked.pairs, pairs)
        if clusters is not None:
            _write(linked.clusters, clusters)
        if model is not None:
            _write_text(json.dumps(linked.resolution.model.as_dict(), indent=1, sort_keys=True) + "\n", model)
        report = _report(linked, [str(path) for path in wanted])
        if as_json:
            show_json(report)
        else:
            _show(report)


def _refuse_to_overwrite(outputs: list[Path], inputs: list[Path]) -> None:
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise EviError(
                "that is one of the files to be read.", where=str(path), do="Name another to write."
            )
        taken.add(path.resolve())
        if not path.parent.is_dir():
            raise EviError("there is no such folder.", where=str(path.parent), do="Make it first.")


def _write(table: Any, path: Path) -> None:
    import pyarrow.csv  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    with replace_file(path) as part:
        if path.suffix.lower() == ".csv":
            pyarrow.csv.write_csv(table, part)
        else:
            pq.write_table(table, part, compression="zstd")


def _write_text(text: str, path: Path) -> None:
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _report(linked: LinkedTables, written: list[str]) -> dict[str, Any]:
    found, plan = linked.resolution, linked.resolution.plan
    links = int((linked.pairs["probability"].to_numpy() >= plan.threshold).sum())
    return {
        "threshold": plan.threshold,
        "records": linked.clusters.num_rows,
        "people": found.clusters,
        "pairs_compared": found.pairs_compared,
        "pairs_written": linked.pairs.num_rows,
        "links_at_threshold": links,
        "matches_expected_by_the_model": found.model.expected_matches,
        "plan": list(found.model.plan),
        "warnings": list(linked.warnings),
        "written": written,
    }


def _show(report: dict[str, Any]) -> None:
    out.print("What was chosen, and why:", style="bold")
    for sentence in report["plan"]:
        out.print(f"  · {sentence}", markup=False)
    out.print(
        f"\n{report['records']:,} records are {report['people']:,} people: {report['links_at_threshold']:,} "
        f"links at {report['threshold']:g} or above, of {report['pairs_compared']:,} pairs compared. "
        f"The model expects {report['matches_expected_by_the_model']:,.0f} matches."
    )
    for warning in report["warnings"]:
        out.print(f"! {warning}", markup=False)
    for path in report["written"]:
        out.print(f"→ {path}", markup=False)
