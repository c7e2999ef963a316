"""The section on places: a map of small areas, and how far needs gather in a few of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from evi.index.disclosure import RULE, SMALLEST_SHOWN, Shown, shown
from evi.reports.blocks import Chart, Section, Table, section, table
from evi.reports.charts import SCALE, UNKNOWN, chart
from evi.reports.maps import Shapes, draw_map, read_shapes
from evi.reports.material import Material
from evi.reports.pattern_sections import gathering_table

MOST_PLACES = 10


@dataclass(frozen=True)
class _Area:
    code: str
    name: str
    ward: str
    children: Shown
    rate: float | None


def places_section(material: Material) -> Section:
    """Small areas by the share of answers that are needs, schools in sum, and concentration."""
    title = "Where are needs found?"
    areas = _areas(material)
    if not areas:
        return section(
            "places",
            title,
            "The records of this district don't say where children live, so there is no map.",
            gathering_table(material, "school", "schools"),
        )
    shapes = read_shapes(material.district.geography / "lsoa.geojson", [area.code for area in areas])
    hidden = sum(area.rate is None for area in areas)
    return section(
        "places",
        title,
        "Of every 100 questions that could be answered about the children of a small area, how many answers "
        "are a need? Small areas (LSOAs) have about 1,500 people each.",
        None if shapes is None else _map(areas, shapes),
        "There is no map, because the district's folder has no outlines of its areas."
        if shapes is None
        else None,
        _top(areas),
        f"{hidden} small area{' has' if hidden == 1 else 's have'} fewer than {SMALLEST_SHOWN} children of "
        "whom enough is known, and nothing is shown of them."
        if hidden
        else None,
        gathering_table(material, "lsoa", "small areas"),
        gathering_table(material, "school", "schools"),
        f"If needs were spread evenly, chance alone would put some more in one place than in another. “If "
        f"spread evenly” is what chance gives for children of these ages. {RULE}",
    )


def _areas(material: Material) -> list[_Area]:
    rows = material.rows(
        """SELECT l.lsoa, coalesce(a.lsoa_name, l.lsoa), coalesce(a.ward_name, ''), n_enough_known, evi_mean
           FROM lsoas AS l LEFT JOIN areas AS a USING (lsoa) ORDER BY l.lsoa"""
    )
    return [
        _Area(
            code,
            str(name),
            str(ward),
            shown(n),
            None if shown(n).hidden or mean is None else float(mean) * 100,
        )
        for code, name, ward, n, mean in rows
    ]


def _cuts(areas: list[_Area]) -> list[float]:
    """Edges of five classes with about as many areas in each."""
    rates = np.array([area.rate for area in areas if area.rate is not None])
    if len(rates) < len(SCALE):
        return []
    return sorted({round(float(cut), 1) for cut in np.quantile(rates, [0.2, 0.4, 0.6, 0.8])})


def _map(areas: list[_Area], shapes: Shapes) -> Chart:
    cuts = _cuts(areas)
    places = np.linspace(0, len(SCALE) - 1, len(cuts) + 1).round().astype(int)
    scale = [SCALE[place] for place in places]

    def shade(rate: float | None) -> str:
        return UNKNOWN if rate is None else scale[int(np.searchsorted(cuts, rate, side="right"))]

    colours = {area.code: shade(area.rate) for area in areas}
    hatched = {area.code for area in areas if area.rate is None}

    def draw(figure: Figure, narrow: bool) -> None:
        draw_map(figure.add_subplot(), shapes, colours, hatched, "#ffffff")

    edges = [f"{cut:.1f}" for cut in cuts]
    names = [f"under {edges[0]}", *(f"{a} to {b}" for a, b in pairwise(edges))] if edges else []
    names.append(f"{edges[-1]} or more" if edges else "all areas")
    legend = [(colour, name, False) for colour, name in zip(scale, names, strict=True)]
    if hatched:
        legend.append((UNKNOWN, "too few children to show", True))
    rates = [area.rate for area in areas if area.rate is not None]
    spread = (
        f"It runs from {min(rates):.1f} to {max(rates):.1f} in 100." if rates else "Nothing can be shown."
    )
    return chart(
        "map",
        "Needs for every 100 answers, by small area",
        f"A map of {len(shapes.rings)} small areas; the darker, the more needs. {spread}",
        draw,
        (min(7.4 * shapes.height, 7.4), 0),
        _all(areas),
        legend=legend,
        once=True,
    )


def _rows(areas: list[_Area]) -> list[tuple[str, str, str, str]]:
    return [
        (area.name, area.ward, str(area.children), "not shown" if area.rate is None else f"{area.rate:.1f}")
        for area in areas
    ]


_HEADERS = ("Small area", "Ward", "Children of whom enough is known", "Needs in 100 answers")


def _all(areas: list[_Area]) -> Table:
    return table("All small areas", _HEADERS, _rows(areas), (2, 3))


def _top(areas: list[_Area]) -> Table:
    shown_areas = [area for area in areas if area.rate is not None]
    top = sorted(shown_areas, key=lambda area: (-(area.rate or 0), area.code))[:MOST_PLACES]
    return table(
        f"The {len(top)} small areas with the most needs in 100 answers", _HEADERS, _rows(top), (2, 3)
    )
