# ruff: noqa: E501
"""A small made-up district in the shapes that the index reads, with nothing upstream of it run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evi.index.catalogue import Bands, Catalogue, Entry
from evi.workspace import District, DistrictConfig

DAY = date(2026, 8, 31)
FAR = date(9999, 12, 31)
BANDS = Bands(("fewest", "some", "more", "most"), (0.1, 0.2, 0.3), 0.5, True, "made up for tests.")

CATALOGUE = Catalogue(
    entries=(
        Entry("absent", "Missed a lot of school", "education", "child", 48, 216, ("school",), codes=("EDU/ATTENDANCE",)),
        Entry("sen", "Gets SEN support", "education", "child", 48, 216, ("school", "sen2"), codes=("EDU/SEN/SUPPORT",)),
        Entry("asq", "ASQ-3 below the cut-off", "early_years", "child", 24, 60, ("csds",), codes=("HEALTH/ASQ3",)),
        Entry("preterm", "Born early", "early_years", "child", 0, 60, ("maternity",), codes=("HEALTH/BIRTH/GESTATION",)),
        Entry("anxiety", "Anxiety on the GP's list", "health", "child", 60, 216, ("gp", "mhsds"), codes=("HEALTH/GP/PROBLEM/ANXIETY",)),
        Entry("da", "Domestic abuse at home", "domestic_abuse", "household", 0, 216, ("police",), codes=("POLICE/DA_INCIDENT",)),
        Entry("damp", "Damp at home", "housing", "household", 0, 216, ("housing",), codes=("HOUSING/DAMP",)),
        Entry("moves", "Three homes in two years", "housing", "child", 24, 216, ("gp", "school"), True, codes=("PLACE/MOVE",)),
        Entry("fsm", "Free school meals", "money", "child", 48, 216, ("school",), codes=("EDU/FSM",)),
        Entry("cin", "Child in need", "safety", "child", 0, 216, ("cin",), codes=("CSC/REFERRAL",)),
        Entry("school_absent", "A school where many miss a lot of school", "education", "school", 48, 216, rate_of="absent", rate_among="school", rate_at_least=150, minimum_children=10),
        Entry("area_damp", "An area with much damp", "housing", "area", 0, 216, rate_of="damp", rate_among="lsoa", rate_at_least=100, minimum_children=10),
    ),
    bands=BANDS,
    domains={
        "education": "Good education", "early_years": "Early years", "health": "Health",
        "domestic_abuse": "Domestic abuse", "housing": "Secure housing", "money": "Money", "safety": "Safe from harm",
    },
    digest="0" * 32,
)  # fmt: skip


@dataclass
class Tables:
    """Rows of a district by table; dates are dates and None is open."""

    subjects: list[tuple]
    spans: list[tuple]
    covered: list[tuple]
    residence: list[tuple] = ()
    enrolment: list[tuple] = ()
    coverage: list[tuple] = ()
    people: list[tuple] = ()
    events: list[dict] = ()
    needs: list[tuple] = ()

    @property
    def beyond(self) -> list[tuple]:
        """Present on days that are not covered."""
        found, covers = [], {}
        for owner, needs, begin, stop in self.covered:
            covers.setdefault((owner, needs), []).append((begin, stop or FAR))
        for subject, indicator, first, last in self.spans:
            start, end = first, last or FAR
            for begin, stop in covers.get((subject, f"needs of {indicator}"), ()):
                if begin < end and stop > start:
                    if start < begin:
                        found.append((subject, indicator, start, begin))
                    start = stop
            if start < end:
                found.append((subject, indicator, start, None if end == FAR else end))
        return found


I64, TEXT, DATE = pa.int64(), pa.string(), pa.date32()
SHAPES = {
    "subjects": ("records", [("subject_id", I64), ("birth_month", DATE), ("sex", TEXT), ("ethnicity", TEXT), ("language", TEXT), ("kind", TEXT)]),
    "spans": ("index", [("subject_id", I64), ("indicator", TEXT), ("true_from", DATE), ("true_to", DATE)]),
    "covered": ("index", [("subject_id", I64), ("needs", TEXT), ("true_from", DATE), ("true_to", DATE)]),
    "beyond": ("index", [("subject_id", I64), ("indicator", TEXT), ("true_from", DATE), ("true_to", DATE)]),
    "needs": ("index", [("indicator", TEXT), ("needs", TEXT)]),
    "residence": ("records", [("subject_id", I64), ("home", I64), ("lsoa", TEXT), ("start", DATE), ("end", DATE)]),
    "enrolment": ("records", [("subject_id", I64), ("school", TEXT), ("start", DATE), ("end", DATE)]),
    "coverage": ("records", [("subject_id", I64), ("feed", TEXT), ("start", DATE), ("end", DATE), ("known_at", DATE)]),
    "people": ("spine", [("feed", TEXT), ("person", I64), ("subject_id", I64), ("probability", pa.float64())]),
}  # fmt: skip
EVENT_SHAPE = pa.schema(
    [("subject_id", I64), ("time", pa.timestamp("us")), ("code", TEXT), ("numeric_value", pa.float32()),
     ("text_value", pa.large_string()), ("known_at", DATE), ("known_until", DATE), ("source", TEXT), ("record_id", I64), ("place_id", TEXT),
     ("end_time", pa.timestamp("us")), ("date_precision", TEXT), ("link_confidence", pa.float32()),
     ("withdrawn", pa.bool_()), ("delivery", TEXT)]
)  # fmt: skip


def write_tables(root: Path, tables: Tables, name: str = "Testbridge") -> District:
    """Write the rows as a district folder."""
    toml = root / "district.toml"
    district = (
        District.open(root)
        if toml.is_file()
        else District.create(root, DistrictConfig(name=name, synthetic=True))
    )
    for table, (room, columns) in SHAPES.items():
        rows = sorted(getattr(tables, table), key=lambda row: tuple(str(cell) for cell in row))
        if table in ("spans", "covered", "beyond"):
            rows = sorted(rows, key=lambda row: (row[1], row[0], row[2]))
        folder = district.root / room
        folder.mkdir(exist_ok=True)
        arrays = [pa.array([row[i] for row in rows], kind) for i, (_name, kind) in enumerate(columns)]
        pq.write_table(pa.table(arrays, pa.schema(columns)), folder / f"{table}.parquet")
    if tables.events:
        folder = district.records / "events"
        folder.mkdir(exist_ok=True)
        rows = sorted(tables.events, key=lambda row: (row["subject_id"], row["time"], row["code"]))
        pq.write_table(pa.Table.from_pylist(rows, EVENT_SHAPE), folder / "part-0.parquet")
    return district


def random_tables(n_children: int, seed: int, *, years: int = 3, catalogue: Catalogue = CATALOGUE) -> Tables:
    """A district of children at random, with homes, schools, gaps in coverage and doubtful links.

    Some areas and some children have more needs than others, so that patterns are there to be found.
    """
    rng = np.random.default_rng(seed)
    start = DAY - timedelta(days=365 * years)
    tables = Tables([], [], [], [], [], [], [], [])
    tables.needs = [(entry.id, f"needs of {entry.id}") for entry in catalogue.own]
    places = max(6, n_children // 60)
    feeds = sorted({feed for entry in catalogue.entries for feed in entry.feeds})
    for subject in range(1, n_children + 1):
        born = date(2006 + int(rng.integers(0, 21)), int(rng.integers(1, 9)), 1)
        tables.subjects.append((subject, born, "FM"[subject % 2], "ABC"[subject % 3], "ENG", "child"))
        home, school = (
            int(rng.integers(0, n_children // 2 + 1)),
            int(rng.integers(0, 5)),
        )
        if rng.random() < 0.95:
            tables.residence.append(
                (subject, 1000 + home, f"E0100{home % places:04d}", max(born, start), None)
            )
        if rng.random() < 0.7:
            tables.enrolment.append((subject, f"10000{school}", start, None if rng.random() < 0.9 else DAY))
        burden = 0.35 * float(rng.gamma(2.0, 0.5)) * (0.6 + 0.8 * (home % places) / places)
        covered = {}
        for feed in feeds:
            if rng.random() < 0.75:
                first = start + timedelta(days=int(rng.integers(0, 300)))
                last = DAY + timedelta(days=int(rng.integers(-200, 200)))
                covered[feed] = (first, last)
                tables.coverage.append((subject, feed, first, last, first))
                if rng.random() < 0.6:
                    chance = 1.0 if rng.random() < 0.8 else float(rng.uniform(0.6, 0.99))
                    tables.people.append((feed, subject * 100 + feeds.index(feed), subject, chance))
        for entry in catalogue.own:
            _indicator(rng, tables, subject, born, entry, covered, start, burden)
    return tables


def _indicator(rng, tables, subject, born, entry, covered, start, burden):
    age_first = months_on(born, entry.age_from)
    age_last = months_on(born, entry.age_to)
    known = [covered[feed] for feed in entry.feeds if feed in covered]
    if known and not (entry.every_feed and len(known) < len(entry.feeds)):
        join = (max, min) if entry.every_feed else (min, max)
        first = max(join[0](pair[0] for pair in known), age_first)
        last = min(join[1](pair[1] for pair in known), age_last)
        if first < last:
            tables.covered.append((subject, "needs of " + entry.id, first, last))
    at = start
    while rng.random() < min(burden, 0.8):
        at += timedelta(days=int(rng.integers(10, 400)))
        until = at + timedelta(days=int(rng.integers(5, 500)))
        if (first := max(at, age_first)) < (last := min(until, age_last)):
            for_good = rng.random() < 0.2
            tables.spans.append((subject, entry.id, first, None if for_good else last))
            if for_good:
                return
        at = until + timedelta(days=600)


def months_on(month: date, months: int) -> date:
    """The first of the month so many months later."""
    index = month.year * 12 + month.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def write_geography(district: District, n_places: int) -> None:
    """Squares for small areas, with names, wards and deciles."""
    folder = district.geography
    folder.mkdir(exist_ok=True)
    across = int(np.ceil(np.sqrt(n_places)))
    lines, features = ["lsoa,lsoa_name,ward,ward_name,imd_decile,imd_score,population"], []
    for place in range(n_places):
        code, x, y = f"E0100{place:04d}", place % across, place // across
        ward = place // 6
        lines.append(
            f"{code},Testbridge {ward + 1:03d}{'ABCDEF'[place % 6]},W{ward:03d},Ward {ward + 1},{place % 10 + 1},20,1500"
        )
        ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]]
        features.append(
            {
                "type": "Feature",
                "properties": {"LSOA21CD": code, "LSOA21NM": f"Testbridge {place}"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    (folder / "areas.csv").write_text("\n".join(lines) + "\n")
    (folder / "lsoa.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
