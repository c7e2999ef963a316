"""The picture of a chronology: a lane for each kind of entry, drawn by the server as SVG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

WIDTH, LABEL, LANE, TOP = 760, 150, 34, 26
"""Units of the picture: its width, the part for names, the height of a lane, the room for years."""


@dataclass(frozen=True)
class Point:
    """One entry: which lane, when (until when), fact or opinion."""

    lane: str
    on: date
    until: date | None
    nature: str


@dataclass(frozen=True)
class Mark:
    """What is drawn: the middle of a mark, its width (a span) and how many entries it stands for."""

    x: float
    width: float
    nature: str
    count: int


@dataclass(frozen=True)
class Lane:
    """One kind: its title, where it is drawn, its marks, and what a reader who sees no picture is told."""

    title: str
    y: float
    marks: tuple[Mark, ...]
    count: int
    first: date
    last: date


@dataclass(frozen=True)
class Timeline:
    """The whole picture: lanes, and the years along the top (place and number)."""

    lanes: tuple[Lane, ...]
    years: tuple[tuple[float, int], ...]
    height: float
    born: float | None = None
    width: int = WIDTH
    label: int = LABEL
    mirrored: bool = False


def draw(
    points: Iterable[Point], titles: dict[str, str], born: date | None = None, mirrored: bool = False
) -> Timeline | None:
    """The picture of the entries; None if there are none. `titles` gives the lanes in their order.

    Entries of one lane and nature that would lie on one another (within 6 units) are drawn as one mark that
    is as wide as they reach. `mirrored`: time runs from right to left, as its reader's language does.
    """
    listed = sorted(points, key=lambda point: (point.on, point.nature))
    if not listed:
        return None
    dates = [point.on for point in listed] + [point.until for point in listed if point.until]
    if born:
        dates.append(born)
    first, last = date(min(dates).year, 1, 1), date(max(dates).year + 1, 1, 1)
    scale = (WIDTH - LABEL - 16) / (last - first).days

    def x(day: date) -> float:
        return round(LABEL + 8 + (day - first).days * scale, 1)

    lanes = []
    by_lane: dict[str, list[Point]] = defaultdict(list)
    for point in listed:
        by_lane[point.lane].append(point)
    for number, key in enumerate(key for key in titles if key in by_lane):
        own = by_lane[key]
        marks = [mark for nature in ("fact", "opinion") for mark in _marks(own, nature, x)]
        ends = max(point.until or point.on for point in own)
        lanes.append(
            Lane(
                titles[key], TOP + LANE * (number + 0.5), _turned(marks, mirrored), len(own), own[0].on, ends
            )
        )
    every = max(1, round((last.year - first.year) / 12))
    years = tuple(
        (_turn(x(date(year, 1, 1)), mirrored), year) for year in range(first.year, last.year, every)
    )
    at_birth = _turn(x(born), mirrored) if born else None
    return Timeline(tuple(lanes), years, TOP + LANE * len(lanes) + 8, at_birth, mirrored=mirrored)


def _marks(points: list[Point], nature: str, x: object) -> list[Mark]:
    made: list[Mark] = []
    for point in points:
        if point.nature != nature:
            continue
        start, end = x(point.on), x(point.until or point.on)  # type: ignore[operator]
        if made and start - (made[-1].x + made[-1].width / 2) < 6:
            left = made[-1].x - made[-1].width / 2
            right = max(end, made[-1].x + made[-1].width / 2)
            made[-1] = Mark((left + right) / 2, right - left, nature, made[-1].count + 1)
        else:
            made.append(Mark((start + end) / 2, end - start, nature, 1))
    return made


def _turn(x: float, mirrored: bool) -> float:
    return round(WIDTH - x if mirrored else x, 1)


def _turned(marks: list[Mark], mirrored: bool) -> tuple[Mark, ...]:
    return tuple(
        Mark(_turn(mark.x, mirrored), round(mark.width, 1), mark.nature, mark.count) for mark in marks
    )
