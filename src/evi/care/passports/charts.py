"""The profile as a chart: one row a domain, one mark a view. A table beside it says the same in words."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from markupsafe import Markup, escape

from evi.care.passports.profiling import Profile

WIDTH, LEFT, ROW, TOP, RIGHT = 640, 190, 40, 34, 20
SHAPES = {
    "teacher": '<rect x="{x0}" y="{y0}" width="14" height="14" class="passport-chart__teacher"/>',
    "parent": '<circle cx="{x}" cy="{y}" r="8" class="passport-chart__parent"/>',
    "child": '<path d="M{x} {y1}l9 16h-18z" class="passport-chart__child"/>',
}
"""A shape of its own for each view, so that colour is never needed."""


def chart(profile: Profile, names: Mapping[str, str]) -> Markup:
    """The chart as SVG. Marks at one spot stand beside each other; a line joins views that differ much."""
    instrument, views = profile.instrument, list(profile.views)
    height = TOP + ROW * len(profile.lines) + 12
    scale = (WIDTH - LEFT - RIGHT) / instrument.top
    parts = [_bands(profile, scale, height)]
    for number, line in enumerate(profile.lines):
        y = TOP + ROW * number + ROW // 2
        parts.append(
            f'<text x="0" y="{y + 5}" class="passport-chart__domain">{escape(_(line.domain.title))}</text>'
        )
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" class="passport-chart__rule"/>')
        known = [
            (view, LEFT + score.mean * scale) for view, score in line.scores.items() if score.mean is not None
        ]
        if line.apart:
            xs = [x for _view, x in known]
            parts.append(f'<path d="M{min(xs):.1f} {y}H{max(xs):.1f}" class="passport-chart__apart"/>')
        taken: dict[int, int] = {}
        for view, x in known:
            spot = round(x)
            beside = sum(round(other) == spot for _view, other in known)
            y_now = y + (taken.get(spot, 0) - (beside - 1) / 2) * 11
            taken[spot] = taken.get(spot, 0) + 1
            parts.append(
                SHAPES[view].format(x=f"{x:.1f}", y=y_now, x0=f"{x - 7:.1f}", y0=y_now - 7, y1=y_now - 9)
            )
    said = ", ".join(names[view] for view in views)
    return Markup(  # noqa: S704 - numbers of ours, and titles that were escaped
        f'<svg class="passport-chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(_(instrument.title))}: {escape(said)}" direction="ltr">'
        + "".join(parts)
        + "</svg>"
    )


def legend(view: str) -> Markup:
    """The mark of a view, to stand before its name."""
    shape = SHAPES[view].format(x=9, y=9, x0=2, y0=2, y1=0)
    return Markup(f'<svg class="passport-legend" viewBox="0 0 18 18" aria-hidden="true">{shape}</svg>')  # noqa: S704


def _bands(profile: Profile, scale: float, height: int) -> str:
    """The bands as columns behind the rows, with their titles on top."""
    made, end = [], float(profile.instrument.top)
    for number, band in enumerate(profile.instrument.bands):
        x, width = LEFT + band.start * scale, (end - band.start) * scale
        made.append(
            f'<rect x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{height - TOP}" '
            f'class="passport-chart__band passport-chart__band--{number % 2}"/>'
            f'<text x="{x + width / 2:.1f}" y="{TOP - 10}" class="passport-chart__title">'
            f"{escape(_(band.title))}</text>"
        )
        end = band.start
    return "".join(made)
