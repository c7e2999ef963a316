"""Sections on patterns: needs that come together, their order, and where they gather."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import TypeVar

from matplotlib.figure import Figure

from evi.index import Concentration, Order, Pair
from evi.index.disclosure import shown
from evi.index.intervals import poisson
from evi.reports.blocks import Chart, Note, Section, Table, section, table
from evi.reports.charts import ACCENT, INK, MUTED, RULE, SECOND, chart, plain_axes
from evi.reports.material import Material
from evi.reports.words import months_text

MOST_PAIRS = 10
MOST_ROWS = 10
MOST_EACH = 3
T = TypeVar("T")
_CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def patterns_section(material: Material) -> Section:
    """Pairs and threes against chance, and which need appears first."""
    title = "Which needs come together?"
    found = material.patterns
    joined = [pair for pair in found.joined if across_services(material, (pair.first, pair.second))]
    if not joined:
        return section(
            "patterns",
            title,
            f"We compared {found.n_pairs_tested:,} pairs of needs with what chance would give. "
            "None came together clearly more often than chance, across two services and in numbers "
            "large enough to show.",
        )
    strongest = sorted(joined, key=lambda pair: (-pair.low, pair.first, pair.second))
    top = _varied(strongest, lambda pair: (pair.first, pair.second), MOST_PAIRS)
    top.sort(key=lambda pair: (-pair.lift, pair.first, pair.second))
    return section(
        "patterns",
        title,
        f"We compared {found.n_pairs_tested:,} pairs of needs with what chance alone would give among "
        f"children of the same age. {len(found.joined):,} pairs came together more often than that, and "
        f"{len(joined):,} of these join what different services know. Here are the {len(top)} that stand out "
        "most, with no kind of need shown more than three times.",
        _pairs_chart(material, top),
        _threes_table(material),
        _domains_table(material),
        *_order_blocks(material),
        Note(
            "Two needs that come together need not cause each other. A service that knows a child well also "
            "writes more down. Pairs that would go together just by how they are defined are left out."
        ),
    )


def across_services(material: Material, indicators: Sequence[str]) -> bool:
    """Whether no two of the indicators can be answered by the same feed: what no service sees alone."""
    feeds = [set(material.catalogue[indicator].feeds) for indicator in indicators]
    return all(one.isdisjoint(other) for one, other in combinations(feeds, 2))


def _varied(found: Iterable[T], names: Callable[[T], tuple[str, str]], most: int) -> list[T]:
    """The first of them, with no family of needs (the goals of age five, say) in more than three."""
    used: Counter[str] = Counter()
    chosen: list[T] = []
    for one in found:
        families = {name.split("_")[0] for name in names(one)}
        if len(chosen) < most and all(used[family] < MOST_EACH for family in families):
            chosen.append(one)
            used.update(families)
    return chosen


def _pairs_chart(material: Material, pairs: list[Pair]) -> Chart:
    name = material.catalogue.title
    ranges = [tuple(float(x) / pair.expected for x in poisson(pair.n_both)) for pair in pairs]
    rows = [
        (
            f"{name(pair.first)} + {name(pair.second)}", shown(pair.n_both), _about(pair.expected),
            f"{pair.lift:.1f}", f"{low:.1f} to {high:.1f}",
            f"{pair.odds_ratio:.1f} ({pair.low:.1f} to {pair.high:.1f})",
        )
        for pair, (low, high) in zip(pairs, ranges, strict=True)
    ]  # fmt: skip

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        most = max(high for _low, high in ranges)
        axes.axvline(1, color=SECOND, linewidth=1.1)
        for row, (pair, (low, high)) in enumerate(zip(pairs, ranges, strict=True)):
            axes.plot((low, high), (row, row), color=INK, linewidth=1.1)
            axes.plot(pair.lift, row, "o", color=ACCENT, markersize=5.5)
            axes.text(high + most * 0.015, row, f"{pair.lift:.1f}", va="center")
            first, second = name(pair.first), name(pair.second)
            if narrow:
                axes.text(
                    0, row - 0.27, f"{first}\n+ {second}", va="bottom", ha="left", size=7.6, bbox=_CLEAR
                )
        labels = [f"{name(pair.first)}\n+ {name(pair.second)}" for pair in pairs]
        axes.set_yticks([] if narrow else range(len(pairs)), [] if narrow else labels, size=8)
        axes.set_ylim(len(pairs) - 0.5, -0.95 if narrow else -0.6)
        axes.set_xlim(0, most * 1.12)
        axes.set_xlabel("Times as many children as chance would give (1 = chance)")
        if narrow:
            axes.set_xlabel("Times as many as chance (1 = chance)")
        plain_axes(axes)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="x", colors=MUTED)
        axes.spines["bottom"].set_color(RULE)

    first = pairs[0]
    return chart(
        "pairs",
        "Pairs of needs that come together more often than chance",
        f"One dot a pair: how many times as many children have both as chance would give. The furthest is "
        f"“{name(first.first)}” with “{name(first.second)}”, {first.lift:.1f} times. The thin lines are the "
        "range that chance could give the figure.",
        draw,
        (0.6 + 0.4 * len(pairs), 0.7 + 0.55 * len(pairs)),
        table(
            "Pairs of needs against chance",
            ("Pair", "Children with both", "By chance", "Times", "Range", "Odds ratio (range)"),
            rows,
            (1, 2, 3, 4, 5),
        ),
    )


def _about(expected: float) -> str:
    return f"{expected:.1f}" if expected < 10 else f"{expected:,.0f}"


def _threes_table(material: Material) -> Table | None:
    name = material.catalogue.title
    across = [three for three in material.patterns.triples if across_services(material, three.indicators)]
    rows = [
        (" + ".join(name(i) for i in three.indicators), shown(three.n), _about(three.expected),
         f"{three.lift:.0f}", f"{three.low:.0f} to {three.high:.0f}")
        for three in sorted(across, key=lambda t: (-t.low, t.indicators))[:MOST_ROWS]
    ]  # fmt: skip
    headers = ("Three needs", "Children with all three", "By chance", "Times", "Range")
    return (
        table(
            "Three needs that three services know, furthest above chance",
            headers,
            rows,
            (1, 2, 3, 4),
        )
        if rows
        else None
    )


def _domains_table(material: Material) -> Table | None:
    name = material.catalogue.domain_title
    rows = [
        (" + ".join(name(domain) for domain in some.indicators), shown(some.n), _about(some.expected),
         f"{some.lift:.1f}")
        for some in material.patterns.domains[:MOST_ROWS]
    ]  # fmt: skip
    headers = ("Needs in exactly these areas of life", "Children", "By chance", "Times")
    return table("The most common sets of areas of life", headers, rows, (1, 2, 3)) if rows else None


def _order_blocks(material: Material) -> list[Table | Note]:
    wanted = [
        order
        for order in material.patterns.orders
        if not order.ages_decide and order.n_first and across_services(material, (order.first, order.second))
    ]
    clear = _varied(
        (order for order in wanted if order.share_first.low > 0.5),
        lambda order: (order.first, order.second),
        MOST_ROWS,
    )
    if not clear:
        return [Note("For no pair of two services is it clear which need is known first.")]
    return [
        table(
            "Which need is known first",
            (
                "First this, then that",
                "Children with both",
                "In this order",
                "Time between (middle)",
                "Range",
            ),
            [_order_row(material, order) for order in clear],
            (1, 2),
        )
    ]


def _order_row(material: Material, order: Order) -> tuple[str, ...]:
    name, days = material.catalogue.title, order.days_between
    return (
        f"{name(order.first)}, then: {name(order.second)}",
        str(shown(order.n)),
        f"{order.share_first.value:.0%}",
        months_text(days.value),
        f"{months_text(days.low)} to {months_text(days.high)}",
    )


def gathering_table(material: Material, kind: str, words: str) -> Table | None:
    """How far needs gather in places of one kind, against an even district."""
    found = [c for c in material.patterns.concentrations if c.kind == kind]
    if not found:
        return None
    return table(
        f"How far needs gather in a few {words}",
        ("Needs", f"In the fifth of {words} with most", "If spread evenly", "More than chance?"),
        [_gathering_row(material, c) for c in found],
        (1, 2),
    )


def _gathering_row(material: Material, c: Concentration) -> tuple[str, ...]:
    name = "All needs" if c.what == "all" else material.catalogue.domain_title(c.what)
    low, high = c.fifth_by_chance
    return (name, f"{c.fifth_share:.0%}", f"{low:.0%} to {high:.0%}", "Yes" if c.beyond_chance else "No")
