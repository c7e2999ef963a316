"""How many children a service said it could see this term, and how its places are shared out among schools.

Shares are in proportion to the children on the list, by largest remainder (Hamilton's method): each school
first gets the whole number in its exact share, and the places left over go one each to the largest fractions.
A school never gets more than it has children, nor more than it said it could take; what it can't use is
shared out again among the others in the same way. Equal fractions are decided by lot, and the lot falls the
same way whenever it is asked again.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from evi.workspace import EviError

EVERYWHERE = "*"
NO_SCHOOL = "no school known"


@dataclass(frozen=True)
class Offered:
    """Places for a term.

    Attributes:
        places: how many children the service can see in all; None where it set no number.
        by_school: the most that a school can take, for schools that said so.
        term: what the term is called, if it has a name.
    """

    places: int | None = None
    by_school: Mapping[str, int] = field(default_factory=dict)
    term: str = ""


def read_offered(path: Path, term: str | None = None) -> Offered:
    """Read a file of places: columns `term` (may be left out), `school` (`*`: the whole service), `places`.

    Raises:
        EviError: it can't be read, a number is no number, a school is there twice, or a term must be chosen.
    """
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EviError("it can't be read as CSV.", where=str(path), do=str(error), exit_code=2) from error
    if not rows or not {"school", "places"} <= set(rows[0]):
        raise EviError(
            "it lacks school or places, or is empty.",
            where=str(path),
            do="It has a row for * (the whole service), and one for each school that can take only so many.",
            exit_code=2,
        )
    terms = list(dict.fromkeys((row.get("term") or "").strip() for row in rows))
    chosen = term if term is not None else terms[0]
    if chosen not in terms or (term is None and len(terms) > 1):
        raise EviError(
            "it is not clear which term is meant.",
            where=str(path),
            do=f"Say --term and one of: {', '.join(terms)}.",
            exit_code=2,
        )
    found: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        if (row.get("term") or "").strip() != chosen:
            continue
        school, places = (row["school"] or "").strip(), (row["places"] or "").strip()
        if not school or not places.isdecimal():
            raise EviError(
                "a row needs a school and a whole number of places, 0 or more.",
                where=f"{path}, line {number}",
                do="Correct it.",
                exit_code=2,
            )
        if school in found:
            raise EviError(
                "a school is there twice.", where=f"{path}, line {number}", do="Keep one.", exit_code=2
            )
        found[school] = int(places)
    return Offered(found.pop(EVERYWHERE, None), found, chosen)


def share_out(children: Mapping[str, int], offered: Offered, seed: str = "") -> dict[str, int]:
    """Places for each school, in proportion to its children.

    Args:
        children: children on the list, by school.
        offered: how many places there are.
        seed: names the lot that decides between equal fractions.
    """
    most = {
        school: min(count, offered.by_school.get(school, count)) for school, count in sorted(children.items())
    }
    if offered.places is None:
        return most
    given = dict.fromkeys(most, 0)
    left = min(offered.places, sum(most.values()))
    while left:
        open_ = {school: children[school] for school in most if given[school] < most[school]}
        total = sum(open_.values())
        exact = {school: Fraction(left * count, total) for school, count in open_.items()}
        over = [school for school in open_ if exact[school] >= most[school] - given[school]]
        if over:
            for school in over:
                left -= most[school] - given[school]
                given[school] = most[school]
            continue
        for school in open_:
            given[school] += int(exact[school])
        left -= sum(int(share) for share in exact.values())
        ranked = sorted(open_, key=lambda school: (-(exact[school] % 1), lot(seed, school)))
        for school in ranked[:left]:
            given[school] += 1
        left = 0
    return given


def lot(seed: str, name: object) -> int:
    """A number that is as good as drawn by lot, and is the same whenever it is drawn again."""
    return int.from_bytes(hashlib.blake2b(f"{seed}|{name}".encode(), digest_size=8).digest())
