"""A file as it came: which kind it is, whether it is right, and what it says. It needs no database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from evi.care.exchange import isp, profile
from evi.care.exchange.dossier import Dossier
from evi.care.exchange.faults import BadFileError, Fault
from evi.care.exchange.fhir_in import from_bundle
from evi.care.exchange.reading import read_json

FHIR, ISP = "fhir", "isp"


@dataclass(frozen=True)
class File:
    """A file that was read and found right: its kind, its digest, what it says and what was not taken."""

    kind: str
    digest: str
    dossier: Dossier
    not_taken: tuple[Fault, ...] = ()


def read_file(content: bytes) -> File:
    """Read and check a file.

    Raises:
        BadFileError: it can't be taken; its `faults` say what is wrong where, if it could be read at all.
    """
    said = read_json(content)
    digest = hashlib.sha256(content).hexdigest()
    if said.get("format") == isp.FORMAT:
        _hold(isp.check_isp(said))
        return File(ISP, digest, isp.from_isp(said))
    if "resourceType" not in said:
        raise BadFileError(
            "it is neither a FHIR document nor a support plan file.",
            do="Ask the sender for FHIR R4 as JSON, or for eVI's support plan file.",
        )
    _hold(profile.check_bundle(said))
    read = from_bundle(said)
    return File(FHIR, digest, read.dossier, tuple(read.not_taken))


def _hold(faults: list[Fault]) -> None:
    if faults:
        things = "1 thing in it is wrong." if len(faults) == 1 else f"{len(faults)} things in it are wrong."
        raise BadFileError(things, faults=faults[: profile.MOST_FAULTS])
