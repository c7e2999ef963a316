"""`make_district`: a whole synthetic district folder, extracts and truth, from a size and a seed."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evi.synthetic.calendar import REFERENCE_DAY, as_date
from evi.synthetic.calibration import calibration_rows, write_calibration
from evi.synthetic.canaries import plant, write_canaries
from evi.synthetic.geography import Geography, from_files, invented
from evi.synthetic.life import Life, live
from evi.synthetic.services import (
    community,
    emergency,
    eyfsp,
    gp,
    housing,
    looked_after,
    maternity,
    mental_health,
    police,
    school,
    sen,
    social_care,
)
from evi.synthetic.truth import write_truth
from evi.synthetic.world import World, make_world
from evi.synthetic.writing import Outbox
from evi.workspace import (
    SILENT,
    District,
    DistrictConfig,
    EviError,
    Progress,
    StageResult,
    replace_dir,
    replace_file,
)

LAST_DAY = as_date(REFERENCE_DAY)
MOST_PEOPLE = 800_000  # the test range of NHS numbers holds about 909,000, leavers included
FEWEST_PEOPLE = 500


def make_district(
    root: Path,
    people: int,
    seed: int,
    *,
    boundaries: Path | None = None,
    imd: Path | None = None,
    canaries: bool = False,
    until: date = LAST_DAY,
    progress: Progress = SILENT,
) -> StageResult:
    """Make a district folder at `root`: geography, addresses, what every agency delivered, and the truth.

    Args:
        root: a folder that holds no district yet.
        people: residents wanted on the reference day, 31 August 2026.
        seed: the same size and seed give the same bytes.
        boundaries, imd: real small areas in place of invented ones (see `geography.from_files`).
        canaries: also plant known identifiers, listed in `truth/canaries.json`.
        until: last day of what is delivered; `next_delivery` brings what comes after it.
        progress: where to show it.

    Raises:
        EviError: too many or too few people, only one of `boundaries` and `imd`, or a district is there
            already.
    """
    place = _place(people, seed, boundaries, imd)
    district = District.create(root, DistrictConfig(name=f"Synthetic district {seed}", synthetic=True))
    outbox = Outbox(district.extracts, until=until)
    with progress.task("Making the district", 24) as step:
        world = make_world(people, seed, place)
        step(2)
        life = live(world)
        planted = plant(world, life) if canaries else []
        write_geography(world, district)
        write_addresses(world, district.reference / "addresses.parquet")
        step(1)
        for write in services(world, life, outbox):
            write()
            step(1)
        write_truth(world, life.known, district.truth)
        write_calibration(calibration_rows(world, life), district.truth)
        if planted:
            write_canaries(planted, world, district.truth / "canaries.json")
    result = StageResult("new", rows={"people": world.people.count, "children": world.people.children})
    result.rows |= dict(sorted(outbox.rows.items()))
    result.figures = {"files": float(outbox.files), "rows": float(sum(outbox.rows.values()))}
    return result


def next_delivery(
    root: Path,
    people: int,
    seed: int,
    *,
    since: date,
    until: date,
    boundaries: Path | None = None,
    imd: Path | None = None,
    canaries: bool = False,
    progress: Progress = SILENT,
) -> StageResult:
    """Write what agencies deliver for the days after `since` up to `until`: new, late and corrected records.

    The district must have been made with the same arguments and `until=since`; it is made again in memory, so
    that ids and people are the same.
    """
    district = District.open(root)
    outbox = Outbox(district.extracts, since=since, until=until)
    with progress.task("Making the next delivery", 22) as step:
        world = make_world(people, seed, _place(people, seed, boundaries, imd))
        life = live(world)
        if canaries:
            plant(world, life)
        step(2)
        for write in services(world, life, outbox):
            write()
            step(1)
    rows = dict(sorted(outbox.rows.items()))
    return StageResult("deliver", rows=rows, figures={"files": float(outbox.files)})


def _place(people: int, seed: int, boundaries: Path | None, imd: Path | None) -> Geography:
    if not FEWEST_PEOPLE <= people <= MOST_PEOPLE:
        raise EviError(
            f"a synthetic district can have {FEWEST_PEOPLE:,} to {MOST_PEOPLE:,} people.",
            where="--people",
            do="Choose a size between them.",
            exit_code=2,
        )
    if (boundaries is None) != (imd is None):
        raise EviError(
            "real boundaries and deprivation go together.",
            where="--boundaries and --imd",
            do="Give both, or neither.",
            exit_code=2,
        )
    return invented(people, seed) if boundaries is None or imd is None else from_files(boundaries, imd)


def services(world: World, life: Life, outbox: Outbox) -> list[Any]:
    """The services' writers, in the order in which they are to be called."""
    known, helped, cases = life.known, life.support, life.cases

    def schools() -> None:
        school.open_school(world)
        school.census(world, helped, outbox)

    return [
        schools,
        lambda: school.attendance(world, life.absence, outbox),
        lambda: school.exclusions(world, outbox),
        lambda: eyfsp.profiles(world, life.results, outbox),
        lambda: gp.patients(world, outbox),
        lambda: gp.problems(world, known, outbox),
        lambda: maternity.births(world, outbox),
        lambda: community.community(world, known, outbox),
        lambda: mental_health.mental_health(world, outbox),
        lambda: emergency.attendances(world, outbox),
        lambda: sen.casework(world, helped, outbox),
        lambda: social_care.safeguarding(world, cases, outbox),
        lambda: social_care.census(world, cases, outbox),
        lambda: looked_after.returns(world, cases, outbox),
        lambda: police.incidents(world, outbox),
        lambda: housing.tenancies(world, outbox),
        lambda: housing.issues(world, outbox),
        lambda: housing.visits(world, outbox),
    ]


def write_geography(world: World, district: District) -> None:
    """Write `geography/`: areas.csv, lsoa.geojson and ward.geojson."""
    place, people, homes = world.place, world.people, world.homes
    here = np.flatnonzero(people.here(REFERENCE_DAY))
    dwelling = homes.of_person(here, np.full(here.size, REFERENCE_DAY))
    population = np.bincount(homes.lsoa[dwelling], minlength=len(place.lsoa))
    with replace_dir(district.geography) as folder:
        with (folder / "areas.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(
                ["lsoa", "lsoa_name", "ward", "ward_name", "imd_decile", "imd_score", "population"]
            )
            for row in range(len(place.lsoa)):
                writer.writerow(
                    [
                        place.lsoa[row], place.lsoa_name[row], place.ward[row], place.ward_name[row],
                        int(place.decile[row]), f"{place.score[row]:.2f}", int(population[row]),
                    ]
                )  # fmt: skip
        names = (
            dict(zip(place.lsoa, place.lsoa_name, strict=True)),
            dict(zip(place.ward, place.ward_name, strict=True)),
        )
        for level, rings, labels in (
            ("lsoa", place.lsoa_rings, names[0]),
            ("ward", place.ward_rings, names[1]),
        ):
            (folder / f"{level}.geojson").write_text(geojson(level, rings, labels), encoding="utf-8")


def geojson(level: str, shapes: dict[str, Any], names: dict[str, str]) -> str:
    """A feature collection with `code` and `name` of each area."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": names.get(code, code), "level": level},
            "geometry": shape if isinstance(shape, dict) else polygon(shape),
        }
        for code, shape in sorted(shapes.items())
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))


def polygon(rings: list[Any]) -> dict[str, Any]:
    """A polygon of rings: the first is the shell; rings that run the same way are parts of their own."""
    shells = [ring for ring in rings if area(ring) > 0]
    holes = [ring for ring in rings if area(ring) <= 0]
    if len(shells) == 1:
        return {"type": "Polygon", "coordinates": [shells[0], *holes]}
    return {"type": "MultiPolygon", "coordinates": [[shell] for shell in shells]}


def area(ring: list[tuple[float, float]]) -> float:
    """Signed area of a closed ring (positive: anticlockwise)."""
    points = np.asarray(ring)
    x, y = points[:, 0], points[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def write_addresses(world: World, path: Path) -> None:
    """Write `reference/addresses.parquet`: uprn, postcode, lsoa, address_line."""
    homes, place = world.homes, world.place
    table = pl.DataFrame(
        {
            "uprn": homes.uprn,
            "postcode": homes.postcode_text,
            "lsoa": pl.Series(place.lsoa).gather(homes.lsoa),
            "address_line": homes.line,
        }
    ).sort("uprn")
    with replace_file(path) as scratch:
        table.write_parquet(scratch, compression="zstd", row_group_size=122_880)
