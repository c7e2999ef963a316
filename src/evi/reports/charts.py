"""Drawings as inline SVG: the same bytes each time, text that stays text, and nothing fetched from anywhere.

Every chart is drawn twice, for wide screens and paper and for narrow screens, so that its words keep a
size that can be read. Colours are told apart by people with every common kind of colour vision, and none
carries a meaning alone.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

import matplotlib as mpl  # noqa: E402 - its font manager would speak while a list of fonts is made
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from evi.reports.blocks import Chart, Table  # noqa: E402

INK = "#16242f"
MUTED = "#4c5b66"
RULE = "#c5ced4"
ACCENT = "#12627a"
SECOND = "#b4501b"
PALE = "#d7e6ea"
SCALE = ("#d3e6ea", "#8fbfca", "#3f8ea1", "#155f75", "#082f3d")
"""One hue from light to dark, even in lightness, for amounts from least to most."""
UNKNOWN = "#e9e6df"
"""What is not known; always hatched as well."""

WIDE, NARROW = 7.4, 3.5
"""Widths in inches. The page shows a point of the drawing as about 1.35 pixels in both."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.6,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "text.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.grid": False,
    "grid.color": "#e3e8eb",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.6,
    "hatch.color": "#8b8577",
    "path.simplify": True,
}

Draw = Callable[[Figure, bool], None]


def chart(
    name: str,
    title: str,
    description: str,
    draw: Draw,
    height: tuple[float, float],
    numbers: Table,
    *,
    legend: Sequence[tuple[str, str, bool]] = (),
    once: bool = False,
) -> Chart:
    """Draw a chart in both widths.

    Args:
        name: an id for the page, unique in the report.
        description: what the chart shows, in words, for those who don't see it.
        draw: draws on a figure; told whether it is the narrow one.
        height: of the wide and of the narrow drawing, in inches.
        numbers: the same as a table.
        once: the wide drawing has no words in it and will do for both.
    """
    wide = _svg(name, title, description, draw, (WIDE, height[0]), narrow=False)
    narrow = "" if once else _svg(f"{name}-s", title, description, draw, (NARROW, height[1]), narrow=True)
    return Chart(name, title, description, wide, narrow, numbers, tuple(legend))


def _svg(
    name: str, title: str, description: str, draw: Draw, size: tuple[float, float], *, narrow: bool
) -> str:
    settings: Any = _STYLE | {"svg.hashsalt": name}
    with mpl.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure, narrow)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return embedded(stream.getvalue(), name, title, description)


def embedded(svg: str, name: str, title: str, description: str) -> str:
    """An SVG file as part of a page: ids of its own, a title and a description, no more digits than show."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="svg-{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#svg-{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#svg-{name}-\1"', body)
    body = re.sub(r"\d+\.\d{2,}", lambda number: f"{float(number.group()):.2f}".rstrip("0").rstrip("."), body)
    body = re.sub(r"\n\s*", "\n", body)
    view = re.search(r'viewBox="([^"]+)"', body)
    opening = (
        f'<svg viewBox="{view.group(1) if view else ""}" role="img" '
        f'aria-labelledby="svg-{name}-title svg-{name}-desc" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="svg-{name}-title">{escape(title)}</title>'
        f'<desc id="svg-{name}-desc">{escape(description)}</desc>'
    )
    return opening + body[body.index(">") + 1 :].strip()


def plain_axes(axes: Axes, *, grid: str = "x") -> None:
    """Take away all of a drawing's frame but what helps to read it."""
    for side in ("left", "bottom", "top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(visible=True, axis=grid)  # type: ignore[arg-type]


def bars(
    axes: Axes,
    labels: Sequence[str],
    shares: Sequence[float | None],
    *,
    low: Sequence[float | None] | None = None,
    high: Sequence[float | None] | None = None,
    notes: Sequence[str] | None = None,
    top: float | None = None,
    colour: str = SCALE[1],
    above: bool = False,
) -> None:
    """Horizontal bars of shares, first label on top; a share of None is written as not shown.

    Args:
        low, high: ends of an interval, drawn as a whisker.
        notes: what is written after each bar (the percentage by default).
        top: the share at the right edge.
        above: write each label above its bar rather than left of it, for narrow screens.
    """
    rows = range(len(labels))
    most = top or max([*(share or 0 for share in shares), *(share or 0 for share in high or ()), 0.01]) * 1.12
    axes.barh(list(rows), [share or 0 for share in shares], height=0.34 if above else 0.58, color=colour)
    for row in rows:
        share = shares[row]
        first, last = (low[row], high[row]) if low is not None and high is not None else (None, None)
        edge = share or 0.0
        if first is not None and last is not None:
            axes.plot((first, last), (row, row), color=INK, linewidth=1.3, solid_capstyle="butt")
            edge = max(edge, last)
        text = notes[row] if notes is not None else ("not shown" if share is None else percent(share))
        axes.text(edge + most * 0.012, row, text, va="center", ha="left", color=INK if share else MUTED)
        if above:
            axes.text(0, row - 0.23, labels[row], va="bottom", ha="left")
    axes.set_yticks([] if above else list(rows), [] if above else labels)
    axes.set_ylim(len(labels) - 0.5, -0.8 if above else -0.5)
    axes.set_xlim(0, most * 1.1)
    axes.xaxis.set_major_formatter(lambda x, _position: percent(x))
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, steps=[1, 2, 5, 10]))
    plain_axes(axes)


def percent(share: float) -> str:
    """A share as a whole percentage, or with one decimal below 1%.

    >>> percent(0.123), percent(0.004), percent(0)
    ('12%', '0.4%', '0%')
    """
    return f"{share:.1%}" if 0 < share < 0.01 else f"{share:.0%}"
