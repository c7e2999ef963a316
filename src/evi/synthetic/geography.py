"""Small areas of the district: invented ones whose polygons tile, or real ones from published boundaries."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.spatial import Voronoi

from evi.synthetic.calendar import Floats, Ints
from evi.synthetic.draws import Generator, stream
from evi.workspace import EviError

Ring = list[tuple[float, float]]

# Shares of a district's LSOAs by national IMD decile. The first is Bradford's in 2019 (34%: calibration.csv);
# the last is 16 of 310. Those between are assumptions.
DECILE_SHARES = (0.340, 0.155, 0.100, 0.080, 0.075, 0.060, 0.055, 0.045, 0.038, 0.052)
CORNER, SIZE = (
    (1.2, 54.3),
    (0.42, 0.24),
)  # degrees: a box in the North Sea, so that nobody takes it for a place


@dataclass(frozen=True)
class Geography:
    """One row a small area (LSOA), plus what each home needs.

    Attributes:
        lsoa, lsoa_name, ward, ward_name: codes and names, one a small area.
        decile: IMD decile (1 = most deprived tenth in England); score: IMD score.
        weight: relative number of residents.
        inner: how far towards the middle of the district, as a normal score (drives who lives where).
        ward_number: number of each area's ward, 0 and up.
        lsoa_rings, ward_rings: polygons (list of rings, first the shell) by code.
    """

    lsoa: list[str]
    lsoa_name: list[str]
    ward: list[str]
    ward_name: list[str]
    decile: Ints
    score: Floats
    weight: Floats
    inner: Floats
    ward_number: Ints
    lsoa_rings: dict[str, Any]
    ward_rings: dict[str, Any]
    real: bool = False


WARD_HEADS = [
    "Abbot",
    "Beck",
    "Cold",
    "Dean",
    "Eller",
    "Fold",
    "Gill",
    "Hag",
    "Ing",
    "Kell",
    "Ling",
    "Moor",
    "North",
    "Oxen",
    "Pit",
    "Rook",
    "Scar",
    "Tarn",
    "Under",
    "Well",
    "Yew",
    "Bank",
    "Cross",
    "Dale",
    "East",
    "Frith",
    "Garth",
    "High",
    "Lower",
    "Mill",
]
WARD_TAILS = ["thorpe", "wick", "holme", "stead", "firth", "bottom", "mere", "cliffe", "royd", "shaw"]


def invented(people: int, seed: int) -> Geography:
    """Invent wards and LSOAs for a district of this many people: about 1,770 residents an LSOA when it is
    large.

    Below 110,000 people LSOAs get smaller rather than fewer than 62, so that a map still shows something.
    """
    rng = stream(seed, "geography")
    count = int(np.clip(round(people / 1770), 62, 2000))
    wards = max(6, round(count * 30 / 310))
    points = _spread(rng, count)
    cells = _cells(points)
    ward_of = _wards(points, wards)
    middle = np.hypot(*(points - 0.5).T)
    field = rng.normal(size=wards)[ward_of]
    deprived = _score(-2.0 * middle / middle.std() + 1.1 * field + 0.9 * rng.normal(size=count))
    inner = _score(-2.0 * middle / middle.std() + 1.3 * rng.normal(size=wards)[ward_of] + 0.5 * deprived)
    order = np.argsort(-deprived)
    edges = np.cumsum(np.round(np.array(DECILE_SHARES) * count)).astype(int)
    decile = np.empty(count, dtype=np.int64)
    decile[order] = np.minimum(np.searchsorted(edges, np.arange(count), side="right") + 1, 10)
    score = np.round(70 * np.exp(-0.35 * (decile - 1)) + rng.uniform(-2, 4, count), 2)
    names = [f"{head}{WARD_TAILS[i % 10]}" for i, head in enumerate(np.resize(WARD_HEADS, wards))]
    codes = [f"E05997{i:03d}" for i in range(wards)]
    within = np.zeros(wards, dtype=int)
    lsoa_names = []
    for ward in ward_of:
        within[ward] += 1
        lsoa_names.append(f"{names[ward]} {within[ward]:02d}")
    lsoas = (
        [f"E01997{i:03d}" for i in range(count)] if count < 1000 else [f"E0199{i:04d}" for i in range(count)]
    )
    rings = {code: [cell] for code, cell in zip(lsoas, cells, strict=True)}
    ward_rings = {codes[w]: _dissolve([cells[i] for i in np.flatnonzero(ward_of == w)]) for w in range(wards)}
    return Geography(
        lsoas,
        lsoa_names,
        [codes[w] for w in ward_of],
        [names[w] for w in ward_of],
        decile,
        score,
        rng.gamma(30, 1 / 30, count),
        inner,
        ward_of,
        rings,
        ward_rings,
    )


def _score(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)


def _spread(rng: Generator, count: int) -> Floats:
    """Points in the unit square, denser towards the middle, evened out by two rounds of Lloyd's method."""
    points = np.clip(0.5 + rng.normal(scale=0.24, size=(count * 2, 2)), 0.01, 0.99)[:count]
    for _ in range(4):
        points = np.array([np.mean(cell[:-1], axis=0) for cell in _unit_cells(points)])
    return points


def _unit_cells(points: Floats) -> list[Ring]:
    """Voronoi cells clipped to the unit square: points mirrored in its sides make straight edges."""
    mirrored = [points]
    for axis in (0, 1):
        for side in (0.0, 1.0):
            other = points.copy()
            other[:, axis] = 2 * side - other[:, axis]
            mirrored.append(other)
    diagram = Voronoi(np.vstack(mirrored))
    corners = np.round(np.clip(diagram.vertices, -1, 2), 9)
    cells: list[Ring] = []
    for index in range(len(points)):
        ring = corners[diagram.regions[diagram.point_region[index]]]
        turn = np.argsort(np.arctan2(*(ring - points[index]).T[::-1]))
        shell = [(float(x), float(y)) for x, y in ring[turn]]
        cells.append([*shell, shell[0]])
    return cells


def _cells(points: Floats) -> list[Ring]:
    return [
        [(round(CORNER[0] + x * SIZE[0], 6), round(CORNER[1] + y * SIZE[1], 6)) for x, y in ring]
        for ring in _unit_cells(points)
    ]


def _wards(points: Floats, wards: int) -> Ints:
    """Group areas into wards of similar size: k-means with a limit on each ward's number of areas."""
    seats = points[np.linspace(0, len(points) - 1, wards).astype(int)]
    limit = -(-len(points) // wards) + 1
    ward_of = np.zeros(len(points), dtype=np.int64)
    for _ in range(12):
        distance = np.hypot(*(points[:, None, :] - seats[None, :, :]).transpose(2, 0, 1))
        room = np.full(wards, limit)
        for index in np.argsort(distance.min(axis=1)):
            for ward in np.argsort(distance[index]):
                if room[ward]:
                    ward_of[index], room[ward] = ward, room[ward] - 1
                    break
        seats = np.array([points[ward_of == w].mean(axis=0) for w in range(wards)])
    return ward_of


def _dissolve(cells: list[Ring]) -> list[Any]:
    """Outline of touching cells: edges that two of them share cancel, the rest are chained into rings."""
    edges: dict[tuple[float, float], list[tuple[float, float]]] = defaultdict(list)
    for ring in cells:
        for a, b in pairwise(ring):
            if a == b:
                continue
            if a in edges.get(b, ()):
                edges[b].remove(a)
            else:
                edges[a].append(b)
    rings: list[Ring] = []
    while any(edges.values()):
        start = next(point for point, to in edges.items() if to)
        ring = [start]
        while True:
            ring.append(edges[ring[-1]].pop())
            if ring[-1] == start:
                break
        rings.append(ring)
    return sorted(rings, key=len, reverse=True)


def from_files(boundaries: Path, imd: Path) -> Geography:
    """Real small areas: a folder with `*lsoa11*.geojson` and lookups of wards, and Indices of Deprivation
    2019.

    IMD 2019 is on LSOAs of 2011, so boundaries of 2011 are taken; wards come from published lookups (2011 to
    2021 LSOAs, then 2024 wards), never from points in polygons.

    Raises:
        EviError: a file that is needed is not there, or an area has no deprivation figures.
    """
    folder = boundaries if boundaries.is_dir() else boundaries.parent
    shapes = _one(folder, "*lsoa11.geojson", boundaries)
    features = sorted(
        json.loads(shapes.read_text(encoding="utf-8"))["features"],
        key=lambda f: str(f["properties"]["LSOA11CD"]),
    )
    codes = [str(f["properties"]["LSOA11CD"]) for f in features]
    ward_names = _ward_lookup(folder, codes)
    figures = pl.read_parquet(imd)
    by_code = {row["lsoa"]: row for row in _imd_rows(figures, codes)}
    missing = sum(code not in by_code or code not in ward_names for code in codes)
    if missing:
        raise EviError(
            f"{missing} of {len(codes)} areas have no deprivation figures or no ward.",
            where=str(imd),
            do="Use Indices of Deprivation 2019 with LSOA 2011 boundaries and West Yorkshire's lookups.",
        )
    wards = sorted({ward_names[code] for code in codes})
    numbers = np.array([wards.index(ward_names[code]) for code in codes], dtype=np.int64)
    middles = np.array([_middle(f["geometry"]) for f in features])
    away = np.hypot(*(middles - middles.mean(axis=0)).T)
    score = np.array([by_code[code]["score"] for code in codes])
    rings = {code: f["geometry"] for code, f in zip(codes, features, strict=True)}
    return Geography(
        codes,
        [str(f["properties"]["LSOA11NM"]) for f in features],
        [ward_names[code][1] for code in codes],
        [ward_names[code][0] for code in codes],
        np.array([by_code[code]["decile"] for code in codes], dtype=np.int64),
        score,
        np.array([by_code[code]["population"] for code in codes], dtype=float),
        _score(-away / away.std() + score / score.std()),
        numbers,
        rings,
        _ward_shapes(folder),
        real=True,
    )


def _one(folder: Path, pattern: str, named: Path) -> Path:
    if named.is_file():
        return named
    found = sorted(folder.glob(pattern))
    if not found:
        raise EviError(
            f"no file named {pattern} is there.",
            where=str(folder),
            do="Give a folder with LSOA 2011 boundaries as GeoJSON, or the file itself.",
        )
    return found[0]


def _ward_lookup(folder: Path, codes: list[str]) -> dict[str, tuple[str, str]]:
    """Ward (name, code) of each LSOA 2011, through the published lookups in `folder`."""
    changes = _one(folder, "lsoa11_lsoa21_change*.csv", folder)
    wards = _one(folder, "lsoa21_ward24*.csv", folder)
    with changes.open(encoding="utf-8-sig", newline="") as stream_:
        newer = {row["lsoa11_code"]: row["lsoa21_code"] for row in csv.DictReader(stream_)}
    with wards.open(encoding="utf-8-sig", newline="") as stream_:
        ward = {
            row["lsoa21_code"]: (row["ward24_name"], row["ward24_code"]) for row in csv.DictReader(stream_)
        }
    return {code: ward[newer[code]] for code in codes if newer.get(code) in ward}


def _imd_rows(figures: pl.DataFrame, codes: list[str]) -> list[dict[str, Any]]:
    """Score, decile and population by LSOA from the table of the Indices of Deprivation 2019."""
    needed = {"lsoa11_code", "IMD_score", "IMD_decile", "pop_total_mid2015"}
    if not needed <= set(figures.columns):
        raise EviError(
            f"the columns {', '.join(sorted(needed - set(figures.columns)))} are missing.",
            where="IMD file",
            do="Give the Indices of Deprivation 2019 by LSOA 2011, with those columns.",
        )
    return (
        figures.filter(pl.col("lsoa11_code").is_in(codes))
        .select(
            lsoa="lsoa11_code",
            score="IMD_score",
            decile=pl.col("IMD_decile").cast(pl.Int64),
            population="pop_total_mid2015",
        )
        .to_dicts()
    )


def _middle(geometry: dict[str, Any]) -> tuple[float, float]:
    rings = geometry["coordinates"] if geometry["type"] == "Polygon" else geometry["coordinates"][0]
    shell = np.array(rings[0])
    return float(shell[:, 0].mean()), float(shell[:, 1].mean())


def _ward_shapes(folder: Path) -> dict[str, Any]:
    found = sorted(folder.glob("*ward.geojson"))
    if not found:
        return {}
    features = json.loads(found[0].read_text(encoding="utf-8"))["features"]
    code = next(key for key in features[0]["properties"] if key.startswith("WD") and key.endswith("CD"))
    return {str(f["properties"][code]): f["geometry"] for f in features}
