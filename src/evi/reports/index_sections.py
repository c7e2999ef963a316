"""Sections on the index itself: how it is spread, which needs there are, and how they have changed."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evi.index import NOT_ENOUGH_KNOWN, Panel
from evi.index.disclosure import HIDDEN, SMALLEST_SHOWN, Shown, share, shown, shown_parts
from evi.index.intervals import wilson
from evi.reports.blocks import Chart, Note, Section, Table, section, table
from evi.reports.charts import ACCENT, INK, MUTED, SCALE, UNKNOWN, bars, chart, percent, plain_axes
from evi.reports.draws_table import draws_table
from evi.reports.material import KNOWN, Material
from evi.reports.words import share_text

MOST_NEEDS = 10
"""Children with this many needs or more are one bar."""


def index_section(material: Material) -> Section:
    """How many needs children have, and the bands."""
    title = "How many needs do children have?"
    if not material.n_known:
        return section(
            "index", title, "Not enough is known of any child here on this day, so no index is shown."
        )
    bands = material.catalogue.bands
    gap = material.n_children - material.n_known
    return section(
        "index",
        title,
        "For each child we ask the questions that fit the child's age. We leave out those that nobody can "
        "answer. The index is the number of needs on record, divided by the number of questions that can be "
        "answered. 3 needs out of 30 answers gives an index of 0.1.",
        _needs_chart(material),
        _bands_chart(material),
        Note(
            "These bands are provisional. Nobody has published bands for children. They must be set again "
            "from real records before anyone relies on them.",
            "warning",
        )
        if bands.provisional
        else None,
        f"{shown(gap)} children are in no band, because fewer than {bands.minimum_share:.0%} of the "
        "questions for their age can be answered. No index is shown for them. It would look like good news "
        "when it is only silence."
        if gap
        else "Enough is known of every child.",
    )


def _needs_chart(material: Material) -> Chart:
    found = dict(
        material.rows(
            f"SELECT least(n_present, {MOST_NEEDS}), count(*) FROM children WHERE {KNOWN} GROUP BY 1"
        )
    )
    counts = {n: int(found.get(n, 0)) for n in range(MOST_NEEDS + 1)}
    parts, whole = shown_parts(counts), shown(material.n_known)
    names = {n: str(n) if n < MOST_NEEDS else f"{n} or more" for n in counts}
    shares = [share(parts[n], whole) for n in counts]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        axes.bar(list(counts), [value or 0 for value in shares], width=0.72, color=ACCENT)
        for n, value in zip(counts, shares, strict=True):
            if value is not None:
                axes.text(n, value, percent(value), ha="center", va="bottom", size=6.8 if narrow else 8.2)
        axes.set_xticks(list(counts), [f"{n}+" if n == MOST_NEEDS else str(n) for n in counts])
        axes.set_xlabel("Needs on record")
        axes.yaxis.set_major_formatter(lambda y, _position: percent(y))
        axes.tick_params(axis="x", colors=INK)
        plain_axes(axes, grid="y")

    none = share_text(parts[0], whole)
    return chart(
        "needs",
        "Number of needs on record, for children of whom enough is known",
        f"One bar for each number of needs, from none to {MOST_NEEDS} or more. {none} of children have none.",
        draw,
        (2.6, 2.3),
        table(
            "Children by number of needs on record",
            ("Needs on record", "Children", "Share"),
            [(names[n], parts[n], share_text(parts[n], whole)) for n in counts],
            (1, 2),
        ),
    )


def band_colours(n_bands: int) -> list[str]:
    """A colour for each band from least to most."""
    places = np.linspace(0, len(SCALE) - 1, n_bands).round().astype(int)
    return [SCALE[place] for place in places]


def _bands_chart(material: Material) -> Chart:
    bands = material.catalogue.bands
    found = dict(material.rows("SELECT band, count(*) FROM children GROUP BY band"))
    names = bands.all_names if found.get(NOT_ENOUGH_KNOWN) else bands.names
    parts = shown_parts({name: int(found.get(name, 0)) for name in names})
    whole = shown(material.n_children)
    colours = [*band_colours(len(bands.names)), UNKNOWN]
    shares = [share(parts[name], whole) for name in names]
    edges = ("0", *(f"{cut:g}" for cut in bands.cuts))
    ranges = [
        f"{low} up to {high}" if high else f"{low} and over"
        for low, high in zip(edges, (*edges[1:], ""), strict=True)
    ]

    def draw(figure: Figure, narrow: bool) -> None:
        axes, left = figure.add_subplot(), 0.0
        for name, value, colour in zip(names, shares, colours, strict=False):
            hatch = "////" if name == NOT_ENOUGH_KNOWN else None
            axes.barh(
                0, value or 0, left=left, height=0.6, color=colour, edgecolor=INK, linewidth=0.6, hatch=hatch
            )
            if (value or 0) > (0.12 if narrow else 0.05):
                dark = colour in SCALE[2:]
                box = {"facecolor": UNKNOWN, "edgecolor": "none", "pad": 1.5} if hatch else None
                axes.text(
                    left + (value or 0) / 2, 0, percent(value or 0), ha="center", va="center",
                    color="white" if dark else INK, bbox=box,
                )  # fmt: skip
            left += value or 0
        axes.set_xlim(0, max(left, 0.01))
        axes.set_axis_off()

    rows = [
        (name.capitalize(), span, parts[name], share_text(parts[name], whole))
        for name, span in zip(names, (*ranges, "no index"), strict=False)
    ]
    return chart(
        "bands",
        "All children by band",
        "One bar cut into bands. " + "; ".join(f"{row[0]}: {row[3]}" for row in rows) + ".",
        draw,
        (0.75, 0.7),
        table("Children in each band", ("Band", "Index", "Children", "Share"), rows, (2, 3)),
        legend=[(c, name, name == NOT_ENOUGH_KNOWN) for c, name in zip(colours, names, strict=False)],
    )


def domains_section(material: Material) -> Section:
    """Needs by area of life, with each indicator in a table."""
    title = "Which needs are on record?"
    if not material.n_children:
        return section("domains", title, "No child is known on this day, so there are no needs to show.")
    counted = domain_counts(material)
    return section(
        "domains",
        title,
        "This shows how many children have at least one need in each area of life, out of the children about "
        "whom someone could say. The thin line is the range that chance alone could give.",
        _domains_chart(material, counted),
        _indicators_table(material),
        draws_table(material),
    )


def domain_counts(material: Material) -> dict[str, tuple[Shown, Shown]]:
    """For each domain, children with a need, and children about whom someone could say."""
    found = {
        domain: (shown(n), shown(of))
        for domain, n, of in material.rows(
            "SELECT domain, n_present, n_assessable FROM domain_rates WHERE place_kind = 'district'"
        )
    }
    return {domain: found.get(domain, (HIDDEN, HIDDEN)) for domain in material.catalogue.domain_ids}


def _domains_chart(material: Material, counted: dict[str, tuple[Shown, Shown]]) -> Chart:
    names = [material.catalogue.domain_title(domain) for domain in counted]
    shares = [share(*pair) for pair in counted.values()]
    n = np.array([pair[0].number or 0 for pair in counted.values()])
    of = np.array([pair[1].number or 0 for pair in counted.values()])
    _shares, low, high = wilson(n, of)
    ends = [
        (None, None) if value is None else (float(a), float(b))
        for value, a, b in zip(shares, low, high, strict=True)
    ]

    def draw(figure: Figure, narrow: bool) -> None:
        bars(
            figure.add_subplot(), names, shares, low=[a for a, _b in ends], high=[b for _a, b in ends],
            above=narrow,
        )  # fmt: skip

    rows = [
        (name, pair[0], pair[1], share_text(*pair), "" if a is None else f"{a:.1%} to {b:.1%}")
        for name, pair, (a, b) in zip(names, counted.values(), ends, strict=True)
    ]
    top = max(((value or 0, name) for value, name in zip(shares, names, strict=True)), default=(0, ""))
    return chart(
        "domains",
        "Children with at least one need, by area of life",
        f"One bar an area of life. The most is {top[1]} with {top[0]:.0%}.",
        draw,
        (0.5 + 0.29 * len(names), 0.5 + 0.42 * len(names)),
        table(
            "Children with at least one need, by area of life",
            (
                "Area of life",
                "Children with a need",
                "Children about whom someone could say",
                "Share",
                "Range",
            ),
            rows,
            (1, 2, 3, 4),
        ),
    )


def _indicators_table(material: Material) -> Table:
    found = {
        indicator: (shown(n), shown(of))
        for indicator, n, of in material.rows(
            "SELECT indicator, n_present, n_assessable FROM rates WHERE place_kind = 'district'"
        )
    }
    rows = []
    for entry in material.catalogue.own:
        n, of = found.get(entry.id, (shown(0), shown(0)))
        if not of.hidden:
            rows.append(
                (entry.title, material.catalogue.domain_title(entry.domain), n, of, share_text(n, of))
            )
    return table(
        "Every need that could be asked about, one by one",
        ("Need", "Area of life", "Children", "Out of", "Share"),
        rows,
        (2, 3, 4),
        folded=True,
    )


def trends_section(material: Material) -> Section:
    """The share of children with a need in each domain, month by month."""
    title = "How has this changed?"
    if material.panel is None:
        return section(
            "trends", title, "The records don't reach back a year yet, so there is no change to show."
        )
    months = [row["month"] for row in material.panel.months.select(["month"]).to_pylist()]
    return section(
        "trends",
        title,
        "Each small chart is one area of life. The line is the share of children with at least one need in "
        f"it, at the end of each month from {months[0]:%B %Y} to {months[-1]:%B %Y}, out of the children "
        "about whom someone could say.",
        _trends_chart(material, material.panel, months),
        Note(
            "A line can rise because more children have a need, or because a service began to send its "
            "records or to look more closely. Check the section on what we can see before reading it as good "
            "or bad news."
        ),
    )


def _trends_chart(material: Material, panel: Panel, months: list[date]) -> Chart:
    series: dict[str, list[float]] = defaultdict(list)
    for row in panel.domains.to_pylist():
        value = share(shown(row["n_present"]), shown(row["n_assessable"]))
        series[row["domain"]].append(np.nan if value is None else value)
    drawn = {domain: values for domain, values in series.items() if not np.isnan(values).all()}
    titles = [material.catalogue.domain_title(domain) for domain in drawn]

    def draw(figure: Figure, narrow: bool) -> None:
        across = 1 if narrow else 2
        down = max((len(drawn) + across - 1) // across, 1)
        grid: np.ndarray[tuple[int, int], np.dtype[np.object_]] = figure.subplots(
            down, across, squeeze=False, sharex=True
        )
        for axes, (domain, values) in zip(grid.ravel(), drawn.items(), strict=False):
            _small_line(axes, material.catalogue.domain_title(domain), months, values)
        for axes in grid.ravel()[len(drawn) :]:
            axes.set_axis_off()

    yearly = [place for place in range(len(months)) if (len(months) - 1 - place) % 12 == 0]
    rows = [
        (name, *("not shown" if np.isnan(values[place]) else percent(values[place]) for place in yearly))
        for name, values in zip(titles, drawn.values(), strict=True)
    ]
    down = max(len(drawn), 1)
    return chart(
        "trends",
        "Share of children with a need in each area of life, month by month",
        "One small line chart an area of life. The table gives the same shares once a year.",
        draw,
        (0.4 + 1.02 * ((down + 1) // 2), 0.4 + 1.0 * down),
        table(
            "Share of children with a need in each area of life",
            ("Area of life", *(f"{months[place]:%b %Y}" for place in yearly)),
            rows,
            tuple(range(1, len(yearly) + 1)),
        ),
    )


def _small_line(axes: Axes, title: str, months: list[date], values: list[float]) -> None:
    at = np.arange(len(months))
    axes.plot(at, values, color=ACCENT, linewidth=1.6)
    axes.fill_between(at, 0, values, color=ACCENT, alpha=0.10, linewidth=0)
    top = float(np.nanmax(values))
    axes.set_ylim(0, top * 1.35 if top > 0 else 1)
    axes.set_xlim(-0.5, len(months) * 1.12)
    axes.set_title(title, loc="left", size=8.6, color=INK, weight="bold", pad=3)
    last = max((place for place in at if not np.isnan(values[place])), default=None)
    if last is not None:
        axes.plot(last, values[last], "o", color=ACCENT, markersize=3.2)
        axes.text(last + len(months) * 0.015, values[last], percent(values[last]), va="center", size=8.2)
    january = [place for place in at if months[place].month == 1]
    axes.set_xticks(january, [f"{months[place].year}" for place in january], size=7.6, color=MUTED)
    axes.set_yticks([0, top], ["0", percent(top)] if top > 0 else ["0", ""], size=7.6, color=MUTED)
    plain_axes(axes, grid="y")


def hidden_note() -> Note:
    """What is hidden in the report and why."""
    return Note(
        f"Numbers under {SMALLEST_SHOWN} are not shown, so that no child can be picked out. Other numbers "
        "are rounded to the nearest 5, so they may not add up exactly."
    )
