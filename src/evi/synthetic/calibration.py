"""Claims against evidence: what the synthetic district says it matches, and how well it does."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from evi.synthetic.geography import invented
from evi.synthetic.life import Life, live
from evi.synthetic.measures import measure
from evi.synthetic.world import World, make_world
from evi.workspace import EviError, replace_file

TABLE = "calibration.json"
STATUSES = ("V", "S", "D")  # seen on the page, in a source document, derived from those; never from memory


@dataclass(frozen=True)
class Claim:
    """One published figure that the district claims to match, with its tolerance in the same unit."""

    measure: str
    parameter: str
    group: str
    target: float
    unit: str
    tolerance: float
    status: str
    source: str
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A claim and what was achieved."""

    claim: Claim
    achieved: float

    @property
    def within(self) -> bool:
        """Whether the achieved figure is within the claim's tolerance."""
        return abs(self.achieved - self.claim.target) <= self.claim.tolerance


@cache
def claims() -> tuple[Claim, ...]:
    """The claims in `data/claims.yaml`."""
    text = resources.files("evi.synthetic").joinpath("data/claims.yaml").read_text(encoding="utf-8")
    loaded: list[dict[str, Any]] = yaml.safe_load(text)["claims"]
    return tuple(Claim(**row) for row in loaded)


def calibration_rows(world: World, life: Life) -> list[Row]:
    """Every claim with what this district achieved."""
    achieved = measure(world, life)
    return [Row(claim, achieved[claim.measure]) for claim in claims()]


def calibrate(people: int, seed: int) -> list[Row]:
    """Make a district in memory, without writing it, and measure it."""
    world = make_world(people, seed, invented(people, seed))
    return calibration_rows(world, live(world))


def write_calibration(rows: list[Row], truth: Path) -> None:
    """Write the table beside the truth, where `calibration_table` finds it."""
    table = [{**asdict(row.claim), "achieved": round(row.achieved, 4), "within": row.within} for row in rows]
    with replace_file(truth / TABLE) as scratch:
        scratch.write_text(json.dumps(table, indent=1), encoding="utf-8")


def calibration_table(truth: Path) -> list[Row]:
    """Read the table of a district's `truth/` folder.

    Raises:
        EviError: the folder has no table (the district is not a synthetic one).
    """
    path = truth / TABLE
    if not path.is_file():
        raise EviError(
            "there is no calibration table.",
            where=str(truth),
            do="Only synthetic districts have one: make one with `evi new --synthetic`.",
        )
    rows = json.loads(path.read_text(encoding="utf-8"))
    fields = set(Claim.__dataclass_fields__)
    return [Row(Claim(**{k: v for k, v in row.items() if k in fields}), row["achieved"]) for row in rows]


def calibration_page(people: int, seeds: tuple[int, ...]) -> str:
    """The documentation page: every claim, and what districts of this size achieved with these seeds."""
    tables = [calibrate(people, seed) for seed in seeds]
    within = [sum(row.within for row in table) for table in tables]
    lines = [
        "# Calibration of the synthetic district",
        "",
        "Made by `evi.synthetic.calibration.calibration_page`; run "
        "`python -m evi.synthetic.calibration docs/calibration.md` to make it again.",
        "",
        f"{len(claims())} published figures are claimed. A district of {people:,} people was made with "
        f"{len(seeds)} seeds ({', '.join(map(str, seeds))}); within tolerance: "
        f"{', '.join(f'{n} of {len(claims())}' for n in within)}.",
        "",
        "Status: V, seen on the page named; S, in one of the project's source documents; D, derived from "
        "those by arithmetic. Figures from memory are never claimed. The tolerance holds sampling error at "
        "this size and, where two sources contradict each other, the space between them (decision 0004).",
        "",
        "| figure | group | unit | claimed | "
        + " | ".join(f"seed {seed}" for seed in seeds)
        + " | tolerance | status |",
        "|---|---|---|---|" + "---|" * len(seeds) + "---|---|",
    ]
    for number, claim in enumerate(claims()):
        cells = []
        for table in tables:
            row = table[number]
            cells.append(f"{row.achieved:.2f}" + ("" if row.within else " (out)"))
        lines.append(
            f"| {claim.parameter} | {claim.group} | {claim.unit} | {claim.target:g} | {' | '.join(cells)} "
            f"| {claim.tolerance:g} | {claim.status} |"
        )
    sources = sorted({claim.source for claim in claims()})
    lines += ["", "## Sources", "", *(f"- {source}" for source in sources)]
    notes = [claim for claim in claims() if claim.note]
    lines += [
        "",
        "## Notes",
        "",
        *(f"- {claim.parameter}, {claim.group}: {claim.note}." for claim in notes),
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Write the page to the path given (`python -m evi.synthetic.calibration PATH`)."""
    path = Path(arguments[0])
    with replace_file(path) as scratch:
        scratch.write_text(calibration_page(60_000, (1, 2, 3)), encoding="utf-8")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
