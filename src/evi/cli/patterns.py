"""`evi patterns`: which needs come together, in which order, and where they gather."""

from __future__ import annotations

from typing import Annotated

import typer

from evi import index
from evi.cli.app import HERE, DateOption, DistrictOption, JsonOption, app
from evi.cli.console import TerminalProgress, mistakes_explained, out, show_json, show_table
from evi.cli.days import day_asked
from evi.workspace import District

DEFAULT_ROWS = 15


@app.command()
def patterns(
    district: DistrictOption = HERE,
    day: DateOption = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many rows of each table.")] = DEFAULT_ROWS,
    as_json: JsonOption = False,
) -> None:
    """Find which needs come together beyond chance, in which order they appear, and where they gather.

    Figures that rest on fewer than ten children are left out.

    Example: `evi patterns --district my-district --date 2026-08-31`
    """
    with mistakes_explained(as_json=as_json):
        opened = District.open(district)
        on = day_asked(opened, day)
        found = index.find_patterns(opened, on, TerminalProgress()).printable
        if as_json:
            show_json(found.to_json())
            return
        out.print(
            f"{found.n_children:,} children on {on}; {found.n_pairs_tested:,} pairs compared with chance\n"
        )
        _show(found, most)


def _show(found: index.Patterns, most: int) -> None:
    pairs = [
        {
            "need": pair.first,
            "with": pair.second,
            "children": pair.n_both,
            "by_chance": round(pair.expected, 1),
            "times_chance": round(pair.lift, 2),
            "odds_ratio": f"{pair.odds_ratio:.1f} ({pair.low:.1f} to {pair.high:.1f})",
        }
        for pair in found.joined
        if not pair.same_records
    ]
    show_table("Needs that come together", pairs[:most])
    threes = [
        {
            "needs": " + ".join(three.indicators),
            "children": three.n,
            "times_chance": f"{three.lift:.1f} ({three.low:.1f} to {three.high:.1f})",
        }
        for three in found.triples
    ]
    show_table("Three together", threes[:most])
    orders = [
        {
            "first": order.first,
            "then": order.second,
            "children": order.n,
            "in_this_order": f"{order.share_first.value:.0%}",
            "days_between": f"{order.days_between.value:.0f}",
        }
        for order in found.orders
        if not order.ages_decide
    ]
    show_table("Which appears first", orders[:most])
    places = [
        {
            "what": place.what,
            "by": place.kind,
            "places": place.n_places,
            "children": place.n_needs,
            "in_a_fifth_of_places": f"{place.fifth_share:.0%}",
            "by_chance": f"{place.fifth_by_chance[0]:.0%} to {place.fifth_by_chance[1]:.0%}",
        }
        for place in sorted(found.concentrations, key=lambda place: -place.fifth_share)
    ]
    show_table("Where needs gather", places[:most])
