"""Keep every run that made a work list, whole: so that each past flag can be replayed, and traced.

In `runs/casefind/RUN/` stand the list as it was, every child's answer (`findings.parquet`), and `run.json`:
the text of each rule, the day, places, concerns, hashes of code and inputs, and whether the list went out.
The ledger of the district holds an entry for each run, with the hashes of all three.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from evi.casefinding.concerns import NO_CONCERNS, Concern, Concerns
from evi.casefinding.fingerprints import fingerprints
from evi.casefinding.life import RUN, Release, ledger
from evi.casefinding.places_offered import Offered
from evi.casefinding.rules import Rule, make_rule
from evi.casefinding.worklist import WorkList
from evi.sharing.chain import Head
from evi.workspace import District, EviError, Manifest, file_hash, replace_dir

FOLDER = "casefind"
LIST, FINDINGS, ABOUT = "worklist.parquet", "findings.parquet", "run.json"
KEPT_COLUMNS = (
    "subject_id", "rule", "answer", "score", "line", "framework", "problem", "exclusion", "school",
)  # fmt: skip


@dataclass(frozen=True)
class KeptRun:
    """One past run, as it was kept.

    Attributes:
        rules: as their files were then. concerns, offered: as they were given.
        inputs: content hash by path. code: hash of the code. version: of eVI.
        released: its list went out. state: of the rule then.
        table: the work list. findings: every child's answer, with fingerprints.
    """

    run: str
    name: str
    day: date
    finished: str
    rules: tuple[Rule, ...]
    concerns: Concerns
    offered: Offered
    inputs: dict[str, str]
    code: str
    version: str
    released: bool
    state: str
    table: pl.DataFrame
    findings: pl.DataFrame
    folder: Path


def keep_run(
    district: District, made: WorkList, manifest: Manifest, concerns: Concerns, release: Release
) -> Path:
    """Keep a run that has just been recorded, and note it in the ledger.

    Raises:
        EviError: the ledger was tampered with.
    """
    found = made.findings
    chain = ledger(district)
    head = chain.head()
    folder = runs_folder(district) / manifest.run_id
    about: dict[str, Any] = {
        "run": manifest.run_id,
        "name": found.name,
        "day": found.day.isoformat(),
        "finished": manifest.finished,
        "rules": [json.loads(rule.text) for rule in found.rules],
        "concerns": [asdict(each) for each in concerns.concerns],
        "concerns_set_aside": dict(concerns.rejects),
        "offered": asdict(made.offered),
        "inputs": manifest.inputs,
        "code": manifest.code,
        "version": manifest.version,
        "released": release.allowed,
        "state": release.state,
        "ledger": asdict(head),
    }
    prints = fingerprints(district, found.rules, found.day)
    with replace_dir(folder) as scratch:
        made.table.write_parquet(scratch / LIST, compression="zstd")
        asked = found.table.select(KEPT_COLUMNS).join(prints, on="subject_id", how="left").sort("subject_id")
        asked.write_parquet(scratch / FINDINGS, compression="zstd")
        text = json.dumps(about, indent=1, default=str, ensure_ascii=False)
        (scratch / ABOUT).write_text(text + "\n", encoding="utf-8")
    chain.append(
        {
            "kind": RUN,
            "run": manifest.run_id,
            "rules": [rule.label for rule in found.rules],
            "released": release.allowed,
            "state": release.state,
            "at": manifest.finished,
            "files": {name: file_hash(folder / name) for name in (LIST, FINDINGS, ABOUT)},
        }
    )
    return folder


def runs_folder(district: District) -> Path:
    """Where runs are kept."""
    return district.runs / FOLDER


def read_run(district: District, run: str) -> KeptRun:
    """One kept run, after its files were checked against the ledger.

    Args:
        run: its id, as `evi casefind runs` and the ledger name it.

    Raises:
        EviError: no such run, one of its files is not what was kept, or the ledger was tampered with.
    """
    chain = ledger(district)
    entry = next(
        (each for each in reversed(chain.read()) if each["kind"] == RUN and each["run"] == run), None
    )
    folder = runs_folder(district) / run
    if entry is None or "/" in run:
        raise EviError(
            "no run of that name was kept.",
            where=run,
            do=f"The runs that were are folders of {runs_folder(district)}.",
            exit_code=2,
        )
    for name, digest in entry["files"].items():
        path = folder / name
        if not path.is_file() or file_hash(path) != digest:
            raise EviError(
                "this file of a kept run is gone or was changed.",
                where=str(path),
                do="Put it back from a backup. The ledger knows what it must be.",
            )
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    chain.check_holds(Head(**about["ledger"]), f"run {run}")
    return _run(about, folder)


def runs_of(district: District, rule: str, version: int | None = None) -> Iterable[KeptRun]:
    """Every kept run of a rule, oldest first; of one version if it is given.

    Raises:
        EviError: see `read_run`.
    """
    for entry in ledger(district).read():
        labels = entry.get("rules", ())
        named = any(
            label.rpartition(" v")[0] == rule and version in (None, int(label.rpartition(" v")[2]))
            for label in labels
        )
        if entry["kind"] == RUN and named:
            yield read_run(district, entry["run"])


def _run(about: dict[str, Any], folder: Path) -> KeptRun:
    concerns = tuple(
        Concern(each["subject_id"], each["raised_by"], date.fromisoformat(each["raised_on"]), each["about"])
        for each in about["concerns"]
    )
    return KeptRun(
        about["run"],
        about["name"],
        date.fromisoformat(about["day"]),
        about["finished"],
        tuple(make_rule(table, where=f"run {about['run']}") for table in about["rules"]),
        Concerns(concerns, about["concerns_set_aside"]) if concerns or about["concerns_set_aside"]
        else NO_CONCERNS,
        Offered(**about["offered"]),
        about["inputs"],
        about["code"],
        about["version"],
        about["released"],
        about["state"],
        pl.read_parquet(folder / LIST),
        pl.read_parquet(folder / FINDINGS),
        folder,
    )  # fmt: skip
