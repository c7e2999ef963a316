"""How one agency records people: local ids, names with errors, birth dates, identifiers and addresses.

An agency writes a person down once, well or badly, and keeps that record; its idea of the person's address is
that of an earlier day where it was not told of a move. `Register.identity` gives whatever identity fields a
layout asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import polars as pl
import yaml

from evi.synthetic.calendar import Days, Flags, Floats, Ints, month_of, year_of
from evi.synthetic.draws import Generator, stream
from evi.synthetic.homes import Homes
from evi.synthetic.identifiers import mistype_number
from evi.synthetic.layouts import Layout
from evi.synthetic.names import SLIPS, SPELLINGS, NamePool, has_other_spelling
from evi.synthetic.population import Communities, People

NHS_ETHNICITY = {
    "WBRI": "A", "WIRI": "B", "WOTH": "C", "WIRT": "C", "WROM": "C", "MWBC": "D", "MWBA": "E", "MWAS": "F",
    "MOTH": "G", "AIND": "H", "APKN": "J", "ABAN": "K", "AOTH": "L", "BCRB": "M", "BAFR": "N", "BOTH": "P",
    "CHNE": "R", "OOTH": "S",
}  # fmt: skip


@cache
def error_rates() -> dict[str, Any]:
    """The rates in `data/errors.yaml`."""
    text = resources.files("evi.synthetic").joinpath("data/errors.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


class Register:
    """One agency's records of some people.

    Args:
        feed: the agency's feed; decides error rates and the random stream.
        persons: true person ids on the agency's books, sorted and unique.
        doubles: share of people whom the agency wrote down twice, under two local ids.
        upn: the children's UPNs by true id (text), for agencies that hold them.
    """

    def __init__(
        self,
        feed: str,
        persons: Ints,
        *,
        seed: int,
        people: People,
        homes: Homes,
        pool: NamePool,
        communities: Communities,
        nhs: Ints,
        upn: pl.Series,
        doubles: float = 0.0,
        style: Callable[[Ints], pl.Series] | None = None,
    ) -> None:
        self.feed, self._people, self._homes, self._pool, self._communities = (
            feed,
            people,
            homes,
            pool,
            communities,
        )
        rng = stream(seed, f"register {feed}")
        again = persons[rng.random(persons.size) < doubles]
        self.persons = np.concatenate([persons, again])
        self.first = persons
        self.doubled = np.full(persons.size, -1, dtype=np.int64)
        self.doubled[np.searchsorted(persons, again)] = persons.size + np.arange(again.size)
        number = rng.permutation(self.persons.size)
        self.local = style(number) if style else _local_ids(feed, number)
        self._rates = error_rates()["agencies"][feed]
        factor = np.array([float(error_rates()["community"][name]) for name in communities.traditions])
        self._factor = factor[communities.tradition[people.group[self.persons]]]
        self._record(rng, nhs, upn)

    def rows(self, persons: Ints, rng: Generator | None = None) -> Ints:
        """Rows of the register for these true ids; with `rng`, doubled people appear under either id."""
        found = np.searchsorted(self.first, persons)
        if rng is None:
            return found
        other = self.doubled[found]
        return np.where((other >= 0) & (rng.random(found.size) < 0.5), other, found)

    def links(self) -> pl.DataFrame:
        """The truth of this register: feed, local_id, person."""
        return pl.DataFrame(
            {
                "feed": pl.repeat(self.feed, len(self.local), eager=True),
                "local_id": self.local,
                "person": self.persons,
            }
        )

    def identity(
        self, layout: Layout, role: str, rows: Ints, observed: Ints, *, fresh: bool = False
    ) -> dict[str, pl.Series]:
        """Identity columns that `layout` asks for about `role`, by field name, one entry for each of `rows`.

        Addresses are those that the agency believes on the day `observed`; with `fresh` it has just been
        told.
        """
        person = self.persons[rows]
        day = observed if fresh else observed - self._stale[rows]
        dwelling = self._homes.of_person(person, day)
        columns: dict[str, pl.Series] = {layout.local_id(role): self.local.gather(rows)}
        for kind, field in layout.identifies(role).items():
            columns[field] = self._column(kind, layout.codes(field), rows, person, dwelling)
        return columns

    def identity_of(self, kind: str, codes: str, rows: Ints) -> pl.Series:
        """One identity field of these rows, for files that aren't tables (`codes`: the shared code list)."""
        return self._column(kind, codes, rows, self.persons[rows], rows)

    def _column(self, kind: str, codes: str, rows: Ints, person: Ints, dwelling: Ints) -> pl.Series:
        text, homes = self._pool.text, self._homes
        if kind == "forename":
            return text(self._forename[rows])
        if kind == "middle_names":
            return text(self._middle[rows])
        if kind == "surname":
            one, two = text(self._surname[rows]), self._surname2[rows]
            if not two.any():
                return one
            both = np.flatnonzero(two)
            return one.scatter(both, one.gather(both) + "-" + text(two[both]))
        if kind == "date_of_birth":
            return pl.Series(self._birth[rows].astype(np.int32)).cast(pl.Date)
        if kind == "sex":
            labels = ["2", "1"] if codes == "sex_digits" else ["F", "M"]
            return pl.Series(labels).gather(self._sex[rows])
        if kind == "ethnicity":
            names = [NHS_ETHNICITY[c] if codes == "ethnicity_nhs" else c for c in self._communities.code]
            absent = "Z" if codes == "ethnicity_nhs" else "NOBT"
            return pl.Series([*names, absent]).gather(self._group[rows])
        if kind == "language":
            spoken = [*self._communities.language, "ENG"]
            which = np.where(self._people.english[person], len(spoken) - 1, self._people.group[person])
            return pl.Series(spoken).gather(which)
        if kind == "nhs_number":
            numbers = pl.Series(self._nhs[rows])
            return numbers.set(numbers == 0, None)
        if kind == "upn":
            return self._upn.gather(rows)
        if kind == "uprn":
            return _hide(pl.Series(homes.uprn[dwelling]), self._no_uprn[rows])
        if kind == "postcode":
            return _hide(homes.postcode_text.gather(dwelling), self._no_postcode[rows])
        if kind == "address":
            return homes.line.gather(dwelling)
        raise KeyError(kind)

    def _chance(self, rng: Generator, error: str, *, scaled: bool = True) -> Flags:
        rate = float(self._rates[error]) * (self._factor if scaled else 1.0)
        return rng.random(self.persons.size) < rate

    def _record(self, rng: Generator, nhs: Ints, upn: pl.Series) -> None:
        """Write everybody down, errors included."""
        people, pool, who, size = self._people, self._pool, self.persons, self.persons.size
        fore, sur = people.forename[who], people.surname[who]
        self._surname2 = np.where(self._chance(rng, "half", scaled=False), 0, people.surname2[who])
        self._middle = np.where(self._chance(rng, "middle_missing", scaled=False), 0, people.middle[who])
        plain = rng.random(size) < 0.7  # most British systems keep no diacritics
        names = []
        for given in (fore, sur):
            other = self._chance(rng, "spelling") & has_other_spelling(pool, given)
            value = np.where(other, pool.spellings[given, rng.integers(0, SPELLINGS, size)], given)
            value = np.where(
                self._chance(rng, "slip"), pool.slips[value, rng.integers(0, SLIPS, size)], value
            )
            names.append(np.where(plain, pool.plain[value], value))
        fore = np.where(self._chance(rng, "familiar", scaled=False), pool.familiar[fore], names[0])
        turned = self._chance(rng, "order")
        self._forename, self._surname = np.where(turned, names[1], fore), np.where(turned, fore, names[1])
        self._birth = self._birth_dates(rng, people.birth[who])
        self._sex = np.where(self._chance(rng, "sex", scaled=False), 1 - people.sex[who], people.sex[who])
        missing = len(self._communities.code)
        other = np.where(
            self._chance(rng, "ethnicity_other", scaled=False), self._communities.code.index("OOTH"), -1
        )
        group = np.where(other >= 0, other, people.group[who])
        self._group = np.where(self._chance(rng, "ethnicity_missing", scaled=False), missing, group)
        number = np.where(self._chance(rng, "nhs_wrong"), mistype_number(rng, nhs[who], 10), nhs[who])
        self._nhs = np.where(self._chance(rng, "nhs_missing"), 0, number)
        self._upn = self._upns(rng, upn)
        self._no_postcode = self._chance(rng, "postcode_missing", scaled=False)
        self._no_uprn = self._chance(rng, "uprn_missing", scaled=False)
        late = self._chance(rng, "stale", scaled=False)
        self._stale = np.where(
            late, rng.exponential(max(float(self._rates["stale_days"]), 1.0), size), 0
        ).astype(np.int32)

    def _birth_dates(self, rng: Generator, birth: Days) -> Days:
        """Birth dates as written: some 1 January, some with day and month exchanged or a digit wrong."""
        year, month = year_of(birth), month_of(birth)
        january = ((year - 1970).astype("datetime64[Y]")).astype("datetime64[D]").astype(np.int64)
        day = (
            birth
            - (birth.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64))
            + 1
        )
        months = (year - 1970) * 12 + (day - 1)
        exchanged = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + month - 1
        wrong = self._chance(rng, "dob")
        slipped = birth + rng.choice([-10, -1, 1, 10, -365, 365], size=birth.size)
        latest = np.maximum(birth, 0)
        made = np.where(
            wrong & (day <= 12) & (rng.random(birth.size) < 0.6), exchanged, np.where(wrong, slipped, birth)
        )
        made = np.where(self._chance(rng, "default_dob"), january, made)
        return np.asarray(np.minimum(made, latest + 3)).astype(np.int32)

    def _upns(self, rng: Generator, upn: pl.Series) -> pl.Series:
        who = np.where(self.persons < len(upn), self.persons, 0)
        held = upn.gather(who)
        size = self.persons.size
        rate = float(self._rates["upn_missing"])
        hidden = (rng.random(size) < rate) | (self.persons >= len(upn))
        wrong = np.flatnonzero(self._chance(rng, "upn_wrong", scaled=False) & ~hidden)
        if wrong.size:
            text = held.gather(wrong)
            held = held.scatter(
                wrong, text.str.slice(0, 8) + text.str.slice(9, 1) + text.str.slice(8, 1) + text.str.slice(10)
            )
        return _hide(held, hidden)


def _hide(values: pl.Series, hidden: Flags) -> pl.Series:
    return values.set(pl.Series(hidden), None) if hidden.any() else values


def _local_ids(feed: str, number: Ints) -> pl.Series:
    """Local ids in the habit of each agency: some numbers, some with letters before them."""
    start, prefix = {
        "eyfsp": (30_000_000, ""), "sen2": (100_000, "SEN"), "ssd": (4_000_000, ""), "cin": (4_000_000, ""),
        "ssda903": (50_000, "CLA"), "csds": (7_000_000, "RX"), "mhsds": (600_000, "MH"),
        "maternity": (1_000_000, "MAT"), "gp": (20_000_000, ""), "ae": (8_000_000, "AE"),
        "police": (500_000, "NIC"), "housing": (300_000, "T"),
    }[feed]  # fmt: skip
    return pl.Series(feed, [prefix]).new_from_index(0, number.size) + pl.Series(number + start).cast(
        pl.String
    )


def ages(birth: Days, day: Ints | int) -> Floats:
    """Ages in years."""
    return np.asarray((np.asarray(day) - birth) / 365.25)
