"""The stages of `evi run`: what each reads, what it writes, and when it is out of date.

A stage is current when its newest manifest has this code, these parameters and these input hashes, and
the files that it wrote still have the hashes it recorded. Anything else runs it again. A stage writes
whole or not at all, and its manifest last, so a killed run leaves nothing to clean up.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evi.workspace import District, EviError, Progress, RunLedger, StageResult, code_hash


@dataclass(frozen=True)
class Stage:
    """One step from extracts to report.

    Attributes:
        name: the verb that runs it.
        title: what it does, for people.
        reads: the files that decide it, by district.
        writes: the files that it makes, by district and parameters.
        run: does the work; takes the district, its parameters and somewhere to show progress.
        params: the parameters that decide the outputs, besides the files (JSON-able).
        keeps: whether its last outputs are an input of its next run, so that `--force` must not remove them
            (pseudonyms persist from one spine to the next).
        forget: removes what the stage would build on, so that it does everything anew; called by `--force`.
        ready: raises an `EviError` if what comes before waits for someone to accept it.
        passes: raises an `EviError` if what this stage made waits for someone to accept it. The outputs and
            their manifest stand by then, so that nothing is done twice once it is accepted.
    """

    name: str
    title: str
    reads: Callable[[District], list[Path]]
    writes: Callable[[District, Mapping[str, Any]], list[Path]]
    run: Callable[[District, Mapping[str, Any], Progress], StageResult]
    params: Callable[[District], dict[str, Any]] = field(default=lambda _district: {})
    keeps: bool = False
    forget: Callable[[District], None] = field(default=lambda _district: None)
    ready: Callable[[District], None] = field(default=lambda _district: None)
    passes: Callable[[District], None] = field(default=lambda _district: None)


def files(*folders: Path, keep: Callable[[Path], bool] = lambda _path: True) -> list[Path]:
    """Every file below the folders, without scratch and hidden files."""
    found = []
    for folder in folders:
        candidates = [folder] if folder.is_file() else sorted(folder.rglob("*")) if folder.is_dir() else []
        for path in candidates:
            parts = path.relative_to(folder).parts or (path.name,)
            hidden = any(part.startswith(".") or part.endswith((".partial", ".old")) for part in parts)
            if path.is_file() and not hidden and keep(path):
                found.append(path)
    return found


@contextmanager
def one_at_a_time(district: District) -> Iterator[None]:
    """Hold the district's lock; the system lets go of it if the process dies."""
    district.runs.mkdir(parents=True, exist_ok=True)
    with (district.runs / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EviError(
                "another run is at work on this district.",
                where=str(district.root),
                do="Wait until it has ended, or stop it; a stopped run can be started again safely.",
                exit_code=4,
            ) from error
        yield


def run_stage(
    stage: Stage, district: District, progress: Progress, *, force: bool = False, **options: Any
) -> StageResult:
    """Run one stage if it is out of date, and record its manifest.

    Args:
        options: parameters given by the user, which win over the stage's own.
    """
    stage.ready(district)
    ledger = RunLedger(district.root, district.runs)
    params = json.loads(json.dumps(stage.params(district) | options, default=str))
    inputs = ledger.hash_files(stage.reads(district))
    if not force and ledger.is_current(stage.name, params, inputs):
        return StageResult(stage.name, skipped=True)
    _remove_untrusted(stage, district, ledger, everything=force and not stage.keeps)
    if force:
        stage.forget(district)
    result = stage.run(district, params, progress)
    ledger.record(result, params, inputs, stage.writes(district, params))
    return result


def _remove_untrusted(stage: Stage, district: District, ledger: RunLedger, *, everything: bool) -> None:
    """Remove outputs that this code did not write, or that are not what it wrote: nothing builds on them."""
    last = ledger.latest(stage.name)
    everything = everything or (last is not None and last.code != code_hash() and not stage.keeps)
    for name, digest in (last.outputs if last else {}).items():
        path = district.root / name
        if path.is_file() and (everything or ledger.hash_files([path]) != {name: digest}):
            path.unlink()


def record_again(stage: Stage, district: District, note: str) -> None:
    """Say that a stage stands as it is, after files of its were changed on purpose and in step.

    Args:
        note: why, with a place for the run that made them (`{}`).
    """
    ledger = RunLedger(district.root, district.runs)
    last = ledger.latest(stage.name)
    if last is None:
        return
    same = StageResult(stage.name, last.rows, [*last.notes, note.format(last.run_id)], last.figures)
    params = last.params | json.loads(json.dumps(stage.params(district), default=str))
    ledger.record(same, params, ledger.hash_files(stage.reads(district)), stage.writes(district, params))


def state_of(stage: Stage, district: District) -> dict[str, Any]:
    """Whether a stage is up to date, with the counts of its newest run."""
    ledger = RunLedger(district.root, district.runs)
    last = ledger.latest(stage.name)
    if last is None:
        return {"stage": stage.name, "state": "not run", "finished": None, "rows": {}, "notes": []}
    params = json.loads(json.dumps(stage.params(district), default=str))
    given = {name: value for name, value in last.params.items() if name not in params}
    current = ledger.is_current(stage.name, params | given, ledger.hash_files(stage.reads(district)))
    return {
        "stage": stage.name,
        "state": "up to date" if current else "out of date",
        "finished": last.finished,
        "run": last.run_id,
        "rows": last.rows,
        "notes": last.notes,
    }
