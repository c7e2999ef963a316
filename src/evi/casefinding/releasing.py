"""Let a work list go out, or only keep it: only a live rule's lists are for those who act on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evi.casefinding.concerns import NO_CONCERNS, Concerns
from evi.casefinding.kept import keep_run
from evi.casefinding.life import Release, may_release
from evi.casefinding.worklist import WorkList
from evi.casefinding.writing import STAGE, write_worklist
from evi.workspace import District, EviError, Manifest

NOTICE = "NOT-FOR-RELEASE.txt"
SHADOW = "shadow"


@dataclass(frozen=True)
class Released:
    """A list that was written.

    Attributes:
        folder: where it is. manifest: of the run. release: whether it may go out.
    """

    folder: Path
    manifest: Manifest
    release: Release


def release_worklist(
    district: District,
    made: WorkList,
    folder: Path | None = None,
    files: Iterable[Path] = (),
    concerns: Concerns = NO_CONCERNS,
) -> Released:
    """Write a work list, keep the run, and say whether the list may go out.

    Lists that may not are in `outputs/casefind/shadow`, with a notice in their folder.

    Args:
        folder: where to. files: other files that it was made from. concerns: those that it was made with.

    Raises:
        EviError: the rule is suspended or retired, or the ledger was tampered with; nothing is written.
    """
    found = made.findings
    release = may_release(district, found.rules, found.day)
    check_recorded(release)
    if folder is None:
        base = district.outputs / STAGE
        folder = (base if release.allowed else base / SHADOW) / f"{found.name}-{found.day}"
    where, manifest = write_worklist(district, made, folder, files)
    if not release.allowed:
        (where / NOTICE).write_text(
            f"Not for release. {release.words}.\n"
            "Nobody may act on this list or contact a child because of it.\n",
            encoding="utf-8",
        )
    about = {"released": release.allowed, "state": release.state, "why_not": release.words}
    (where / "release.json").write_text(json.dumps(about | {"run": manifest.run_id}, indent=1) + "\n")
    keep_run(district, made, manifest, concerns, release)
    return Released(where, manifest, release)


def check_recorded(release: Release) -> None:
    """Refuse to make a list of a rule that is suspended or retired.

    Raises:
        EviError: it is.
    """
    if not release.recorded:
        raise EviError(
            f"no list is made: {release.words}.",
            where="evi casefind",
            do="See `evi casefind life RULE`; its past lists can be replayed and traced.",
            exit_code=2,
        )
