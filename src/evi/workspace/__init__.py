"""The district folder: its config, its paths, its database sessions and its ledger of runs."""

from evi.workspace.database import connect, quote
from evi.workspace.district import District, DistrictConfig
from evi.workspace.errors import EviError, RefusedError
from evi.workspace.lazily import lazily
from evi.workspace.manifests import Manifest, RunLedger, StageResult, code_hash, file_hash
from evi.workspace.progress import SILENT, Progress
from evi.workspace.writing import replace_dir, replace_file

__all__ = [
    "SILENT",
    "District",
    "DistrictConfig",
    "EviError",
    "Manifest",
    "Progress",
    "RefusedError",
    "RunLedger",
    "StageResult",
    "code_hash",
    "connect",
    "file_hash",
    "lazily",
    "quote",
    "replace_dir",
    "replace_file",
]
