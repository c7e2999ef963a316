"""Drawings of waiting lists: a list by age of wait, a fan of what may come, need against capacity, what comes
after, speed against peak, and who goes to which school.

Each takes plain numbers, and each says under itself what it assumes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evi.reports.blocks import Chart, Points, table
from evi.reports.charts import ACCENT, INK, MUTED, PALE, SCALE, SECOND, chart, plain_axes

Numbers = Sequence[float] | npt.NDArray[np.float64]
LIMIT = "#8a3d10"
"""Colour of a limit: a dashed line, with its words beside it."""


@dataclass(frozen=True)
class Line:
    """One quantity by month or week: `values`, and the ends of an interval where it is not certain."""

    name: str
    days: Sequence[date]
    values: Numbers
    low: Numbers | None = None
    high: Numbers | None = None


def assumed(assumptions: Sequence[str]) -> Points | None:
    """What a chart takes for granted, to be set under it."""
    return Points("What this takes for granted", tuple(assumptions)) if assumptions else None


def list_by_age(
    name: str, title: str, bands: Sequence[tuple[int, int | None]], counts: Sequence[int | None], limit: int
) -> Chart:
    """How many children have waited how long so far; bands past the limit are darker.

    Args:
        bands: weeks, more than the first number (or none at all) and up to the second (None: no end).
        counts: children in each; None where it may not be shown.
        limit: weeks within which they should start.
    """
    labels = [f"over {low}" if high is None else f"{low}–{high}" for low, high in bands]

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        colours = [SECOND if low >= limit else SCALE[1] for low, _high in bands]
        axes.bar(range(len(bands)), [count or 0 for count in counts], color=colours, width=0.84)
        for place, count in enumerate(counts):
            text = "hidden" if count is None else f"{count:,}"
            axes.text(place, (count or 0), text, ha="center", va="bottom", size=7.4)
        axes.set_xticks(range(len(labels)), labels, size=7.0 if narrow else 8.0)
        axes.set_xlabel("weeks waited so far")
        axes.set_yticks([])
        plain_axes(axes, grid="y")

    total = sum(count or 0 for count in counts)
    late = sum(count or 0 for count, (low, _high) in zip(counts, bands, strict=True) if low >= limit)
    rows = [(label, "not shown" if n is None else f"{n:,}") for label, n in zip(labels, counts, strict=True)]
    return chart(
        name,
        title,
        f"One bar a span of weeks. About {late:,} of {total:,} have waited more than {limit} weeks.",
        draw,
        (2.6, 2.6),
        table(title, ("Weeks so far: more than the first number, up to the second", "Children"), rows, (1,)),
        legend=[
            (SCALE[1], f"up to {limit} weeks", False),
            (SECOND, f"more than {limit} weeks", False),
        ],
    )


def fan(
    name: str,
    title: str,
    past: Line | None,
    future: Line,
    bands: Mapping[int, tuple[Numbers, Numbers]],
    *,
    unit: str = "children",
    limit: tuple[float, str] | None = None,
) -> Chart:
    """What was, and what may come: the middle of the forecast and bands around it.

    Args:
        bands: level in percent: lower and upper ends, one value a day of `future`.
        limit: a level to draw across, with its words.
    """
    levels = sorted(bands, reverse=True)
    shades = dict(zip(levels, (PALE, SCALE[1], SCALE[2])[-len(levels) :] or (), strict=False))

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for level in levels:
            low, high = bands[level]
            axes.fill_between(_at(future.days), low, high, color=shades[level], linewidth=0)
        if past is not None:
            axes.plot(_at(past.days), past.values, color=INK, linewidth=1.6)
        axes.plot(_at(future.days), future.values, color=ACCENT, linewidth=1.6)
        if limit is not None:
            _limit(axes, *limit)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(unit)
        _dates(axes, [*(past.days if past else ()), *future.days], narrow)
        plain_axes(axes, grid="y")

    widest = max(levels, default=0)
    low, high = bands[widest] if levels else (future.values, future.values)
    rows = [
        (f"{day:%B %Y}", f"{middle:,.0f}", f"{low[place]:,.0f} to {high[place]:,.0f}")
        for place, (day, middle) in enumerate(zip(future.days, future.values, strict=True))
    ]
    legend = [(INK, "what was", False)] if past is not None else []
    legend += [(ACCENT, "middle of what may come", False)]
    legend += [(shades[level], f"{level} times in 100 it is inside", False) for level in levels]
    return chart(
        name,
        title,
        f"It ends at about {future.values[-1]:,.0f} {unit}; {widest} times in 100 between {low[-1]:,.0f} "
        f"and {high[-1]:,.0f}.",
        draw,
        (3.0, 2.8),
        table(title, ("When", "Middle", f"{widest} in 100 inside"), rows, (1, 2)),
        legend=legend,
    )


def lines(
    name: str,
    title: str,
    described: str,
    drawn: Sequence[Line],
    *,
    unit: str,
    limit: tuple[float, str] | None = None,
) -> Chart:
    """Several quantities over time, told apart by their dashes and a word at their end."""
    dashes = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
    colours = (ACCENT, SECOND, INK, "#5b3a8c")

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for place, line in enumerate(drawn):
            colour = colours[place % len(colours)]
            x = _at(line.days)
            if line.low is not None and line.high is not None:
                axes.fill_between(x, line.low, line.high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(x, line.values, color=colour, linestyle=dashes[place % len(dashes)], linewidth=1.7)
        if limit is not None:
            _limit(axes, *limit)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(unit)
        axes.margins(x=0.16 if not narrow else 0.3)
        _names_at_ends(axes, drawn, colours)
        _dates(axes, [day for line in drawn for day in line.days], narrow)
        plain_axes(axes, grid="y")

    days = sorted({day for line in drawn for day in line.days})
    found = [dict(zip(line.days, line.values, strict=True)) for line in drawn]
    rows = [
        (
            f"{day:%B %Y}",
            *(f"{one[day]:,.1f}" if day in one and one[day] == one[day] else "–" for one in found),
        )
        for day in _some(days, 24)
    ]
    return chart(
        name,
        title,
        described,
        draw,
        (3.0, 3.0),
        table(title, ("When", *(line.name for line in drawn)), rows, tuple(range(1, len(drawn) + 1))),
    )


def small_lines(name: str, title: str, described: str, drawn: Sequence[Line], unit: str) -> Chart:
    """One small chart a service, each on a scale of its own."""

    def draw(figure: Figure, narrow: bool) -> None:
        across = 1 if narrow else 2
        down = max((len(drawn) + across - 1) // across, 1)
        grid: np.ndarray[tuple[int, int], np.dtype[np.object_]] = figure.subplots(
            down, across, squeeze=False, sharex=True
        )
        for axes, line in zip(grid.ravel(), drawn, strict=False):
            x = _at(line.days)
            if line.low is not None and line.high is not None:
                axes.fill_between(x, line.low, line.high, color=PALE, linewidth=0)
            axes.plot(x, line.values, color=ACCENT, linewidth=1.6)
            axes.set_title(line.name, loc="left", size=8.6, color=INK, weight="bold", pad=3)
            axes.set_ylim(bottom=0)
            axes.locator_params(axis="y", nbins=4)
            _dates(axes, line.days, narrow, across)
            plain_axes(axes, grid="y")
        for axes in grid.ravel()[len(drawn) :]:
            axes.set_axis_off()

    rows = [
        (
            line.name,
            f"{np.mean(line.values):,.1f}",
            f"{np.max(line.values):,.1f}",
            f"{line.days[int(np.argmax(line.values))]:%B %Y}",
        )
        for line in drawn
    ]
    down = max(len(drawn), 1)
    return chart(
        name,
        title,
        described,
        draw,
        (0.4 + 1.25 * ((down + 1) // 2), 0.4 + 1.2 * down),
        table(title, ("Service", f"Mean, {unit}", f"Most, {unit}", "When"), rows, (1, 2)),
        legend=[(PALE, "most of what may come", False)],
    )


def frontier(
    name: str, title: str, described: str, points: Sequence[tuple[float, float, str]], x: str, y: str
) -> Chart:
    """Choices that trade one thing for another: each point is one plan, with its words."""

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        order = sorted(points)
        axes.plot([p[0] for p in order], [p[1] for p in order], color=SCALE[1], linewidth=1.4)
        axes.plot([p[0] for p in order], [p[1] for p in order], "o", color=ACCENT, markersize=4.5)
        step = max(1, len(order) // (4 if narrow else 8))
        for place, (across, up, words) in enumerate(order):
            if place % step == 0 or place == len(order) - 1:
                axes.annotate(
                    words, (across, up), xytext=(5, 4), textcoords="offset points", size=7.2, color=MUTED
                )
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.12)
        plain_axes(axes, grid="both")

    rows = [(words, f"{across:,.1f}", f"{up:,.1f}") for across, up, words in sorted(points)]
    return chart(name, title, described, draw, (3.1, 3.0), table(title, ("Plan", x, y), rows, (1, 2)))


def rota_grid(
    name: str, title: str, described: str, weeks: Sequence[str], people: Sequence[str], days: np.ndarray
) -> Chart:
    """Who is at a school in which week: the darker, the more days.

    Args:
        days: [person, week], days at schools.
    """
    most = max(int(days.max(initial=0)), 1)

    def draw(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row in range(len(people)):
            for column in range(len(weeks)):
                n = int(days[row, column])
                shade = SCALE[min(n * (len(SCALE) - 1) // most, len(SCALE) - 1)] if n else "#f3f6f7"
                axes.add_patch(Rectangle((column + 0.04, row + 0.06), 0.92, 0.88, facecolor=shade))
                if n:
                    ink = "#ffffff" if n * (len(SCALE) - 1) // most >= 2 else INK
                    size = 5.8 if narrow else 6.6
                    axes.text(column + 0.5, row + 0.5, str(n), ha="center", va="center", size=size, color=ink)
        axes.set_xlim(0, len(weeks))
        axes.set_ylim(len(people), 0)
        step = 2 if narrow else 1
        axes.set_xticks([c + 0.5 for c in range(0, len(weeks), step)], weeks[::step], size=6.2, rotation=60)
        axes.set_yticks([r + 0.5 for r in range(len(people))], people, size=6.2)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)

    rows = [(who, f"{int(days[row].sum())}") for row, who in enumerate(people)]
    height = 0.8 + 0.165 * len(people)
    return chart(
        name,
        title,
        described,
        draw,
        (height, height),
        table(title, ("Who", "Days at schools"), rows, (1,)),
    )


def _at(days: Sequence[date]) -> list[float]:
    return [day.toordinal() for day in days]


def _limit(axes: Axes, level: float, words: str) -> None:
    axes.axhline(level, color=LIMIT, linestyle=(0, (4, 3)), linewidth=1.1)
    axes.annotate(
        words, (0.005, level), xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points",
        ha="left", va="bottom", size=7.6, color=LIMIT,
    )  # fmt: skip


def _names_at_ends(axes: Axes, drawn: Sequence[Line], colours: Sequence[str]) -> None:
    """Write each line's name at its last value, and move names apart that would stand on one another."""
    low, high = axes.get_ylim()
    apart = (high - low) * 0.065
    ends = []
    for place, line in enumerate(drawn):
        known = np.flatnonzero(np.isfinite(np.asarray(line.values, float)))
        if len(known):
            last = int(known[-1])
            ends.append((float(line.values[last]), line.days[last].toordinal(), place))
    at = -np.inf
    for value, day, place in sorted(ends):
        at = max(value, at + apart)
        axes.annotate(
            drawn[place].name, (day, at), xytext=(4, 0), textcoords="offset points", va="center", size=7.6,
            color=colours[place % len(colours)],
        )  # fmt: skip


def _dates(axes: Axes, days: Sequence[date], narrow: bool, across: int = 1) -> None:
    """Ticks at the starts of years, or of months where the time is short."""
    first, last = min(days), max(days)
    months = [
        date(year, month, 1)
        for year in range(first.year, last.year + 2)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    most = (3 if narrow else 7) // across
    step = max(1, -(-len(months) // max(most, 2)))
    step = next((nice for nice in (1, 2, 3, 6, 12, 24, 36) if nice >= step), 60)
    ticks = [day for day in months if (day.year * 12 + day.month - 1) % step == 0]
    form = "%Y" if step >= 12 else "%b %Y"
    axes.set_xticks(_at(ticks), [f"{day:{form}}" for day in ticks], size=7.2, color=MUTED)


def _some(days: Sequence[date], most: int) -> list[date]:
    """At most so many of the days, evenly spread, the last among them."""
    step = -(-len(days) // most) if days else 1
    return list(days)[::-step][::-1]
