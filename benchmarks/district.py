"""A whole district, from nothing to one child's reasons, at two sizes.

python -m benchmarks.district [--people 550000] [--folder /somewhere/with/room]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.measuring import Cost, measure
from evi.linkage.gate import WAITS

SMALL = 20_000
EVI = (sys.executable, "-m", "evi")


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=550_000)
    parser.add_argument(
        "--folder", type=Path, help="where the districts are made (default: a temporary folder)"
    )
    given = parser.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="evi-bench-"))
    print("| work | wall s | CPU s | peak GiB | at most |\n|---|---|---|---|---|")
    small = folder / "small"
    shutil.rmtree(small, ignore_errors=True)
    row(
        f"`evi demo`, {SMALL:,} people",
        measure([*EVI, "demo", str(small), "--people", str(SMALL)], CI="true"),
        "90 s",
    )
    large = folder / "large"
    if not (large / "truth").exists():
        shutil.rmtree(large, ignore_errors=True)
        made = measure([*EVI, "new", str(large), "--synthetic", "--people", str(given.people)])
        row(f"`evi new --synthetic`, {given.people:,} people", made, "6 min, 12 GB")
    run, stopped = run_to_the_end(large)
    words = " (linkage passed a limit of its gate, which was accepted)" if stopped else ""
    row(f"`evi run`, {given.people:,} people{words}", run, "20 min, 14 GB")
    subject = busiest_child(large)
    row("`evi child ID` there", measure([*EVI, "child", subject, "--district", str(large)]), "1 s")
    row("`evi run` again, nothing changed", measure([*EVI, "run", "--district", str(large)], CI="true"), "")


def run_to_the_end(folder: Path) -> tuple[Cost, bool]:
    """Run every stage; whether the gate of linkage stopped it.

    Keys are new in each district, and one of this size is near a limit for one small community: some runs
    pass it. A person has to answer for that, here the benchmark, since nobody in it is real.
    """
    command = [*EVI, "run", "--district", str(folder)]
    run = measure(command, (0, WAITS), CI="true")
    if run.ended != WAITS:
        return run, False
    reason = ["--reason", "made-up people, to measure time", "--by", "benchmark"]
    return run + measure([*EVI, "link", "accept", "--district", str(folder), *reason]) + measure(
        command, CI="true"
    ), True


def row(work: str, cost: Cost, target: str) -> None:
    """Print one line of the table."""
    print(
        f"| {work} | {cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f} | {cost.peak_gib:.2f} | {target} |",
        flush=True,
    )


def busiest_child(folder: Path) -> str:
    """The child with the most indicators present, as an id for `evi child`."""
    children = sorted((folder / "index").glob("at-*/children.parquet"))[-1]
    found = duckdb.sql(
        f"SELECT subject_id FROM '{children}' ORDER BY n_present DESC, subject_id LIMIT 1"
    ).fetchall()
    assert found, "no children in the index"
    return str(found[0][0])


if __name__ == "__main__":
    main(sys.argv[1:])
