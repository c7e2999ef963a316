"""Which organisation holds the records of each feed: who may be told of a child, whose records Care has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

FILE = Path(__file__).parent / "holders.yaml"
SCHEMA = Path(__file__).parent / "holders.schema.json"
OWN = "holders.yaml"
PLACE = "{place}"


@dataclass(frozen=True)
class Caseload:
    """Who is tied to a service.

    Attributes:
        below_months: everybody of whom it has a record and who is younger, in months.
        opens, closes: codes of events that open and close a case; an event with an end of its own closes
            with it.
    """

    below_months: int | None = None
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holder:
    """The organisation, or kind of place, that holds the records of a feed.

    Attributes:
        kind: of organisation, a word of the vocabulary. code, name: with `{place}` in them for one
            organisation a place.
        item: of the chronology that its records belong to.
        place, year, since, until: fields of the layout, for a holder with one organisation a place.
        loaded: whether Care loads its records.
    """

    feed: str
    kind: str
    code: str
    name: str
    item: str
    place: str = ""
    year: str = ""
    since: str = ""
    until: str = ""
    loaded: bool = True
    caseload: Caseload = field(default_factory=Caseload)

    @property
    def each_place(self) -> bool:
        """Whether every place is an organisation of its own."""
        return PLACE in self.code

    def code_at(self, place: str) -> str:
        """The organisation's code at a place."""
        return self.code.replace(PLACE, place)

    def name_at(self, place: str) -> str:
        """The organisation's name at a place."""
        return self.name.replace(PLACE, place)


def holders(district: Path | None = None) -> Mapping[str, Holder]:
    """Holders by feed, in the order in which they are believed.

    Args:
        district: a district's folder; rows of its own `holders.yaml` take the place of the shipped ones.

    Raises:
        EviError: a file breaks the schema, or names a word that the vocabulary doesn't have.
    """
    own = district / OWN if district is not None and (district / OWN).is_file() else None
    return _read(FILE) | (_read(own) if own is not None else {})


@cache
def _read(path: Path) -> dict[str, Holder]:
    table = read_yaml(path)
    check_against(table, SCHEMA, str(path))
    return {feed: _holder(feed, row, str(path)) for feed, row in table.items()}


def _holder(feed: str, row: Mapping[str, Any], where: str) -> Holder:
    words = vocabulary()
    for word, known in ((row["kind"], words.organisations), (row["item"], words.items)):
        if word not in known:
            raise EviError(
                f"{feed} names “{word}”, which is no word of the vocabulary.", where=where, exit_code=2
            )
    load = row.get("caseload", {})
    caseload = Caseload(load.get("below_months"), tuple(load.get("opens", ())), tuple(load.get("closes", ())))
    return Holder(feed=feed, **{**row, "caseload": caseload})
