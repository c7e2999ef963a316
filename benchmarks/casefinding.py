"""How long case-finding takes: every child read by a rule, and the work list made.

`python -m benchmarks.casefinding DISTRICT [--rule RULE] [--date DAY] [--capacity N]` times a rule on a
district. `python -m benchmarks.casefinding --children 150000` makes a store of so many children, each with a
whole profile of one framework and some on a pathway, in a temporary folder, and times the rule on it.
Seconds on the clock and CPU seconds are of the work alone, without the start of the interpreter.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from evi.casefinding.finding import Findings, find
from evi.casefinding.frameworks import assessments
from evi.casefinding.places_offered import Offered
from evi.casefinding.worklist import make_worklist
from evi.records import reference_day
from evi.records.shapes import BY_CODE, code_id, family
from evi.workspace import District, DistrictConfig

DAY = date(2026, 8, 31)


def main(arguments: list[str] | None = None) -> None:
    """Time one rule, cold and warm, and its work list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("district", nargs="?", type=Path)
    parser.add_argument("--rule", default="autism-eyfsp")
    parser.add_argument("--date", type=date.fromisoformat)
    parser.add_argument("--capacity", type=int, default=2000)
    parser.add_argument("--children", type=int, default=150_000)
    asked = parser.parse_args(arguments)
    if asked.district is not None:
        _time(District.open(asked.district), asked.rule, asked.date, asked.capacity)
        return
    with tempfile.TemporaryDirectory() as folder:
        made = make_store(Path(folder) / "district", asked.children)
        _time(made, asked.rule, asked.date or DAY, asked.capacity)


def _time(district: District, rule: str, day: date | None, capacity: int) -> None:
    on = day or reference_day(district)
    found: Findings | None = None
    print("| work | wall s | CPU s |\n|---|---:|---:|")
    for name in ("find, first time", "find, again"):
        began, cpu = time.perf_counter(), _cpu()
        found = find(district, rule, on)
        print(f"| {name} | {time.perf_counter() - began:.2f} | {_cpu() - cpu:.2f} |", flush=True)
    assert found is not None
    began, cpu = time.perf_counter(), _cpu()
    made = make_worklist(district, found, offered=Offered(capacity))
    print(f"| work list | {time.perf_counter() - began:.2f} | {_cpu() - cpu:.2f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{rule} on {on}: {found.table.height:,} children asked, {found.counts['answer']}; "
          f"{made.table.height:,} on the list; peak {peak:.2f} GiB")  # fmt: skip


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def make_store(root: Path, children: int, seed: int = 1) -> District:
    """A store of children with whole profiles, made at random."""
    rng = np.random.default_rng(seed)
    district = District.create(root, DistrictConfig(name="Made up", synthetic=True))
    folder = district.records / "by_code"
    folder.mkdir(parents=True)
    who = np.arange(1, children + 1)
    year = rng.integers(2016, 2022, children)
    month = rng.integers(1, 13, children)
    born = np.array([f"{y}-{m:02}-01" for y, m in zip(year, month, strict=True)], "datetime64[D]")
    reception = year + 5 + (month > 8)
    low = rng.random(children) < 0.2
    frames: dict[str, list[pl.DataFrame]] = {}
    for name, framework in assessments()["eyfsp"].frameworks.items():
        mine = (reception >= 2022) == (name == "2021")
        on = np.array([f"{y}-06-30" for y in reception[mine]], "datetime64[D]")
        for code in framework.items:
            value = np.where(low[mine] & (rng.random(mine.sum()) < 0.7), 1, 2)
            frames.setdefault(family(code), []).append(_events(code, who[mine], on, value))
    for code in (
        "HEALTH/AUTISM/REFERRAL",
        "HEALTH/AUTISM/DISCHARGE",
        "HEALTH/GP/PROBLEM/AUTISM",
        "EDU/SEN/NEED/ASD",
    ):
        some = np.sort(rng.choice(who, children // 50, replace=False))
        on = np.datetime64("2024-01-01") + rng.integers(0, 700, len(some))
        frames.setdefault(family(code), []).append(_events(code, some, on, np.zeros(len(some))))
    for name, parts in frames.items():
        table = pl.concat(parts).select(BY_CODE.names)
        table.write_parquet(folder / f"{name}.parquet")
    _people(district, who, born, rng)
    return district


def _events(code: str, who: np.ndarray, on: np.ndarray, value: np.ndarray) -> pl.DataFrame:
    day = pl.Series(on)
    return pl.DataFrame(
        {"subject_id": who, "time": day.cast(pl.Datetime("us")), "numeric_value": value.astype("float32"),
         "known_at": day, "record_id": who * 1000 + code_id(code) % 1000}
    ).with_columns(
        code=pl.lit(code), code_id=pl.lit(code_id(code)), text_value=pl.lit(None, pl.String),
        known_until=pl.lit(None, pl.Date), source=pl.lit("made"), place_id=pl.lit(None, pl.String),
        end_time=pl.lit(None, pl.Datetime("us")), link_confidence=pl.lit(1.0, pl.Float32),
        withdrawn=pl.lit(False),
    )  # fmt: skip


def _people(district: District, who: np.ndarray, born: np.ndarray, rng: np.random.Generator) -> None:
    child = pl.DataFrame({"subject_id": who, "birth_month": born})
    people = child.with_columns(
        sex=pl.lit("F"), ethnicity=pl.lit("WBRI"), language=pl.lit("ENG"), kind=pl.lit("child")
    )
    people.write_parquet(district.records / "subjects.parquet")
    start = {"start": pl.col("birth_month"), "end": pl.lit(None, pl.Date)}
    feeds = [child.select("subject_id", feed=pl.lit(feed), known_at="birth_month", **start)
             for feed in ("csds", "gp", "school", "cin", "eyfsp")]  # fmt: skip
    pl.concat(feeds).write_parquet(district.records / "coverage.parquet")
    school = pl.Series([f"99{number:04}" for number in rng.integers(0, 200, len(who))])
    child.select("subject_id", school=school, **start).write_parquet(district.records / "enrolment.parquet")
    home = child.select("subject_id", home="subject_id", lsoa=school, **start)
    home.write_parquet(district.records / "residence.parquet")
    (district.records / "store.json").write_text(json.dumps({"reference_day": str(DAY), "state": "made up"}))


if __name__ == "__main__":
    main()
