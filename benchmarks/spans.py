"""Indicators and spans on 150,000 children and 60 million events, beside pandas and DuckDB.

`python -m benchmarks.spans [FOLDER] [--scale 1.0]` prints one table. FOLDER (or `EVI_BENCH`) keeps the event
store between runs; making it takes about ten minutes the first time. Each figure is of a process of its own;
CPU seconds are of the work alone, without the interpreter's start and imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.spans_month import make_month
from benchmarks.spans_peers import sixty, with_duckdb, with_pandas
from benchmarks.spans_world import make
from evi.indicators import (
    Changes,
    SpanFiles,
    SpanIndex,
    build_spans,
    evaluate_at,
    update_spans,
)

DAY = date(2024, 3, 1)
OTHER_DAY = date(2019, 11, 15)
WORK: dict[str, Callable[[Path], object]] = {}


def work(call: Callable[[Path], object]) -> Callable[[Path], object]:
    """Make a function something to measure."""
    WORK[call.__name__] = call
    return call


@work
def one_pass_at_a_date(folder: Path) -> object:
    """Sixty indicators at one date, ours."""
    states = evaluate_at(folder / "store", DAY, registry=sixty())
    return {"present": int((states.matrix == 2).sum())}


@work
def duckdb_at_a_date(folder: Path) -> object:
    """The same by one DuckDB query an indicator."""
    codes = [code for code in _codes(folder)]
    found = with_duckdb(str(folder / "store" / "events" / "*.parquet"), DAY, sixty(), codes)
    return {"answers": sum(len(ids) for ids in found.values())}


@work
def pandas_at_a_date(folder: Path) -> object:
    """The same by one pandas group-by an indicator."""
    found = with_pandas(folder / "store" / "events" / "part-0.parquet", DAY, sixty())
    return {"answers": sum(len(ids) for ids in found.values())}


@work
def build_sixty(folder: Path) -> object:
    """Spans of sixty indicators, for all years."""
    return build_spans(folder / "store", registry=sixty(), out=folder / "index").rows


@work
def build_all(folder: Path) -> object:
    """Spans of every stored indicator."""
    return build_spans(folder / "store", out=folder / "index-all").rows


@work
def any_date(folder: Path) -> object:
    """Two dates from the spans; the first opens the files."""
    index = SpanIndex(folder / "store", sixty(), folder / "index")
    return _each(lambda: index.state_at(DAY), lambda: index.state_at(OTHER_DAY))


@work
def sixty_months(folder: Path) -> object:
    """Prevalence at sixty month ends from the spans."""
    index = SpanIndex(folder / "store", sixty(), folder / "index")
    return _each(lambda: index.prevalence_by_month(date(2019, 9, 1), date(2024, 8, 1)))


@work
def month_update(folder: Path) -> object:
    """A month's new, late, corrected and withdrawn records."""
    changes = Changes.in_files([folder / "month" / "added.parquet"], [folder / "month" / "removed.parquet"])
    return update_spans(folder / "later", changes, registry=sixty(), out=folder / "index-updated").rows


@work
def rebuild_after_month(folder: Path) -> object:
    """Everything built anew after that month."""
    return build_spans(folder / "later", registry=sixty(), out=folder / "index-rebuilt").rows


def _codes(folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    return [str(code) for code in pq.read_table(folder / "store" / "codes.parquet")["code"].to_pylist()]


def _each(*calls: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each call, in one process: the first opens what the others find open."""
    seconds = []
    for call in calls:
        began = time.perf_counter()
        call()
        seconds.append(round(time.perf_counter() - began, 3))
    return {"seconds": seconds}


def measured(name: str, folder: Path) -> dict[str, object]:
    """Do one piece of work in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.spans", str(folder), "--only", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _only(name: str, folder: Path) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = WORK[name](folder)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu, "gib": after.ru_maxrss / 2**20, "result": result}))


def main(arguments: list[str] | None = None) -> None:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("EVI_BENCH", str(Path(tempfile.gettempdir()) / "evi-bench"))
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", choices=sorted(WORK))
    asked = parser.parse_args([] if arguments is None else arguments)
    folder: Path = asked.folder
    if asked.only:
        _only(asked.only, folder)
        return
    make(folder / "store", asked.scale)
    make_month(folder)
    print(f"calibration: sorting 10 million integers took {_calibration():.2f} CPU s\n")
    print("| work | wall s | CPU s | peak GiB | |\n|---|---:|---:|---:|---|")
    costs = {}
    for name in WORK:
        if name == "month_update":
            shutil.rmtree(folder / "index-updated", ignore_errors=True)
            shutil.copytree(folder / "index", folder / "index-updated")
        cost = costs[name] = measured(name, folder)
        figures = " | ".join(f"{cost[column]:.2f}" for column in ("wall", "cpu", "gib"))
        print(f"| {name.replace('_', ' ')} | {figures} | {cost['result']} |", flush=True)
    ours = float(str(costs["one_pass_at_a_date"]["cpu"]))
    for peer in ("pandas_at_a_date", "duckdb_at_a_date"):
        print(f"\n{peer}: {float(str(costs[peer]['cpu'])) / ours:.1f} times the CPU of one pass", flush=True)
    same = _contents(folder / "index-updated") == _contents(folder / "index-rebuilt")
    print(f"\nthe month's update and a rebuild are {'the same to the byte' if same else 'DIFFERENT'}")


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (*SpanFiles(folder).all, *sorted((folder / "intervals").iterdir()))
    }


def _calibration() -> float:
    numbers = np.random.default_rng(0).integers(0, 1 << 60, 10_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    np.sort(numbers)
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before


if __name__ == "__main__":
    main(sys.argv[1:])
