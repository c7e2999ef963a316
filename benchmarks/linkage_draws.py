"""Do the intervals of draws hold? Counts by feed, need, domain and place, on synthetic districts.

python -m benchmarks.linkage_draws [--districts 4000:21 10000:31 20000:1] [--draws 20] [--folder /with/room]

Of every count: whether the true one is within the middle 90% of the draws. The truth is asked of the very
records that the spine holds, under their true persons; for needs, as one more draw.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from evi.encoding import Coder, Keys, encode, write_new_key
from evi.index import index_at
from evi.index.on_draws import counted_on, index_draws
from evi.indicators import refresh_spans
from evi.linkage import link
from evi.linkage.draw_figures import children_of, figures
from evi.linkage.draws import make_draws
from evi.records import load
from evi.synthetic import make_district
from evi.synthetic.calendar import REFERENCE_DAY
from evi.workspace import District

HEADER = """| district | counts | in the 90% interval | of those that vary between draws | \
summed gap to the truth: spine, mean of draws | CPU s |
|---|---|---|---|---|---|"""
DISTRICTS = ("4000:21", "4000:22", "4000:23", "10000:31", "10000:32", "20000:1", "20000:2")


@dataclass
class Held:
    """How many counts there are, lie in their interval, vary between draws, and both."""

    counts: int = 0
    inside: int = 0
    vary: int = 0
    vary_inside: int = 0
    gap_spine: float = 0.0
    gap_mean: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    def add(self, table: pl.DataFrame, true: dict[str, int]) -> None:
        """Count the rows of a table of figures against the truth."""
        for name, spine, mean, sd, low, high in table.select(
            "figure", "spine", "mean", "sd", "low", "high"
        ).rows():
            inside = low <= true[name] <= high
            self.counts += 1
            self.inside += inside
            self.vary += sd > 0
            self.vary_inside += inside and sd > 0
            self.gap_spine += abs(true[name] - spine)
            self.gap_mean += abs(true[name] - mean)  # fmt: skip

    def row(self, name: str) -> str:
        """A line of the table."""
        share = f"{self.inside} ({100 * self.inside / max(1, self.counts):.0f}%)"
        vary = f"{self.vary_inside} of {self.vary} ({100 * self.vary_inside / max(1, self.vary):.0f}%)"
        cpu = ", ".join(f"{each} {seconds:.1f}" for each, seconds in self.cpu.items())
        gap = f"{self.gap_spine:,.0f}, {self.gap_mean:,.0f}"
        return f"| {name} | {self.counts} | {share} | {vary} | {gap} | {cpu} |"


def true_people(district: District) -> pl.DataFrame:
    """feed, person, subject_id of every record of the spine, under its true person."""
    links = pl.read_parquet(district.truth / "links.parquet")
    coder = Coder(Keys.from_environment(district))
    coded = []
    for (feed,), rows in links.sort("feed").group_by("feed", maintain_order=True):
        codes = coder.opaque(f"person/{feed}", pa.array(rows["local_id"].to_list(), pa.string()))
        coded.append(
            rows.select("feed", subject_id="person").with_columns(person=pl.Series(codes.to_pylist()))
        )
    spine = pl.read_parquet(district.spine / "people.parquet").select("feed", "person")
    return spine.join(pl.concat(coded), on=["feed", "person"], how="left")


def true_draw(district: District) -> pl.DataFrame:
    """The truth as if it were a draw: the records whose true person is another subject than the spine's.

    A true person goes by the subject that holds most of their records and is nobody else's.
    """
    spine = pl.read_parquet(district.spine / "people.parquet").select("feed", "person", "subject_id")
    both = spine.join(true_people(district).rename({"subject_id": "true"}), on=["feed", "person"])
    votes = (
        both.group_by("true", "subject_id")
        .len()
        .sort("len", "true", "subject_id", descending=[True, False, False])
    )
    named: dict[int, int] = {}
    taken: set[int] = set()
    for true, subject, _ in votes.rows():
        if true not in named and subject not in taken:
            named[true] = subject
            taken.add(subject)
    own = pl.col("true").replace_strict(named, default=None, return_dtype=pl.Int64)
    drawn = both.with_columns(to=pl.coalesce(own, -1 - pl.col("true")))
    return drawn.filter(pl.col("to") != pl.col("subject_id")).select(
        pl.lit(0).cast(pl.Int32).alias("draw"), "feed", "person", subject_id="to"
    )


def measure(folder: Path, people: int, seed: int, draws: int) -> dict[str, Held]:
    """Make a district (unless it is there), run it to the index, draw, and count what holds."""
    if not (folder / "truth").is_dir():
        make_district(folder, people, seed)
        write_new_key(District.open(folder).key_file)
    district = District.open(folder)
    keys, day = Keys.from_environment(district), date.fromordinal(REFERENCE_DAY + EPOCH)
    cpu: dict[str, float] = {}
    for name, work in (
        ("encode", lambda: encode(district, keys)),
        ("link", lambda: link(district)),
        ("draws", lambda: make_draws(district, draws)),
        ("load", lambda: load(district)),
        ("index", lambda: (refresh_spans(district), index_at(district, day))),
        ("index on draws", lambda: index_draws(district, day)),
    ):
        began = time.process_time()
        work()
        cpu[name] = time.process_time() - began
    spine = {name: pl.read_parquet(district.spine / f"{name}.parquet") for name in ("people", "subjects")}
    children = children_of(spine["subjects"], spine["people"])
    held = {name: Held() for name in ("counts by feed", *PARTS)}
    held["counts by feed"].cpu = {name: cpu[name] for name in ("link", "draws")}
    held["needs"].cpu = {name: cpu[name] for name in ("index", "index on draws")}
    by_feed = pl.read_parquet(district.root / "draws" / "figures.parquet")
    held["counts by feed"].add(by_feed, figures(true_people(district), children))
    index = pl.read_parquet(district.root / "draws" / "index.parquet")
    same = ["figure", "kind", "scope", "key"]
    truth = counted_on(district, day, true_draw(district), 2)
    index = index.join(truth.select(*same, true=pl.col("values").list.first()), on=same, how="left")
    for name, part in PARTS.items():
        rows = index.filter(part).with_columns(figure=pl.concat_str("figure", "key", separator=" "))
        held[name].add(rows, dict(rows.select("figure", pl.col("true").fill_null(0)).rows()))
    return held


PARTS = {
    "needs": (pl.col("scope") == "district") & (pl.col("kind") == "indicator"),
    "domains": (pl.col("scope") == "district") & (pl.col("kind") != "indicator"),
    "domains by ward": pl.col("scope") == "ward",
    "domains by LSOA": pl.col("scope") == "lsoa",
}
EPOCH = date(1970, 1, 1).toordinal()


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--districts", nargs="+", default=DISTRICTS, help="people:seed")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument(
        "--folder", type=Path, help="where the districts are made and stay (default: a temporary folder)"
    )
    given = parser.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="evi-draws-"))
    print(HEADER, flush=True)
    sizes: dict[tuple[int, str], Held] = {}
    for each in given.districts:
        people, seed = (int(part) for part in each.split(":"))
        for name, held in measure(folder / f"d{people}-{seed}", people, seed, given.draws).items():
            print(held.row(f"{people:,}, seed {seed}: {name}"), flush=True)
            together = sizes.setdefault((people, name), Held())
            for field_name in ("counts", "inside", "vary", "vary_inside", "gap_spine", "gap_mean"):
                setattr(together, field_name, getattr(together, field_name) + getattr(held, field_name))
    for (people, name), held in sizes.items():
        print(held.row(f"{people:,}, together: {name}"))
    if given.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
