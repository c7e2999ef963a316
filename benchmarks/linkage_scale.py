"""Encode, link and resolve two registers of made people at several sizes: the curve.

python -m benchmarks.linkage_scale [--sizes 10000 100000 1000000] [--new 10000] [--peer-to 100000]
    [--folder /with/room]

Half of the records are in each register; three in five have an NHS number. Every size runs in a process of
its own; up to `--peer-to` records, Splink links the same registers in clear text beside it. Seconds are on
the clock, with seconds of CPU after the slash: a shared machine lengthens the first, not the second. Then
`--new` records more are delivered into the largest size: by building on what stands and, in the same run, in
full; the clusters that are the same are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from benchmarks.made_people import ROLES, registers
from benchmarks.measuring import measure
from evi.encoding import Coder, Keys
from evi.linkage.increments import base_of, resolve_from
from evi.linkage.resolve import Options, resolve
from evi.linkage.tables import load_observations
from evi.workspace import connect

SIDES = ("left", "right")
HEADINGS = (
    "records",
    "by",
    "encode s / CPU",
    "link s / CPU",
    "peak GiB",
    "pairs compared",
    "precision",
    "recall",
    "F1",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--new", type=int, default=10_000, help="records of the delivery; 0 for none")
    parser.add_argument("--peer-to", type=int, default=100_000, help="largest size of the peer; 0 for none")
    parser.add_argument("--folder", type=Path, help="where the registers are made, and what spills goes")
    for hidden in ("--one", "--grow"):
        parser.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(link_once(given.one)))
        return
    if given.grow:
        print(json.dumps(grow(given.grow, given.new)))
        return
    with tempfile.TemporaryDirectory(prefix="evi-scale-", dir=given.folder) as temporary:
        print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)
        for size in given.sizes:
            folder = Path(temporary) / str(size)
            make(size, folder)
            print(row(size, folder), flush=True)
            if size <= given.peer_to:
                print(peer(size, folder), flush=True)
            shutil.rmtree(folder)
        if given.new:
            print("\n" + delivery(max(given.sizes), given.new, Path(temporary) / "grow"), flush=True)


def delivery(size: int, new: int, folder: Path) -> str:
    """Deliver `new` records into `size`, in a process of its own, and say what it took."""
    make(size + new, folder)
    cost = measure(
        [sys.executable, "-m", "benchmarks.linkage_scale", "--grow", str(folder), "--new", str(new)]
    )
    found = json.loads(cost.output.splitlines()[-1])
    return (
        f"{new:,} records into {size:,}: {found['extend']:.1f} s / {found['extend_cpu']:.1f} of CPU, "
        f"in full {found['full']:.1f} / {found['full_cpu']:.1f}; {found['same']:.4%} of "
        f"{found['clusters']:,} clusters the same; peak {cost.peak_gib:.2f} GiB"
    )


def make(size: int, folder: Path) -> None:
    """Write the two registers."""
    folder.mkdir()
    for side, table in zip(SIDES, registers(size), strict=True):
        pq.write_table(table, folder / f"{side}.parquet", row_group_size=250_000)


def row(size: int, folder: Path) -> str:
    """Link the registers in `folder` in a process of their own, and say what it took."""
    cost = measure([sys.executable, "-m", "benchmarks.linkage_scale", "--one", str(folder)])
    found = json.loads(cost.output.splitlines()[-1])
    encode = f"{found['encode']:.1f} / {found['encode_cpu']:.1f}"
    return _row(f"{size:,}", "eVI, encoded", encode, found, cost.peak_gib)


def peer(size: int, folder: Path) -> str:
    """The same of Splink, on clear text."""
    cost = measure([sys.executable, "-m", "benchmarks.linkage_scale_splink", str(folder)])
    found = json.loads(cost.output.splitlines()[-1])
    return _row(f"{size:,}", "Splink, clear text", "–", found, cost.peak_gib)


def _row(size: str, by: str, encode: str, found: dict[str, float], peak_gib: float) -> str:
    cells = (
        size,
        by,
        encode,
        f"{found['link']:.1f} / {found['link_cpu']:.1f}",
        f"{peak_gib:.2f}",
        f"{found['pairs_compared']:,}",
        *(f"{found[name]:.4f}" for name in ("precision", "recall", "f1")),
    )
    return f"| {' | '.join(cells)} |"


def link_once(folder: Path) -> dict[str, float]:
    """Link the two registers in `folder`; returns seconds, pairs compared and how right it was."""
    con = connect(scratch=folder / "scratch")
    encoded = Watch()
    load(con, folder, Coder(Keys.throw_away()))
    encode, encode_cpu = encoded.seconds()
    linked = Watch()
    resolution = resolve(con, Options(one_per_feed=True))
    link, link_cpu = linked.seconds()
    return {
        "encode": encode,
        "encode_cpu": encode_cpu,
        "link": link,
        "link_cpu": link_cpu,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "pairs_compared": resolution.pairs_compared,
        **rightness(con, folder),
    }


def grow(folder: Path, new: int) -> dict[str, float]:
    """Link all but the last `new` records, add those, then link all in full; returns seconds and sameness."""
    con = connect(scratch=folder / "scratch")
    load(con, folder, Coder(Keys.throw_away()))
    con.execute("ALTER TABLE observations RENAME TO every_observation")
    records = con.execute("SELECT count(*) FROM every_observation").fetchall()[0][0]
    con.execute(f"CREATE TABLE observations AS FROM every_observation WHERE rec < {records - new}")
    base = base_of(con, resolve(con, Options()))
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    watch = Watch()
    assert not resolve_from(con, base, Options()).why
    extended, extended_cpu = watch.seconds()
    con.execute("CREATE TABLE grown AS FROM resolved")
    con.execute("CREATE OR REPLACE TABLE observations AS FROM every_observation")
    watch = Watch()
    resolve(con, Options())
    full, full_cpu = watch.seconds()
    sets = "SELECT bit_xor(hash(rec)) AS members, count(*) AS size FROM {} GROUP BY cluster"
    clusters, same = con.execute(
        f"""WITH full_run AS ({sets.format("resolved")}), grown_run AS ({sets.format("grown")})
        SELECT count(*), count(g.size) FROM full_run f LEFT JOIN grown_run g USING (members, size)"""
    ).fetchall()[0]
    return {
        "extend": extended,
        "extend_cpu": extended_cpu,
        "full": full,
        "full_cpu": full_cpu,
        "clusters": clusters,
        "same": same / clusters,
    }


def load(con: duckdb.DuckDBPyConnection, folder: Path, coder: Coder) -> None:
    """Make `observations` of both registers."""
    load_observations(con, [(pq.read_table(folder / f"{side}.parquet"), ROLES) for side in SIDES], coder)


def rightness(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, float]:
    """Precision, recall and F1 of the pairs that share a cluster of `resolved`; one id is one person."""
    parts = [f"SELECT id FROM read_parquet('{folder}/{side}.parquet')" for side in SIDES]
    con.execute(
        f"""CREATE OR REPLACE TABLE truth AS
        SELECT (row_number() OVER () - 1)::INTEGER AS rec, id FROM ({" UNION ALL ".join(parts)})"""
    )
    found, right, wanted = con.execute(
        """WITH named AS (SELECT * FROM resolved JOIN truth USING (rec)),
        pairs AS (SELECT a.id = b.id AS same FROM named a JOIN named b ON a.cluster = b.cluster
                  WHERE a.rec < b.rec)
        SELECT (SELECT count(*) FROM pairs), (SELECT count(*) FROM pairs WHERE same),
               (SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM truth GROUP BY id))"""
    ).fetchall()[0]
    return {
        "precision": right / max(1, found),
        "recall": right / max(1, wanted),
        "f1": 2 * right / max(1, found + wanted),
    }


class Watch:
    """Seconds on the clock and of CPU since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), self._cpu_now()

    @staticmethod
    def _cpu_now() -> float:
        return sum(os.times()[:4])

    def seconds(self) -> tuple[float, float]:
        """Both, so far."""
        return time.perf_counter() - self._wall, self._cpu_now() - self._cpu


if __name__ == "__main__":
    main()
