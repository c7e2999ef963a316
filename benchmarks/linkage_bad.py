"""Registers as bad as they get, a million records each: what comes of them, how long it takes, peak memory.

python -m benchmarks.linkage_bad [--records 1000000] [--folder /with/room]

Each case runs in a process of its own: one birth date for everyone, one for nine in ten, one name for
everyone, no names at all, and one birth date in a single table that is searched for repeats.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.linkage_scale import Watch
from benchmarks.made_people import ROLES, registers
from benchmarks.measuring import measure
from evi.encoding import Coder, Keys
from evi.linkage.quality import audit, audit_warnings
from evi.linkage.resolve import Options, resolve
from evi.linkage.tables import load_observations
from evi.workspace import EviError, connect

Spoil = Callable[[pa.Table], pa.Table]
HEADINGS = ("case", "outcome", "s / CPU", "peak GiB")


def _put(name: str, value: str | None, share: float = 1.0) -> Spoil:
    """Put one value into a column, in this share of its rows."""

    def spoil(table: pa.Table) -> pa.Table:
        old = table[name].combine_chunks()
        changed = pa.array(np.random.default_rng(1).random(len(old)) < share)
        one = pa.scalar(value).cast(old.type) if value else pa.scalar(None, old.type)
        position = table.column_names.index(name)
        return table.set_column(position, name, pa.compute.if_else(changed, one, old))

    return spoil


CASES: dict[str, tuple[tuple[Spoil, ...], int]] = {
    "one birth date": ((_put("dob", "1990-01-01"),), 2),
    "nine in ten with one birth date": ((_put("dob", "1990-01-01", 0.9),), 2),
    "one name for everyone": ((_put("forename", "Alex"), _put("surname", "Smith")), 2),
    "no names": ((_put("forename", None), _put("surname", None)), 2),
    "one birth date, one table": ((_put("dob", "1990-01-01"),), 1),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the registers are made, and what spills goes")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(link_case(given.one, given.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="evi-bad-", dir=given.folder) as temporary:
        for number, table in enumerate(registers(given.records)):
            pq.write_table(table, Path(temporary) / f"{number}.parquet")
        print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)
        for case in given.cases:
            command = [sys.executable, "-m", "benchmarks.linkage_bad", "--one", case, "--folder", temporary]
            cost = measure(command)
            found = json.loads(cost.output.splitlines()[-1])
            cells = (case, found["said"], f"{found['wall']:.0f} / {found['cpu']:.0f}", f"{cost.peak_gib:.2f}")
            print(f"| {' | '.join(cells)} |", flush=True)


def link_case(case: str, folder: Path) -> dict[str, float | str]:
    """Link the registers in `folder`, spoilt as the case says; returns what came of it, and seconds."""
    spoils, count = CASES[case]
    tables = [pq.read_table(folder / f"{number}.parquet") for number in range(2)]
    if count == 1:
        tables = [pa.concat_tables(tables)]
    for spoil in spoils:
        tables = [spoil(table) for table in tables]
    roles = {role: column for role, column in ROLES.items() if role != "id"}
    watch = Watch()
    con = connect(scratch=folder / "scratch")
    try:
        load_observations(con, [(table, roles) for table in tables], Coder(Keys.throw_away()))
        found = resolve(con, Options(one_per_feed=count == 2))
    except EviError as error:
        said = f"refused: {error}"
    else:
        split, dropped = (
            sum(getattr(note, name) for note in found.blocks) for name in ("blocks_split", "blocks_dropped")
        )
        records = sum(len(table) for table in tables)
        warned = audit_warnings(audit(con, found, found.plan.threshold))
        right, joined, true = judged(con, tables)
        said = (
            f"{records:,} records are {found.clusters:,} people; {found.pairs_compared:,} pairs compared; "
            f"{split:,} blocks split, {dropped:,} left out; precision {right / max(1, joined):.3f}, recall "
            f"{right / max(1, true):.3f}; {'warned: ' + ' '.join(warned) if warned else 'no warning'}"
        )
    wall, cpu = watch.seconds()
    return {"said": said, "wall": wall, "cpu": cpu}


def judged(con: duckdb.DuckDBPyConnection, tables: Sequence[pa.Table]) -> tuple[int, int, int]:
    """Pairs of records joined and of one person, pairs joined, pairs of one person."""
    ids = pa.concat_arrays([chunk for table in tables for chunk in table["id"].chunks])
    con.register("truth", pa.table({"rec": pa.array(range(len(ids)), pa.int32()), "id": ids}))
    pairs = "SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT count(*) AS n FROM {} GROUP BY {})"
    both = "resolved JOIN truth USING (rec)"
    keys = ((both, "cluster, id"), ("resolved", "cluster"), ("truth", "id"))
    right, joined, true = (int(con.execute(pairs.format(*each)).fetchall()[0][0]) for each in keys)
    return right, joined, true


if __name__ == "__main__":
    main()
