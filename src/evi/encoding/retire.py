"""Codes of identities deleted once they have done their work.

The linkage needs every code whenever it links, and none in between. So codes are deleted after linkage, and
the agencies make them again, all of them, when a delivery changes: that costs one encoding of the district
and leaves nothing to be stolen meanwhile. Person ids outlast it, since the spine keeps who is who.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from evi.encoding.delivery import part_path
from evi.workspace import District, StageResult, replace_file

RETIRED = "retired.json"


def retire_codes(district: District, deliveries: list[dict[str, Any]]) -> StageResult:
    """Delete `encoded/linkage` and the scratch files, and write down what was deleted.

    What was deleted is written first: a kill in between leaves codes that the next call deletes.
    Deleting a file does not wipe a disk or a backup.

    Args:
        deliveries: the entries of `encoded/deliveries.json`.

    Returns:
        Rows: deliveries and files deleted.
    """
    made_of = {f"{entry['layout']}/{entry['delivery']}": entry["made_of"] for entry in deliveries}
    with replace_file(district.encoded / RETIRED) as scratch:
        scratch.write_text(json.dumps(made_of, indent=1, sort_keys=True) + "\n")
    folder = district.encoded / "linkage"
    deleted = sum(path.is_file() for path in folder.rglob("*")) if folder.is_dir() else 0
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(district.scratch, ignore_errors=True)
    return StageResult("link retire", {"deliveries": len(made_of), "files_deleted": deleted})


def retired(district: District) -> Mapping[str, str]:
    """From `layout/delivery` to what its deleted codes were made of; empty if codes stand."""
    path = district.encoded / RETIRED
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def forget_retired(district: District) -> None:
    """Take back the note of what was deleted, since the codes are being made again."""
    (district.encoded / RETIRED).unlink(missing_ok=True)


def codes_missing(district: District, entry: Mapping[str, Any]) -> bool:
    """Whether a delivery's codes are not there."""
    return not part_path(district.encoded, "linkage", entry["layout"], entry["delivery"]).is_file()
