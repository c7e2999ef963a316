"""Small areas as a map: polygons of a GeoJSON file, light enough to sit in a page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

Ring = npt.NDArray[np.float64]

GRID = 900
"""Corners are laid on a grid of this many steps across the district: finer than the page can show. Areas
that share a border keep sharing it, since the same corner always falls on the same step."""


@dataclass(frozen=True)
class Shapes:
    """The rings of each area, on a common grid, with the height of the district for its width."""

    rings: dict[str, list[Ring]]
    height: float


def read_shapes(path: Path, areas: Sequence[str]) -> Shapes | None:
    """Read the polygons of `areas`; None where the file is missing or has none of them.

    The property that holds the codes is the one whose values are most often among `areas`.
    """
    if not path.is_file():
        return None
    features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    wanted = set(areas)
    keys = sorted({key for feature in features for key in feature["properties"]})
    hits = {key: sum(f["properties"].get(key) in wanted for f in features) for key in keys}
    key = max(keys, key=lambda name: (hits[name], name), default="")
    if not key or not hits[key]:
        return None
    found = {
        str(f["properties"][key]): [np.asarray(ring, float)[:, :2] for ring in _rings(f["geometry"])]
        for f in features
        if f["properties"].get(key) in wanted
    }
    return _on_grid(found)


def _rings(geometry: Mapping[str, Any]) -> Iterator[list[list[float]]]:
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for polygon in polygons:
        yield from polygon


def _on_grid(found: dict[str, list[Ring]]) -> Shapes:
    corners = np.concatenate([ring for rings in found.values() for ring in rings])
    low, high = corners.min(axis=0), corners.max(axis=0)
    degrees = bool((np.abs(corners[:, 0]) <= 180).all() and (np.abs(corners[:, 1]) <= 90).all())
    squeeze = math.cos(math.radians(float(low[1] + high[1]) / 2)) if degrees else 1.0
    width, height = float(high[0] - low[0]) * squeeze or 1.0, float(high[1] - low[1]) or 1.0
    rings: dict[str, list[Ring]] = {}
    for area, outlines in found.items():
        rings[area] = []
        for ring in outlines:
            steps = np.round((ring - low) * (squeeze, 1.0) / width * GRID)
            keep = np.concatenate([[True], (np.diff(steps, axis=0) != 0).any(axis=1)])
            if keep.sum() > 3:
                rings[area].append(steps[keep] / GRID)
    return Shapes(rings, height / width)


def draw_map(axes: Axes, shapes: Shapes, colours: Mapping[str, str], hatched: set[str], line: str) -> None:
    """Fill each area with its colour; those in `hatched` are hatched too."""
    for area in sorted(shapes.rings):
        corners, codes = [], []
        for ring in shapes.rings[area]:
            corners.append(ring)
            codes += [Outline.MOVETO, *[Outline.LINETO] * (len(ring) - 2), Outline.CLOSEPOLY]
        if not corners:
            continue
        axes.add_patch(
            PathPatch(
                Outline(np.concatenate(corners), codes),
                facecolor=colours[area],
                edgecolor=line,
                linewidth=0.35,
                hatch="////" if area in hatched else None,
            )
        )
    axes.set_xlim(-0.005, 1.005)
    axes.set_ylim(-0.005, shapes.height + 0.005)
    axes.set_aspect("equal")
    axes.set_axis_off()
