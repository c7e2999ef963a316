"""`evi encode`: every extract that changed, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

import evi
from evi.encoding.delivery import PARTS, EncodedDelivery, encode_delivery, part_path
from evi.encoding.gazetteer import Gazetteer
from evi.encoding.keys import Keys
from evi.encoding.outer import outer_of
from evi.encoding.profiles import check_district_profile
from evi.encoding.retire import codes_missing, forget_retired, retired
from evi.encoding.tokens import Coder
from evi.feeds import Layout, delivery_of, detect, extract_files, load_layouts
from evi.workspace import (
    SILENT,
    District,
    Progress,
    RefusedError,
    RunLedger,
    StageResult,
    connect,
    file_hash,
    replace_file,
)

LEDGER = "deliveries.json"
ADDRESSES = "addresses.parquet"


def encode(district: District, keys: Keys, progress: Progress = SILENT) -> StageResult:
    """Encode every extract whose bytes, layout, key or address list changed since it was last encoded.

    A delivery whose extract has gone is removed; a second file for the same layout and period replaces the
    first (the last by name is taken). A file that is refused is left out, and named in the notes.

    Raises:
        RefusedError: the district's profile of encoding is over its declared limit of re-identification.
    """
    check_district_profile(district.config.profile)
    layouts = load_layouts([district.root / folder for folder in district.config.layouts])
    result = StageResult("encode")
    standing = _standing(district)
    wanted = _wanted(district, layouts, keys, result)
    gone = sorted(set(standing) - set(wanted))
    fresh = _fresh(district, wanted, standing, anything_gone=bool(gone))
    kept = {name: standing[name] for name in wanted if name not in fresh}
    result.skipped = not fresh and not gone and (district.encoded / LEDGER).is_file()
    for name in gone:
        _remove(district.encoded, standing[name])
    _sweep(district.encoded, wanted)
    if fresh:
        kept |= _encode_all(district, fresh, layouts, keys, result, progress)
    entries = [kept[name] for name in sorted(kept)]
    if not result.skipped:
        _write_ledger(district, keys, code_of_reading(layouts), entries)
    result.rows |= {
        "deliveries": len(entries),
        "encoded": sum(name in kept for name in fresh),
        "removed": len(gone),
        "rows": sum(entry["loaded"] for entry in entries),
        "rejected": sum(entry["rejected"] for entry in entries),
        "observations": sum(entry["observations"] for entry in entries),
    }
    return result


def read_deliveries(district: District) -> list[dict[str, Any]]:
    """What `encoded/` holds, one entry a delivery: layout, feed, delivery, extract, hash, period and rows."""
    path = district.encoded / LEDGER
    return list(json.loads(path.read_text())["deliveries"]) if path.is_file() else []


def _standing(district: District) -> dict[str, dict[str, Any]]:
    return {f"{entry['layout']}/{entry['delivery']}": entry for entry in read_deliveries(district)}


def _wanted(
    district: District, layouts: Mapping[str, Layout], keys: Keys, result: StageResult
) -> dict[str, dict[str, Any]]:
    """From `layout/delivery` to the extract it is in and the hash of all that decides its codes."""
    files = extract_files([district.extracts]) if district.extracts.is_dir() else []
    hashes = RunLedger(district.root, district.runs).hash_files(files)
    reference = district.reference / ADDRESSES
    common = [
        key_ids(district, keys),
        code_of_encoding(),
        file_hash(reference) if reference.is_file() else "",
    ]
    wanted: dict[str, dict[str, Any]] = {}
    refused = 0
    known = _known_deliveries(district, code_of_reading(layouts))
    for file in files:
        name = str(file.relative_to(district.root))
        try:
            deliveries = known.get((name, hashes[name])) or [
                (layout.name, delivery_of(file, layout).id) for layout in detect(file, layouts)
            ]
        except RefusedError as error:
            result.notes.append(f"Refused: {error}")
            refused += 1
            continue
        for layout, delivery in deliveries:
            key = f"{layout}/{delivery}"
            if key in wanted and wanted[key]["hash"] != hashes[name]:
                result.notes.append(f"{name} replaces {wanted[key]['extract']}: both are {delivery}.")
            text = json.dumps([hashes[name], repr(layouts.get(layout)), *common])
            wanted[key] = {
                "layout": layout,
                "delivery": delivery,
                "extract": name,
                "hash": hashes[name],
                "made_of": hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
            }
    result.rows["refused"] = refused
    return wanted


def _known_deliveries(district: District, code: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """From an extract's name and hash to what it was found to hold, if the same code found it."""
    path = district.encoded / LEDGER
    if not path.is_file():
        return {}
    ledger = json.loads(path.read_text())
    known: dict[tuple[str, str], list[tuple[str, str]]] = {}
    if ledger.get("code") == code:
        for entry in ledger["deliveries"]:
            found = known.setdefault((entry["extract"], entry["hash"]), [])
            found.append((entry["layout"], entry["delivery"]))
    return known


def key_ids(district: District, keys: Keys) -> str:
    """The names of the keys that a district's codes are under: the agencies' key, and any outer one."""
    outer = outer_of(district)
    return keys.key_id if outer is None else f"{keys.key_id}+{outer.key_id}"


def code_of_encoding() -> str:
    """Hash of the code and data that decide how a value is read and coded."""
    package = Path(evi.__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    for room in ("encoding", "feeds"):
        for path in sorted((package / room).glob("*")):
            if path.suffix in {".py", ".yaml"}:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def code_of_reading(layouts: Mapping[str, Layout]) -> str:
    """Hash of the code and layouts that decide what a file is taken for."""
    text = code_of_encoding() + "".join(repr(layouts[name]) for name in sorted(layouts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _fresh(
    district: District,
    wanted: Mapping[str, dict[str, Any]],
    standing: Mapping[str, Mapping[str, Any]],
    *,
    anything_gone: bool,
) -> dict[str, dict[str, Any]]:
    """What is to be encoded. Where codes were deleted after linkage, one change brings all of them back."""
    deleted = retired(district)
    fresh = {
        name: entry
        for name, entry in wanted.items()
        if not _is_current(
            district, entry, standing.get(name), without_codes=deleted.get(name) == entry["made_of"]
        )
    }
    if deleted and (fresh or anything_gone):
        forget_retired(district)
        fresh = {n: entry for n, entry in wanted.items() if n in fresh or codes_missing(district, entry)}
    return fresh


def _is_current(
    district: District, entry: Mapping[str, Any], standing: Mapping[str, Any] | None, *, without_codes: bool
) -> bool:
    if standing is None or standing["made_of"] != entry["made_of"]:
        return False
    parts = [part for part in PARTS if part != "relations" or standing["relations"]]
    parts = [part for part in parts if part != "linkage" or not without_codes]
    named = [part_path(district.encoded, part, standing["layout"], standing["delivery"]) for part in parts]
    return all(path.is_file() for path in named)


def _remove(encoded: Path, entry: Mapping[str, Any]) -> None:
    for part in PARTS:
        path = part_path(encoded, part, entry["layout"], entry["delivery"])
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            shutil.rmtree(path.parent)


def _sweep(encoded: Path, wanted: Mapping[str, Any]) -> None:
    """Remove parts that nothing wants: what a run left that was killed before it wrote its ledger."""
    for part in PARTS:
        for path in sorted((encoded / part).glob("*/*")):
            if f"{path.parent.name}/{path.stem}" not in wanted:
                path.unlink()


def _encode_all(
    district: District,
    fresh: Mapping[str, dict[str, Any]],
    layouts: Mapping[str, Layout],
    keys: Keys,
    result: StageResult,
    progress: Progress,
) -> dict[str, dict[str, Any]]:
    """Encode side by side, each worker with a session of its own; what is written depends on no order."""
    coder, outer = Coder(keys), outer_of(district)
    gazetteer = Gazetteer(district.reference / ADDRESSES)
    sessions = threading.local()
    opened: list[duckdb.DuckDBPyConnection] = []

    def work(name: str) -> EncodedDelivery:
        if not hasattr(sessions, "con"):
            sessions.con = connect(scratch=district.scratch / f"encode-{threading.get_ident()}", threads=1)
            opened.append(sessions.con)
        entry = fresh[name]
        return encode_delivery(
            district.root / entry["extract"],
            layouts[entry["layout"]],
            encoded=district.encoded,
            con=sessions.con,
            coder=coder,
            gazetteer=gazetteer,
            rejects=district.rejects,
            outer=outer,
        )

    made: dict[str, dict[str, Any]] = {}
    workers = int(os.environ.get("EVI_THREADS", "0")) or os.cpu_count() or 1
    try:
        with (
            ThreadPoolExecutor(workers) as pool,
            progress.task("Encoding deliveries", len(fresh)) as advance,
        ):
            tasks = {name: pool.submit(work, name) for name in _by_extract(fresh)}
            try:
                for name, task in tasks.items():
                    try:
                        made[name] = fresh[name] | asdict(task.result())
                    except RefusedError as error:
                        result.notes.append(f"Refused: {error}")
                        result.rows["refused"] += 1
                        _remove(district.encoded, fresh[name])
                    advance(1)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        for con in opened:
            con.close()
    return made


def _by_extract(fresh: Mapping[str, dict[str, Any]]) -> Iterable[str]:
    """Layouts of one kind together, in order of time: what the coder remembers is used while it is warm."""
    return sorted(fresh, key=lambda name: (fresh[name]["layout"], fresh[name]["delivery"]))


def _write_ledger(district: District, keys: Keys, code: str, entries: list[dict[str, Any]]) -> None:
    content = {"key_id": keys.key_id, "code": code, "deliveries": entries}
    with replace_file(district.encoded / LEDGER) as scratch:
        scratch.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
