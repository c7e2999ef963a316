"""`evi casefind model`: a model that puts a rule's work list in order, if it does more good than the rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption
from evi.cli.casefind import casefind_app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District, RunLedger, StageResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evi.casefinding.models.by_group import GroupFound
    from evi.casefinding.models.making import Made

STAGE = "casefind-model"


@casefind_app.command()
def model(
    rule: Annotated[str, typer.Argument(help="A rule of one framework, such as gld-2012.")],
    district: DistrictOption = HERE,
    day: DateOption = None,
    kind: Annotated[str, typer.Option(help="logistic or boosting.")] = "logistic",
    years: Annotated[int, typer.Option(min=1, max=8, help="Outcome: recorded within so many years.")] = 3,
    willing: Annotated[
        tuple[int, int], typer.Option(help="Fewest and most children to assess for each one found.")
    ] = (3, 20),
    external: Annotated[Path | None, typer.Option(help="Try it in another district too.")] = None,
    expected_r2: Annotated[
        float | None, typer.Option(help="R squared (Cox-Snell) of an earlier model, for Riley's criteria.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="A feature to leave out.")] = None,
    refits: Annotated[int, typer.Option(min=5, max=500, help="How often to fit again.")] = 20,
    seed: Annotated[int, typer.Option(help="Number that decides how children are split.")] = 1,
    as_json: JsonOption = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where to write it (default: outputs/models).")
    ] = None,
) -> None:
    """Make a model beside a rule and try it; it is offered only if it does more good than the rule.

    Refused where too few children are there (Riley's criteria) or a feature gives the answer away. What is
    offered puts a work list in order, and never shows a chance of anything for a child.

    Example: `evi casefind model gld-2012 --district my-district --external other-district`
    """
    with mistakes_explained(as_json=as_json):
        from evi.casefinding.models.gate import range_of  # noqa: PLC0415 - loaded when asked for
        from evi.casefinding.models.making import make_model  # noqa: PLC0415
        from evi.casefinding.models.saved import load_model, write_model  # noqa: PLC0415

        opened = District.open(district)
        made = make_model(
            opened,
            rule,
            day_asked(opened, day),
            kind=kind,
            years=years,
            without=without or (),
            willing=range_of(*willing),
            external=None if external is None else District.open(external),
            expected_r2=expected_r2,
            refits=refits,
            seed=seed,
            progress=TerminalProgress(),
        )
        where = (folder or opened.outputs / "models" / f"{made.rule.id}-{kind}-{made.day}") / "model.json"
        where.parent.mkdir(parents=True, exist_ok=True)
        digest = write_model(made.to_json(), where)
        run = _record(opened, made, where, digest)
        if as_json:
            show_json({**load_model(where).about, "written": str(where), "run": run})
            return
        _show(made)
        out.print(f"[green]✓[/] written: {where} (run {run}, hash {digest})")


def _record(opened: District, made: Made, where: Path, digest: str) -> str:
    from evi.casefinding.known import files_read  # noqa: PLC0415
    from evi.records import family  # noqa: PLC0415

    codes = {*made.rule.codes, *(code for each in made.features for code in each.codes)}
    ledger = RunLedger(opened.root, opened.runs)
    inputs = ledger.hash_files(files_read(opened, sorted({family(code) for code in codes})))
    params = {
        "rule": made.rule.label, "rule_digest": made.rule.digest, "kind": made.kind, "day": str(made.day),
        "years": made.years, "seed": made.seed, "willing": list(made.verdict.willing), "model": digest,
    }  # fmt: skip
    result = StageResult(STAGE, {"children": made.children, "events": made.events})
    return ledger.record(result, params, inputs, [where]).run_id


TRIED = {
    "child": "other children",
    "family": "other families",
    "time": "later years",
    "place": "other schools",
}
TO_FIND = {
    "recorded_within": "recorded later",
    "unrecognised": "nobody knew of on the day (made-up truth)",
}


def _show(made: Made) -> None:
    _show_sample(made)
    _show_tried(made)
    _show_wavering(made)
    _show_gain(made)
    _show_groups("By group, of those recorded later", made.groups, came=True)
    _show_groups("By group, of those nobody knew of (made-up truth)", made.groups_unrecognised, came=False)
    if made.small:
        out.print(f"  too small to measure: {', '.join(made.small)}", markup=False)
    out.print(made.verdict.sentence, style="green" if made.verdict.offered else "yellow", markup=False)


def _show_sample(made: Made) -> None:
    out.print(
        f"[bold]{made.rule.label}[/]: {made.children:,} children of {len(made.cohorts)} years, "
        f"{made.events:,} recorded within {made.years} years; Riley's criteria ask for "
        f"{made.needed.children:,} children with {made.needed.events:,} "
        f"({made.needed.parameters} coefficients)."
    )
    for reason, count in made.left_out.items():
        out.print(f"  left out: {count:,} {reason}", markup=False)


def _show_tried(made: Made) -> None:
    """How it did where it did not learn, and what it said beside what came."""
    tried = made.validation
    rows = [_row("children it learned from", tried.apparent)]
    rows += [_row(TRIED[name], found) for name, found in tried.by.items()]
    if made.external is not None:
        rows.append(_row(f"other district: {made.external.name}", made.external.measured))
    rows.append(_row("the rule's score alone, other families", made.rule_score))
    rows.append(_row("yardstick (gradient boosting, not offered), other families", made.yardstick))
    show_table(f"The {made.kind} model", rows)
    for name, why in tried.not_done.items():
        out.print(f"  not tried by {name}: {why}", markup=False)
    honest = tried.by.get("family", tried.apparent)
    show_table(
        "What it said and what came, in steps (other families; shares, never shown for a child)",
        [{"children": s.children, "said": round(s.said, 3), "came": _said(s.came, 3)} for s in honest.curve],
    )


def _show_wavering(made: Made) -> None:
    wavers = made.wavering
    out.print(
        f"Fitted again on {wavers.refits} draws of families: area {wavers.auc_optimism:.3f} too good, slope "
        f"{wavers.slope_optimism:.3f} too good; places move by {wavers.rank_moves[0]:.1f} hundredths of "
        f"the list (one in twenty by {wavers.rank_moves[1]:.1f} or more); {wavers.stays:.0%} of those put "
        f"first stay first; {wavers.over_a_line:.0%} of children are now in, now out.",
        markup=False,
    )


def _show_gain(made: Made) -> None:
    """What it does beside the rule: net benefit, and who is found at equal work."""
    duels = [("", each) for each in made.verdict.duels]
    if made.external is not None:
        duels += [(f" ({made.external.name})", each) for each in made.external.duels]
    show_table(
        "Net benefit for every 1,000 children, model less rule",
        [{"against": each.against + place, "gain": _said(each.gain, 2)} for place, each in duels],
    )
    rows = [
        {
            "to find": TO_FIND[name], "assessed": each.assessed, "there": each.needy,
            "rule finds": each.rule, "model finds": each.model, "more": _said(each.more, 0),
        }
        for name, each in made.work.items()
    ]  # fmt: skip
    show_table("As many children assessed as the rule flags", rows)


def _show_groups(title: str, groups: Sequence[GroupFound], *, came: bool) -> None:
    """Who is found in each group; `came`: beside what the model said of them."""
    rows = [
        {
            "group": f"{each.by}: {each.group}",
            "children": each.children,
            **({"came": _said(each.came, 3), "said": round(each.said, 3)} if came else {"there": each.needy}),
            "rule finds": _said(each.by_rule, 2),
            "model finds": _said(each.by_model, 2),
        }
        for each in groups
    ]
    if rows:
        show_table(title, rows)


def _row(name: str, found: Any) -> dict[str, object]:
    return {
        "tried on": name, "children": found.children, "events": found.events, "area": _said(found.auc, 3),
        "slope": _said(found.slope, 2), "in the large": _said(found.intercept, 2),
    }  # fmt: skip


def _said(interval: Any, places: int) -> str:
    return f"{interval.value:.{places}f} ({interval.low:.{places}f} to {interval.high:.{places}f})"
