"""`evi release`: from the Insight zone to Care, by an agreement, to services that hold the child already."""

from __future__ import annotations

import textwrap
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption, app
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.workspace import District, EviError

if TYPE_CHECKING:
    from evi.sharing.decisions import Door
    from evi.sharing.release import Package, ReleasePlan

AGREEMENTS = "agreements"
RELEASES = "releases"
LINKS, INDEX = "links.parquet", "index.parquet"


@app.command()
def release(
    worklist: Annotated[
        Path | None, typer.Argument(help="The folder of a work list, such as outputs/casefind/RULE-DAY.")
    ] = None,
    district: DistrictOption = HERE,
    agreement: Annotated[str, typer.Option(help="The agreement to release it under.")] = "",
    to: Annotated[
        list[str] | None, typer.Option(help="Only to these organisations (code or kind); repeat it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The release's name (default: the list's).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what each would see, and write nothing.")
    ] = False,
    links: Annotated[
        bool, typer.Option("--links", help="Release which records are of one child, and the index.")
    ] = False,
    retract: Annotated[str | None, typer.Option(help="Take the release of this name back.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is taken back.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Release a work list to services that already hold the child, or take a release back.

    Each service gets its own package, by its own coded record, with the reasons that it may be told. Nothing
    in it names a child.

    Example: `evi release outputs/casefind/autism-eyfsp-2026-08-31 --agreement casefinding-release --dry-run`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        if sum((worklist is not None, links, retract is not None)) != 1:
            raise EviError(
                "say what to release: a WORKLIST, or --links, or a release to --retract.",
                where="evi release",
                do="See `evi release --help`.",
                exit_code=2,
            )
        if retract is not None:
            _retract(opened, retract, reason, as_json=as_json)
            return
        if not agreement:
            raise EviError(
                "a release needs an agreement.",
                where="--agreement",
                do=f"Name one of {opened.root / AGREEMENTS}; `evi agreement list` shows them.",
                exit_code=2,
            )
        if links:
            manifest = release_links(opened, agreement, name)
            _told(opened, manifest, as_json=as_json)
            return
        plan = plan_of(opened, worklist or Path(), agreement, to or ())
        if dry_run:
            _show(plan, as_json=as_json)
            return
        _told(opened, release_plan(opened, plan, name), as_json=as_json)


def door_of(district: District) -> Door:
    """The agreements of a district.

    Raises:
        EviError: it has none, or one of them is wrong.
    """
    from evi.sharing.decisions import Door  # noqa: PLC0415 - the policy engine is loaded when asked for

    folder = district.root / AGREEMENTS
    if not any(folder.glob("*.yaml")):
        raise EviError(
            "this district has no agreements, so nothing may be released.",
            where=str(folder),
            do="Put the district's agreements there; see docs/sharing.md.",
            exit_code=2,
        )
    return Door.open([folder])


def plan_of(
    district: District, folder: Path, agreement: str, to: list[str] | tuple[str, ...] = ()
) -> ReleasePlan:
    """The plan of a work list's release, today.

    Raises:
        EviError: see `plan_release`; or nobody of `to` holds a child of the list.
    """
    from evi.casefinding.releasable import read_releasable  # noqa: PLC0415 - polars
    from evi.sharing.release import plan_release  # noqa: PLC0415

    today = _today()
    folder = folder if folder.is_dir() else district.root / folder
    found = read_releasable(district, folder, today)
    wanted = [each for each in found.recipients if not to or each.code in to or each.kind in to]
    if not wanted:
        raise EviError(
            "nobody whom you named holds a child of this list.",
            where="--to",
            do=f"Those who do: {', '.join(each.code for each in found.recipients)}.",
            exit_code=2,
        )
    return plan_release(door_of(district), agreement, found.cohort, found.cases, wanted, today)


def release_plan(district: District, plan: ReleasePlan, name: str | None = None) -> dict[str, Any]:
    """Write a release; gives its manifest."""
    from evi.sharing.packages import release_ledger, write_release  # noqa: PLC0415

    ledger = release_ledger(district.root)
    return write_release(plan, name or plan.cohort.name, district.outputs / RELEASES, ledger)


def release_links(district: District, agreement: str, name: str | None = None) -> dict[str, Any]:
    """Release which records are of one child, and the index with its reasons; gives the manifest.

    Raises:
        EviError: nothing is linked or indexed yet, or the agreement does not let them be released.
    """
    from evi.index.releasable import index_of, links_of  # noqa: PLC0415 - polars
    from evi.records import reference_day  # noqa: PLC0415
    from evi.sharing import release as rules  # noqa: PLC0415
    from evi.sharing.packages import release_ledger, write_tables  # noqa: PLC0415
    from evi.workspace import RunLedger  # noqa: PLC0415

    today, door, day = _today(), door_of(district), reference_day(district)
    decision = rules.check_release(door, agreement, rules.IDENTITY, today)
    by_index = rules.check_release(door, agreement, rules.INDEX, today)
    linked, together = links_of(district)
    recipients = [rules.Recipient(*each) for each in _holders(district)]
    told = rules.recipients_of_index(door, agreement, recipients, today)
    index = index_of(district, day, together, told)
    runs = RunLedger(district.root, district.runs)
    latest = {stage: runs.latest(stage) for stage in ("link", "index")}

    def write(scratch: Path) -> list[str]:
        linked.write_parquet(scratch / LINKS, compression="zstd")
        index.write_parquet(scratch / INDEX, compression="zstd")
        return [LINKS, INDEX]

    manifest = {
        "release": name or f"links-{day}",
        "released_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "agreement": agreement,
        "clause": f"{decision.clause}, {by_index.clause}",
        "gateway": decision.gateway,
        "day": day.isoformat(),
        "run": {stage: found.run_id for stage, found in latest.items() if found},
        "records": linked.height,
        "children": len(together),
        "indexed": index.height,
    }
    return write_tables(district.outputs / RELEASES, manifest, release_ledger(district.root), write)


def _holders(district: District) -> list[tuple[str, str, str]]:
    """Every organisation that holds records: code, kind and name; schools as the event store knows them."""
    import polars as pl  # noqa: PLC0415

    from evi.sharing.holders import holders  # noqa: PLC0415

    found: dict[str, tuple[str, str, str]] = {}
    path = district.records / "enrolment.parquet"
    places = pl.read_parquet(path)["school"].unique().sort().to_list() if path.is_file() else []
    for each in holders(district.root).values():
        for place in places if each.each_place else [""]:
            code = each.code_at(place)
            found[code] = (code, each.kind, each.name_at(place))
    return list(found.values())


def _retract(district: District, name: str, reason: str, *, as_json: bool) -> None:
    from evi.sharing.packages import release_ledger, retract  # noqa: PLC0415

    done = retract(district.outputs / RELEASES, name, reason, release_ledger(district.root))
    if as_json:
        show_json({"release": name, "because": done.because, "at": done.at})
        return
    out.print(f"[green]✓[/] {name} is taken back: {done.because}", highlight=False)
    out.print("Care takes it in with `evi care take-in`; a served district does so by itself.", markup=False)


def _told(district: District, manifest: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(manifest)
        return
    where = district.outputs / RELEASES / manifest["release"]
    out.print(f"[green]✓[/] released: {manifest['children']:,} children → {where}")
    rows = [
        {"to": code, "children": each["children"], "not sent": each["not_sent"], "clause": each["clause"]}
        for code, each in manifest.get("recipients", {}).items()
    ]
    if rows:
        show_table("", rows)
    out.print(
        f"Under {manifest['agreement']}, clause {manifest['clause']}, gateway {manifest['gateway']}; "
        "noted in the ledger of releases.",
        markup=False,
    )


def _show(plan: ReleasePlan, *, as_json: bool) -> None:
    """What each recipient would see: counts, and one card as it would read. No record, no code."""
    from evi.sharing.packages import manifest_of  # noqa: PLC0415

    if as_json:
        show_json(manifest_of(plan, plan.cohort.name, datetime.now(UTC)) | {"dry_run": True})
        return
    out.print("A dry run: nothing is written.\n")
    out.print(f"[bold]{plan.cohort.question}[/]")
    out.print(
        f"By {' and '.join(plan.cohort.rules)}, run {plan.cohort.run_id}; under {plan.agreement.spoken}, "
        f"clause {plan.clause}, gateway {plan.gateway}.",
        markup=False,
    )
    out.print(f"{plan.n_cases:,} children; {plan.n_nobody:,} are held by nobody who would be told.\n")
    show_table("", [_row(package) for package in plan.packages])
    for why in plan.not_recipients.values():
        out.print(f"· {why}", markup=False)
    shown = set()
    for package in plan.packages:
        if package.cards and package.recipient.kind not in shown:
            shown.add(package.recipient.kind)
            out.print(f"\nOne card, as {package.recipient.name} would read it:", markup=False)
            out.print(textwrap.indent(card_text(plan, package), "  "), markup=False)


def _row(package: Package) -> dict[str, object]:
    return {
        "to": package.recipient.code,
        "would see": ", ".join(package.roles),
        "children": len(package.cards),
        "reasons held back": package.n_withheld,
        "not sent": package.n_nothing,
        "clause": package.clause,
    }


def card_text(plan: ReleasePlan, package: Package) -> str:
    """The first card of a package, in the words of the screen."""
    card = package.cards[0]
    lines = ["Worth a professional look, because:", *(f"- {each.text}" for each in card.reasons)]
    if card.withheld:
        lines.append(f"- and {card.withheld} more, which this service may not be told")
    lines += [f"Not known: {each}" for each in card.not_known]
    lines += [f"What could come next: {card.next_step}"] if card.next_step else []
    lines += [f"This was {plan.cohort.rules[0]}'s work list; it is no diagnosis."]
    return "\n".join(lines)


def _today() -> date:
    return datetime.now(UTC).date()
