"""`evi casefind judge`: how good a rule is, beside chance and another rule, and for whom it is worse."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import TerminalProgress, err, mistakes_explained, show_json
from evi.cli.days import day_asked
from evi.workspace import District, EviError, replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evi.casefinding.groups import By


TRUE = {"unrecognised", "any"}
"""Layers that only the truth of a made-up district knows."""


@casefind_app.command()
def judge(
    rule: Annotated[str, typer.Argument(help="The rule, or family of rules, such as autism-eyfsp.")],
    district: DistrictOption = HERE,
    day: Annotated[
        str | None,
        typer.Option("--day", "--date", help="The day on which the rule is read (default: the newest)."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="By group: sex, ethnicity, language, deprivation, season, preterm, school, or all."
        ),
    ] = None,
    truth: Annotated[
        bool,
        typer.Option("--truth", help="Against needs that nobody knows of: only in a made-up district."),
    ] = False,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Layers of truth: recorded, recorded_within, unrecognised, any."),
    ] = None,
    years: Annotated[
        int | None,
        typer.Option(help="Also against who is recorded within so many years after the day."),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Carry doubt about links by so many draws of the spine (`evi link --draws`).")
    ] = 0,
    beside: Annotated[str, typer.Option(help="The rule to put beside it; “none” for none.")] = "gld",
    small: Annotated[
        bool, typer.Option("--small-numbers", help="Show small numbers too: only in a made-up district.")
    ] = False,
    as_json: JsonOption = False,
    to: Annotated[Path | None, typer.Option("--out", help="Also write it to this JSON file.")] = None,
) -> None:
    """Judge a case-finding rule: its figures with intervals, beside chance and beside another rule.

    Example: `evi casefind judge autism-eyfsp --truth --by ethnicity --draws 20 --district demo-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding import judging  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.judged_text import printable  # noqa: PLC0415
        from evi.cli.casefind_judge_text import show_judgement  # noqa: PLC0415

        opened = District.open(district)
        told = truth or bool(TRUE & set(layer or ()))
        if told or small:
            _refuse_unless_made_up(opened, "--small-numbers" if small else "--truth or --layer")
        if to is not None and to.suffix != ".json":
            raise EviError(
                "what kind of file is meant?", where="--out", do="End its name in .json.", exit_code=2
            )
        found = judging.judge(
            opened,
            rule,
            _day(opened, day, years),
            by=_groupings(by or []),
            layers=_layers(layer or [], truth=truth, years=years),
            truth=told,
            years=years,
            draws=draws,
            beside=None if beside == "none" else beside,
            progress=TerminalProgress(),
        )
        document = printable(found, everything=small)
        if to is not None:
            _write(document, to)
        if as_json:
            show_json(document)
            return
        show_judgement(document)
        if to is not None:
            err.print(f"written to {to}", markup=False)


def _refuse_unless_made_up(district: District, where: str) -> None:
    from evi.casefinding.truth import has_truth  # noqa: PLC0415

    if not (district.config.synthetic and has_truth(district)):
        raise EviError(
            "only a made-up district knows its truth, and only there can nobody be picked out.",
            where=where,
            do="Leave it out, or make a district with `evi new --synthetic`.",
            exit_code=2,
        )


def _day(district: District, day: str | None, years: int | None) -> date:
    """The day asked for; with `years` and no day, so many years before the newest."""
    found = day_asked(district, day)
    if day is None and years is not None and years >= 1:
        leap = (found.month, found.day) == (2, 29)
        return date(found.year - years, found.month, 28 if leap else found.day)
    return found


def _layers(asked: Sequence[str], *, truth: bool, years: int | None) -> list[Any]:
    if asked:
        return list(dict.fromkeys(asked))
    later = ["recorded_within"] if years is not None else []
    return ["unrecognised", *later, "recorded"] if truth else [*later, "recorded"]


def _groupings(by: Sequence[str]) -> list[By]:
    from evi.casefinding.groups import DIMENSIONS  # noqa: PLC0415

    unknown = sorted(set(by) - {*DIMENSIONS, "all"})
    if unknown:
        raise EviError(
            f"there is no grouping by {unknown[0]}.",
            where="--by",
            do=f"Choose from {', '.join(DIMENSIONS)}, or all.",
            exit_code=2,
        )
    return [each for each in DIMENSIONS if each in by or "all" in by]


def _write(document: dict[str, Any], path: Path) -> None:
    with replace_file(path) as scratch:
        scratch.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
