"""Names by naming tradition, with the skew and the spellings that real registers have.

One pool holds every string that may stand in a record: names as families give them, and beforehand every
other spelling, familiar form and typing slip of each. People then carry numbers of the pool, and a recording
error is a look-up in a table of numbers, never string work per person.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import polars as pl
import yaml

from evi.synthetic.calendar import Flags, Floats, Ints
from evi.synthetic.draws import Generator, stream, zipf

SLIPS = 4  # typing slips kept for each name
SPELLINGS = 6  # places for other spellings of each name


@dataclass(frozen=True)
class NameList:
    """Names (numbers in the pool) of one kind, with the chance of each."""

    ids: Ints
    weights: Floats

    def draw(self, rng: Generator, size: int) -> Ints:
        """`size` names, each by its weight."""
        edges = np.cumsum(self.weights)
        return self.ids[np.searchsorted(edges / edges[-1], rng.random(size), side="right")]


@dataclass(frozen=True)
class Tradition:
    """How one tradition names people. `surnames_f` pairs with `surnames` (Kowalski, Kowalska)."""

    boys: NameList
    girls: NameList
    men: NameList
    women: NameList
    surnames: NameList
    surnames_f: Ints
    daughters: NameList | None


@dataclass(frozen=True)
class NamePool:
    """Every string that can be recorded, and for each its slips, spellings and familiar form.

    Attributes:
        strings: the pool; entry 0 is the empty string.
        slips: (pool, SLIPS) numbers of mistyped forms.
        spellings: (pool, SPELLINGS) numbers of other spellings; the name itself where it has none.
        familiar: number of the familiar form, or the name itself.
        plain: number of the form without diacritics.
    """

    strings: pl.Series
    slips: Ints
    spellings: Ints
    familiar: Ints
    plain: Ints
    traditions: dict[str, Tradition]

    def text(self, ids: Ints) -> pl.Series:
        """The strings of `ids`; 0 gives null."""
        picked = self.strings.gather(pl.Series(ids.astype(np.uint32)))
        return picked.set(pl.Series(ids == 0), None) if (ids == 0).any() else picked


def _words(text: str | None) -> list[str]:
    return list(dict.fromkeys((text or "").split()))


def _faker(locale: str, attribute: str) -> list[str]:
    provider: Any = importlib.import_module(f"faker.providers.person.{locale}").Provider
    return [str(name) for name in getattr(provider, attribute, ())]


def _rare(locales: list[str], kinds: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for locale in locales:
        for kind in kinds:
            found += _faker(locale, kind)
    return [name for name in found if name.isalpha() and 2 < len(name) < 16]


def _feminine(surname: str, tradition: str) -> str:
    if tradition == "polish":
        for ending, other in (("ski", "ska"), ("cki", "cka"), ("dzki", "dzka")):
            if surname.endswith(ending):
                return surname[: -len(ending)] + other
    if tradition == "roma":
        if surname.endswith("ý"):
            return surname[:-1] + "á"
        return (surname[:-1] if surname[-1] in "aoy" else surname) + "ová"
    return surname


BESIDE = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wqrewytuoiszdfghjklkxzvcnb", strict=True))


def slip(name: str, where: float, which: float) -> str:
    """`name` with one typing slip at the share `where` of its length.

    `which` (0 to 1) decides between two letters swapped, one left out, one doubled, and the neighbouring key.
    """
    if len(name) < 3:
        return name + name[-1:]
    place, kind = 1 + int(where * (len(name) - 2)), int(which * 4)
    if kind == 0:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    if kind == 1:
        return name[:place] + name[place + 1 :]
    if kind == 2:
        return name[:place] + name[place] + name[place:]
    return name[:place] + BESIDE.get(name[place], "e") + name[place + 1 :]


PLAIN = str.maketrans(
    "ąćęłńóśźżáčďéěíňřšťúůýžľĺôäöüŁŚŻŹČŠŽŘĽÁÉÍÓÚÝ", "acelnoszzacdeeinrstuuyzlloaouLSZZCSZRLAEIOUY"
)


class _Builder:
    """Collects strings, then makes the pool."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {"": 0}

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))

    def listed(self, names: list[str], exponent: float) -> NameList:
        ids = np.array([self.number(name) for name in names], dtype=np.int64)
        return NameList(ids, zipf(len(names), exponent, 3.0))

    def tradition(self, name: str, spec: dict[str, Any], compose: dict[str, str]) -> Tradition:
        rare = spec["faker"]
        men = _rare(rare["first"], ("first_names_male",))
        women = _rare(rare["first"], ("first_names_female",))
        kinds = ("last_romanized_names",) if name == "chinese" else ("male_last_names", "unisex_last_names")
        if name == "roma":
            kinds = ("last_names_male",)
        elif name not in {"chinese", "polish"}:
            kinds = ("last_names",)
        surnames = _words(spec["surnames"]) + _rare(rare["surname"], kinds)
        if rare.get("compose"):
            heads, tails = compose["heads"].split(), compose["tails"].split()
            surnames += [h + t for t in tails for h in heads if not h.endswith(t[0])]
        surnames = list(dict.fromkeys(surnames))
        exponent, daughters = float(spec["exponent"]), _words(spec.get("daughters"))
        return Tradition(
            boys=self.listed(list(dict.fromkeys(_words(spec["boys"]) + men)), exponent),
            girls=self.listed(list(dict.fromkeys(_words(spec["girls"]) + women)), exponent),
            men=self.listed(list(dict.fromkeys(_words(spec["men"]) + men)), exponent),
            women=self.listed(list(dict.fromkeys(_words(spec["women"]) + women)), exponent),
            surnames=self.listed(surnames, float(spec["surname_exponent"])),
            surnames_f=np.array([self.number(_feminine(one, name)) for one in surnames], dtype=np.int64),
            daughters=self.listed(daughters, 0.9) if daughters else None,
        )


@cache
def load_names() -> NamePool:
    """Build the pool from `data/names.yaml` and Faker's lists (always the same pool: no seed enters)."""
    text = resources.files("evi.synthetic").joinpath("data/names.yaml").read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    builder = _Builder()
    traditions = {
        name: builder.tradition(name, rules, spec["compose"]) for name, rules in spec["traditions"].items()
    }
    groups = [[builder.number(word) for word in group.split()] for group in spec["spellings"]]
    familiar = {builder.number(k): builder.number(v) for k, v in spec["nicknames"].items()}
    true_names = list(builder.numbers)
    dice = stream(0, "typing slips").random((len(true_names), SLIPS, 2)).tolist()
    slips = [[0] * SLIPS] + [
        [builder.number(slip(name, where, which)) for where, which in dice[row]]
        for row, name in enumerate(true_names[1:], 1)
    ]
    plain = [builder.number(name.translate(PLAIN)) for name in true_names]
    size, known = len(builder.numbers), len(true_names)
    own = np.arange(size, dtype=np.int64)
    slip_table = np.repeat(own[:, None], SLIPS, axis=1)
    slip_table[:known] = slips
    spelling_table = np.repeat(own[:, None], SPELLINGS, axis=1)
    for group in groups:
        for member in group:
            others = [other for other in group if other != member]
            spelling_table[member] = np.resize(others, SPELLINGS)
    familiar_table, plain_table = own.copy(), own.copy()
    familiar_table[list(familiar)] = list(familiar.values())
    plain_table[:known] = plain
    strings = pl.Series("name", list(builder.numbers), dtype=pl.String)
    return NamePool(strings, slip_table, spelling_table, familiar_table, plain_table, traditions)


def draw_names(
    rng: Generator, pool: NamePool, traditions: list[str], tradition: Ints, sex: Ints, kind: str
) -> Ints:
    """First names for people of these traditions and sexes (0 female, 1 male); `kind`: "child" or "adult"."""
    names = np.zeros(len(tradition), dtype=np.int64)
    for index, name in enumerate(traditions):
        rules = pool.traditions[name]
        lists = (rules.girls, rules.boys) if kind == "child" else (rules.women, rules.men)
        for value, listed in enumerate(lists):
            rows = np.flatnonzero((tradition == index) & (sex == value))
            names[rows] = listed.draw(rng, rows.size)
    return names


def has_other_spelling(pool: NamePool, ids: Ints) -> Flags:
    """Whether each name has another accepted spelling."""
    return np.asarray(pool.spellings[ids, 0] != ids)
