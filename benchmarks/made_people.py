"""Made people for scale: two registers of one population, with slips, moves, families and known truth.

Everything is drawn in whole columns, so that a million records take seconds. Members of a household share a
home and mostly a surname, one child in eighty is a twin, and either register has typing slips, other
spellings, days and months changed over, old addresses, changed surnames and gaps, the second more than the
first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from evi.synthetic.draws import Generator, pick
from evi.synthetic.names import SPELLINGS, NameList, load_names

Ints = npt.NDArray[np.int64]
compute: Any = pyarrow.compute

OVERLAP = 0.8  # share of the first register that is in the second too
WITH_NHS = 0.6  # share of either register's records that have an NHS number
HOMES_A_POSTCODE, HOMES_A_STREET = 15, 45
TRADITIONS = {
    "english": 0.68,
    "pakistani": 0.14,
    "indian": 0.05,
    "polish": 0.06,
    "african": 0.04,
    "arab": 0.03,
}
PARTNER_SHARES_SURNAME, CHILD_SHARES_SURNAME, TWIN = 0.7, 0.9, 1 / 80
STREETS = ("Street", "Road", "Lane", "Avenue", "Close", "Drive", "Court", "Place", "Grove", "Terrace")
TODAY = np.datetime64("2025-01-01")
ROLES = {
    "id": "id",
    "forename": "forename",
    "surname": "surname",
    "date_of_birth": "dob",
    "sex": "sex",
    "postcode": "postcode",
    "address": "address",
    "nhs_number": "nhs",
}


def registers(records: int, seed: int = 11) -> tuple[pa.Table, pa.Table]:
    """Two registers of `records` / 2 rows each with the columns of `ROLES`; one `id` is one person."""
    rng = np.random.default_rng(seed)
    half = records // 2
    shared = round(half * OVERLAP)
    world = _World(rng, 2 * half - shared)
    order = rng.permutation(2 * half - shared)
    second = order[half - shared :]
    return world.register(order[:half], 1.0), world.register(second[rng.permutation(half)], 2.0)


class _World:
    """The truth: who there is, in which household, and what they are called."""

    def __init__(self, rng: Generator, people: int) -> None:
        self.rng, self.pool = rng, load_names()
        sizes = 1 + pick(rng, [0.3, 0.35, 0.15, 0.14, 0.06], people)
        ends = np.cumsum(sizes)
        homes = int(np.searchsorted(ends, people)) + 1
        self.homes = homes
        self.home = np.repeat(np.arange(homes), sizes[:homes])[:people]
        starts = np.concatenate(([0], ends))[self.home]
        place = np.arange(people) - starts
        self.tradition = pick(rng, list(TRADITIONS.values()), homes)[self.home]
        self.child = place >= 2
        self.sex = rng.integers(0, 2, people)
        age = np.where(
            self.child, rng.integers(0, 18 * 365, people), rng.integers(18 * 365, 80 * 365, people)
        )
        self.born = (TODAY - age).astype("datetime64[D]").astype(np.int64)
        twin = np.flatnonzero((place >= 3) & (rng.random(people) < TWIN))
        self.born[twin] = self.born[twin - 1]
        self.surname = self._names("surname", np.zeros(people, bool))
        shares = np.where(self.child, CHILD_SHARES_SURNAME, PARTNER_SHARES_SURNAME)
        family = (place > 0) & (rng.random(people) < shares)
        self.surname[family] = self.surname[starts[family]]
        self.forename = self._names("forename", self.child)
        self.nhs = _nhs_numbers(people)

    def _names(self, kind: str, child: npt.NDArray[np.bool_]) -> Ints:
        names = np.zeros(len(self.home), np.int64)
        for index, tradition in enumerate(TRADITIONS):
            rules = self.pool.traditions[tradition]
            lists: dict[tuple[int, bool], NameList] = {
                (0, False): rules.women,
                (1, False): rules.men,
                (0, True): rules.girls,
                (1, True): rules.boys,
            }
            for (sex, young), listed in lists.items():
                rows = np.flatnonzero((self.tradition == index) & (self.sex == sex) & (child == young))
                names[rows] = (rules.surnames if kind == "surname" else listed).draw(self.rng, len(rows))
        return names

    def register(self, who: Ints, slips: float) -> pa.Table:
        """The records of `who`; `slips` scales every kind of error."""
        rng, n = self.rng, len(who)

        def some(rate: float) -> npt.NDArray[np.bool_]:
            return rng.random(n) < rate * slips

        surname = np.where(
            some(0.02) & ~self.child[who], rng.permutation(self.surname[who]), self.surname[who]
        )
        home = np.where(some(0.08), rng.integers(0, self.homes, n), self.home[who])
        sex = np.where(some(0.003), 1 - self.sex[who], self.sex[who])
        return pa.table(
            {
                "id": pa.array(who).cast(pa.string()),
                "forename": _text(self._misspelt(self.forename[who], some), self.pool.strings, some(0.006)),
                "surname": _text(self._misspelt(surname, some), self.pool.strings, some(0.006)),
                "dob": self._born(self.born[who], some),
                "sex": pa.array(["F", "M"]).take(pa.array(sex)),
                "postcode": _blanked(_postcodes(home), some(0.02)),
                "address": _blanked(_addresses(home), some(0.03)),
                "nhs": _blanked(self.nhs.take(pa.array(who)), rng.random(n) > WITH_NHS),
            }
        )

    def _misspelt(self, names: Ints, some: Any) -> Ints:
        rng, n = self.rng, len(names)
        names = np.where(some(0.03), self.pool.spellings[names, rng.integers(0, SPELLINGS, n)], names)
        names = np.where(some(0.015), self.pool.familiar[names], names)
        return np.where(
            some(0.02), self.pool.slips[names, rng.integers(0, self.pool.slips.shape[1], n)], names
        )

    def _born(self, days: Ints, some: Any) -> pa.Array:
        rng, n = self.rng, len(days)
        days = np.where(some(0.008), days + rng.integers(-40, 40, n), days)
        dates = days.astype("datetime64[D]")
        year, month = dates.astype("datetime64[Y]"), dates.astype("datetime64[M]")
        day_no, month_no = (dates - month).astype(int), (month - year).astype(int)
        swapped = some(0.008) & (day_no < 12)
        first = year + np.where(swapped, day_no, month_no).astype("timedelta64[M]")
        dates = first.astype("datetime64[D]") + np.where(swapped, month_no, day_no)
        return pa.array(dates, mask=some(0.006))


def _text(ids: Ints, strings: Any, blank: npt.NDArray[np.bool_]) -> pa.Array:
    return _blanked(strings.to_arrow().cast(pa.string()).take(pa.array(ids)), blank)


def _blanked(values: pa.Array, blank: npt.NDArray[np.bool_]) -> pa.Array:
    return compute.if_else(pa.array(blank), None, values)


def _joined(*parts: Any) -> pa.Array:
    texts = [part.cast(pa.string()) if isinstance(part, pa.Array) else part for part in parts]
    return compute.binary_join_element_wise(*texts, "")


def _postcodes(home: Ints) -> pa.Array:
    """Fifteen homes to a postcode; neighbours' postcodes share their sector."""
    number = home // HOMES_A_POSTCODE
    letters = pa.array([a + b for a in "ABDEFGHJLN" for b in "PQRSTUWXYZ"])
    sector = number // 100
    area = pa.array(["BD", "LS", "HX", "HD", "WF", "S", "M", "OL", "BB", "HG"]).take(
        pa.array(sector // 900 % 10)
    )
    return _joined(
        area,
        pa.array(1 + sector // 10 % 90),
        " ",
        pa.array(sector % 10),
        letters.take(pa.array(number % 100)),
    )


def _addresses(home: Ints) -> pa.Array:
    """A house number and a street; a street's name is used again elsewhere."""
    surnames = [name for name in load_names().strings[1:2700].to_list() if name.isalpha()]
    street = home // HOMES_A_STREET
    names = pa.array(surnames).take(pa.array(street * 7919 % len(surnames)))
    kinds = pa.array(STREETS).take(pa.array(street % len(STREETS)))
    return _joined(pa.array(1 + home % HOMES_A_STREET), " ", names, " ", kinds)


def _nhs_numbers(count: int) -> pa.Array:
    """`count` different numbers with a right check digit, in no order."""
    wanted = np.arange(count + count // 8 + 100, dtype=np.int64)
    nine = 100_000_000 + wanted * 387_420_489 % 800_000_009
    digits = nine[:, None] // 10 ** np.arange(8, -1, -1) % 10
    check = 11 - (digits @ np.arange(10, 1, -1)) % 11
    good = np.flatnonzero(check != 10)[:count]
    return pa.array(nine[good] * 10 + check[good] % 11).cast(pa.string())
