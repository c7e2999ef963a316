"""Legal gateways as data: what each allows, from when, whether it is switched on, and what binds it.

A district confirms, switches or adds gateways with files in a folder `gateways/` beside its agreements.
What "checked" says is to be taken seriously: these files are a starting point for a lawyer, not advice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

FOLDER = Path(__file__).parent / "gateways"
SCHEMA = FOLDER / "gateway.schema.json"
ANY = "any"


@dataclass(frozen=True)
class Gateway:
    """One gateway.

    Attributes:
        kind: power, duty, article-6, article-9 or confidentiality.
        in_force_from, in_force_until: its days, the last one excluded; no first day means not yet appointed.
        switched_on: the switch.
        purposes: those that it may serve (`any` for all).
        organisations: kinds that must be parties for it to apply.
        objection, opt_out: honoured, no-say or overrides.
        consent: is-the-basis, can-be-asked or not-the-basis.
        checked: verified, or to be checked.
    """

    id: str
    title: str
    kind: str
    says: str
    in_force_from: date | None
    switched_on: bool
    purposes: tuple[str, ...]
    objection: str
    opt_out: str
    consent: str
    source: str
    checked: str
    in_force_until: date | None = None
    organisations: tuple[str, ...] = ()
    why_off: str = ""
    not_for: str = ""
    note: str = ""

    @property
    def live(self) -> bool:
        """Whether it can permit anything on any day."""
        return self.switched_on and self.in_force_from is not None

    def serves(self, purpose: str) -> bool:
        """Whether it may be used for a purpose."""
        return ANY in self.purposes or purpose in self.purposes


def load_gateways(folders: Iterable[Path] = ()) -> dict[str, Gateway]:
    """The shipped gateways, with those of each folder's `gateways/` added or put in their place, by id.

    Raises:
        EviError: a file breaks the schema, names a word that there isn't, or one folder has an id twice.
    """
    found: dict[str, Gateway] = {}
    for folder in (FOLDER, *(folder / "gateways" for folder in folders)):
        here: dict[str, Gateway] = {}
        for path in sorted(folder.glob("*.yaml")):
            table = read_yaml(path)
            for row in table if isinstance(table, list) else [table]:
                gateway = _gateway(row, str(path))
                if gateway.id in here:
                    raise EviError(
                        f"the gateway {gateway.id} is there twice.", where=str(path), do="Keep one."
                    )
                here[gateway.id] = gateway
        found |= here
    return found


def _gateway(row: Any, where: str) -> Gateway:
    fields: Mapping[str, Any] = json.loads(json.dumps(row, default=str))
    check_against(fields, SCHEMA, where)
    words = vocabulary()
    unknown = [each for each in fields["purposes"] if each not in {ANY, *words.purposes}]
    unknown += [each for each in fields.get("organisations", ()) if each not in words.organisations]
    if unknown:
        raise EviError(
            f"{fields['id']} names “{unknown[0]}”, which is no word of the vocabulary.",
            where=where,
            exit_code=2,
        )
    try:
        days = {
            name: date.fromisoformat(fields[name]) if fields.get(name) else None
            for name in ("in_force_from", "in_force_until")
        }
    except ValueError as error:
        raise EviError(f"{fields['id']} has a day that isn't one.", where=where, do=str(error)) from error
    lists = {name: tuple(fields.get(name, ())) for name in ("purposes", "organisations")}
    return Gateway(**{**fields, **days, **lists})
