"""Run manifests: what each run read, with which code, and what it wrote, so that it can be repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import evi
from evi.workspace.writing import replace_file


@dataclass
class StageResult:
    """What one stage did.

    Attributes:
        rows: named counts, such as `{"events": 120_345}`.
        notes: sentences that a person should read.
        figures: named measurements that are not row counts.
        skipped: true if everything was up to date and nothing was done.
    """

    stage: str
    rows: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    skipped: bool = False


@dataclass
class Manifest:
    """One run of one stage. `inputs` and `outputs` map paths (relative to the district) to content hashes."""

    stage: str
    version: str
    code: str
    params: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    rows: dict[str, int]
    notes: list[str]
    figures: dict[str, float]
    finished: str
    run_id: str = ""

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides the outputs: stage, code, parameters and inputs."""
        return fingerprint(self.stage, self.code, self.params, self.inputs)


def fingerprint(stage: str, code: str, params: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Hash what decides a stage's outputs."""
    text = json.dumps([stage, code, dict(params), dict(inputs)], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def file_hash(path: Path) -> str:
    """Content hash (BLAKE2b, 128 bits, hexadecimal) of one file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@cache
def code_hash() -> str:
    """Hash of every source and data file of the package: what "code version" means in a manifest."""
    package = Path(evi.__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class RunLedger:
    """The manifests of one district folder, in `runs/`."""

    def __init__(self, root: Path, runs: Path) -> None:
        self.root, self.runs = root, runs
        self._cache_path = runs / "hashes.json"
        self._cache: dict[str, list[Any]] = _read_json(self._cache_path)

    def hash_files(self, paths: Iterable[Path]) -> dict[str, str]:
        """Content hashes by path relative to the district; an unchanged file (size, time) is not reread."""
        hashes: dict[str, str] = {}
        for path in sorted(paths):
            stat, name = path.stat(), self._name(path)
            known = self._cache.get(name)
            if known is None or known[:2] != [stat.st_size, stat.st_mtime_ns]:
                known = [stat.st_size, stat.st_mtime_ns, file_hash(path)]
                self._cache[name] = known
            hashes[name] = known[2]
        with replace_file(self._cache_path) as scratch:
            scratch.write_text(json.dumps(self._cache))
        return hashes

    def latest(self, stage: str) -> Manifest | None:
        """The newest manifest of `stage`, if there is one."""
        path = self.runs / f"{stage}.json"
        return Manifest(**json.loads(path.read_text())) if path.is_file() else None

    def is_current(self, stage: str, params: Mapping[str, Any], inputs: Mapping[str, str]) -> bool:
        """Whether the newest run of `stage` had this code, parameters and inputs, and its outputs stand."""
        last = self.latest(stage)
        if last is None or last.fingerprint != fingerprint(stage, code_hash(), params, inputs):
            return False
        outputs = [self.root / name for name in last.outputs]
        return all(path.is_file() for path in outputs) and self.hash_files(outputs) == last.outputs

    def record(
        self,
        result: StageResult,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        outputs: Iterable[Path],
    ) -> Manifest:
        """Write the manifest of a run that has just succeeded; this is the last thing that a stage does."""
        now = datetime.now(UTC)
        manifest = Manifest(
            stage=result.stage,
            version=evi.__version__,
            code=code_hash(),
            params=dict(params),
            inputs=dict(inputs),
            outputs=self.hash_files(outputs),
            rows=result.rows,
            notes=result.notes,
            figures=result.figures,
            finished=now.isoformat(timespec="seconds"),
        )
        manifest.run_id = f"{now:%Y%m%dT%H%M%S}-{result.stage}-{manifest.fingerprint[:8]}"
        text = json.dumps(asdict(manifest), indent=1, sort_keys=True)
        for path in (self.runs / "history" / f"{manifest.run_id}.json", self.runs / f"{result.stage}.json"):
            with replace_file(path) as scratch:
                scratch.write_text(text)
        return manifest

    def _name(self, path: Path) -> str:
        whole = path.absolute()  # not resolved: a rerun sees the district's inputs through links
        return str(whole.relative_to(self.root)) if whole.is_relative_to(self.root) else str(whole)


def _read_json(path: Path) -> dict[str, list[Any]]:
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
