"""`evi link review`: people judge pairs in doubt by how they agree, never by what stands in them."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from evi.cli.app import HERE, DistrictOption, JsonOption
from evi.cli.console import mistakes_explained, out, show_json, show_table
from evi.cli.link import link_app
from evi.linkage import review as reviewing
from evi.workspace import District


@link_app.command()
def review(
    district: DistrictOption = HERE,
    top: Annotated[int, typer.Option(help="How many pairs to show.", min=1)] = 10,
    decide: Annotated[str | None, typer.Option(help="The name of a pair to decide.")] = None,
    verdict: Annotated[str | None, typer.Option("--as", help="match, different or unsure.")] = None,
    by: Annotated[str, typer.Option(help="Who decides: a name or a role.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the pairs in doubt that would teach most, and take down what people say of them.

    You see how two records agree, never what stands in them. On a terminal, with --by, it asks pair by pair.
    The next `evi link` does as people decided, and learns from it.

    Example: `evi link review --decide 0f3a9c21b4d7 --as match --by "clerk one" --district my-district`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        if decide is not None:
            _show_entry(reviewing.decide(opened, decide, verdict or "", by), as_json=as_json)
            return
        told = reviewing.read_decisions(opened)
        pairs = reviewing.most_informative(reviewing.read_pairs(opened), told, top)
        if by and not as_json and sys.stdin.isatty():
            _ask(opened, pairs, by)
            return
        agreed = [vars(one) for one in reviewing.agreement(told)]
        if as_json:
            show_json({"pairs": pairs, "agreement": agreed})
            return
        _show(pairs, agreed)


def _show_entry(entry: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(entry)
    else:
        out.print(
            f"{entry['pair']}: {entry['verdict']}, says {entry['by']}. Used by the next evi link.",
            markup=False,
        )


def _show(pairs: list[dict[str, Any]], agreed: list[dict[str, Any]]) -> None:
    if not pairs:
        out.print("There is nothing in doubt that nobody has looked at.")
    for pair in pairs:
        _describe(pair)
    for one in agreed:
        one["reviewers"] = " and ".join(one["reviewers"])
    if agreed:
        show_table("How far reviewers agree", agreed)


def _describe(pair: dict[str, Any]) -> None:
    out.print(
        f"{pair['pair']}  {pair['feeds']}, chance {pair['p']:.2f}; {pair['like_it']} agree like this",
        markup=False,
    )
    for line in pair["agrees"].split("; "):
        out.print(f"    {line}", markup=False)


def _ask(district: District, pairs: list[dict[str, Any]], by: str) -> None:
    """Ask of each pair in turn; an empty answer leaves it, q ends."""
    for pair in pairs:
        _describe(pair)
        answer = input("One person? m(atch), d(ifferent), u(nsure), q(uit): ").strip()
        if answer.lower().startswith("q"):
            return
        verdict = reviewing.verdict_of(answer)
        if verdict is not None:
            reviewing.decide(district, pair["pair"], verdict, by)
