"""Fill Care from a district's folder: the services' own records, put together by a release of links."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import polars as pl

from evi.care.accounts.models import Membership
from evi.care.children.models import Child, IndexRow, LocalRecord
from evi.care.circles.rules import keep_in_step
from evi.care.loading.extracts import codes_of, read_extracts
from evi.care.loading.filling import BATCH, fill
from evi.care.loading.joining import Gathered, gather
from evi.care.loading.releases import TakenIn, take_in_all
from evi.care.loading.wording import Wording
from evi.feeds import load_layouts
from evi.records import reference_day
from evi.sharing.holders import holders
from evi.sharing.packages import check_tables, newest_with
from evi.workspace import SILENT, District, EviError, Progress

LINKS, INDEX = "links.parquet", "index.parquet"


@dataclass
class Loaded:
    """What a load did.

    Attributes:
        counts: rows by what they are, and what was left out. notes: extracts that were refused.
        releases: what came of each release of findings.
    """

    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    releases: list[TakenIn] = field(default_factory=list)


def load_district(district: District, progress: Progress = SILENT) -> Loaded:
    """Load children, ties, chronology and index, then every release of findings.

    Which records are one child is what the newest release of links says, under its agreement. No pseudonym of
    the hub comes into Care.

    Raises:
        EviError: no links were released, a table is not what was released, or there are no extracts.
    """
    place = newest_with(releases_of(district), LINKS)
    if place is None:
        raise EviError(
            "no links between the services' records were released.",
            where=str(releases_of(district)),
            do="Run `evi release --links --agreement NAME` in the district's folder.",
            exit_code=2,
        )
    manifest = check_tables(place)
    gathered, notes = _gathered(district, pl.read_parquet(place / LINKS), progress)
    held = {feed: each for feed, each in holders(district.root).items() if each.loaded}
    loaded = Loaded(dict(gathered.counts), notes)
    day = reference_day(district)
    loaded.counts |= fill(gathered, held, day, progress).counts
    if (place / INDEX).is_file():
        links, index = pl.read_parquet(place / LINKS), pl.read_parquet(place / INDEX)
        loaded.counts["indexed"] = fill_index(
            links, index, str(manifest["agreement"]), str(manifest["release"])
        )
    loaded.counts["joined_circles"], loaded.counts["left_circles"] = keep_circles(progress)
    loaded.releases = take_in_all(releases_of(district))
    return loaded


def keep_circles(progress: Progress = SILENT) -> tuple[int, int]:
    """Put whom a roll or caseload puts there into each child's circle, and take out whom it doesn't any more.

    Only children who are tied to an organisation where somebody works here are looked at.

    Returns:
        How many came and how many went.
    """
    staffed = Membership.objects.live().values("organisation")
    children = Child.objects.filter(ties__organisation__in=staffed).distinct().order_by("pk")
    came = went = 0
    with progress.task("Circles by roll and caseload") as advance:
        rows = children.iterator(chunk_size=BATCH)
        while batch := list(islice(rows, BATCH)):
            come, go = keep_in_step(batch)
            came, went = came + come, went + go
            advance(len(batch))
    return came, went


def releases_of(district: District) -> Path:
    """Where a district's releases are."""
    return district.outputs / "releases"


def _gathered(
    district: District, links: pl.DataFrame, progress: Progress
) -> tuple[Gathered, tuple[str, ...]]:
    layouts = load_layouts([district.root / folder for folder in district.config.layouts])
    wording = Wording.read(layouts)
    held = {feed: each for feed, each in holders(district.root).items() if each.loaded}
    extracts = read_extracts(district, wording, progress)
    codes = codes_of(district, extracts.people)
    return gather(extracts, codes, links, held, wording, reference_day(district)), extracts.notes


def fill_index(links: pl.DataFrame, index: pl.DataFrame, agreement: str, run: str) -> int:
    """Write the index of every child who has a record here; gives how many. Older ones stay as history."""
    children = {
        (feed, code): child
        for feed, code, child in LocalRecord.objects.values_list("feed", "code", "child_id")
    }
    rows = links.sort("probability").select("feed", "code", "together").iter_rows()
    known = {
        together: children[feed, str(code)] for feed, code, together in rows if (feed, str(code)) in children
    }
    there = set(IndexRow.objects.filter(run_id=run).values_list("child_id", flat=True))
    made: dict[int, IndexRow] = {}
    for row in index.iter_rows(named=True):
        child = known.get(row["together"])
        if child is None or child in there:
            continue
        said = {name: json.loads(row[name]) for name in ("domains", "reasons", "not_known")}
        counts = {name: row[name] for name in ("day", "band", "n_present", "n_assessable")}
        made[child] = IndexRow(child_id=child, run_id=run, agreement=agreement, **said, **counts)
    IndexRow.objects.bulk_create(made.values(), batch_size=BATCH)
    return len(made)
