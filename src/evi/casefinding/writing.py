"""Write a work list, and the manifest by which it can be made again and traced."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evi.casefinding.known import files_read
from evi.casefinding.worklist import NEXT_TERM, ON_PATHWAY, TABLE, THIS_TERM, WorkList
from evi.records import family
from evi.workspace import District, Manifest, RunLedger, StageResult, replace_dir

STAGE = "casefind"


def write_worklist(
    district: District, worklist: WorkList, folder: Path | None = None, files: Iterable[Path] = ()
) -> tuple[Path, Manifest]:
    """Write `worklist.parquet`, `worklist.csv` and `summary.json`, and record the run in the ledger.

    Args:
        folder: where to (by default `outputs/casefind/RULE-DAY` of the district).
        files: other files that it was made from: concerns, places.
    """
    found = worklist.findings
    folder = folder or district.outputs / STAGE / f"{found.name}-{found.day}"
    ledger = RunLedger(district.root, district.runs)
    families = {family(code) for rule in found.rules for code in rule.codes}
    if any(rule.kind == "indicators" for rule in found.rules):
        families = {path.stem for path in (district.records / "by_code").glob("*.parquet")}
    inputs = ledger.hash_files([*files_read(district, sorted(families)), *files])
    params: dict[str, Any] = {name: value for name, value in found.run.items() if name != "code"} | {
        "places": worklist.offered.places,
        "places_by_school": dict(worklist.offered.by_school),
        "term": worklist.offered.term,
    }
    with replace_dir(folder) as scratch:
        worklist.table.write_parquet(scratch / "worklist.parquet", compression="zstd")
        with (scratch / "worklist.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(TABLE), lineterminator="\n")
            writer.writeheader()
            writer.writerows(worklist.rows())
        text = json.dumps(worklist.summary(), indent=1, default=str, ensure_ascii=False)
        (scratch / "summary.json").write_text(text + "\n", encoding="utf-8")
    answers = found.counts["answer"]
    result = StageResult(
        STAGE,
        {
            **answers,
            "this_term": worklist.of(THIS_TERM).height,
            "next_term": worklist.of(NEXT_TERM).height,
            "concerns_on_a_pathway": worklist.of(ON_PATHWAY).height,
        },
    )
    outputs = [folder / name for name in ("worklist.parquet", "worklist.csv", "summary.json")]
    return folder, ledger.record(result, params, inputs, outputs)
