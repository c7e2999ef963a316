"""What an attacker sees of a table of codes: which are equal, which are alike, how long; never a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from benchmarks.attacks.people import columns_of, plain_names
from evi.encoding import Coder, Keys
from evi.encoding.profiles import NAMES, Encoded, Profile, encode_unchecked

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
EXACT = ("pc", "pc_sector", "ym", "md", "yd")
_ALIKE = {"forename": ("fn_t", "fn_ph", "fn_pre"), "surname": ("sn_t", "sn_ph", "sn_pre")}
_CODE = {"forename": ("fn", "fn_del"), "surname": ("sn", "sn_del")}


@dataclass(frozen=True)
class Field:
    """One field of a table, as its codes show it.

    Attributes:
        codes: for each row the number of its distinct code, -1 where there is none.
        length: by code, what it tells of the length of its value (forms with one letter left out; bits set).
        likeness: what makes `alike`, on first use.
        bits: by code, its filter; None for keyed codes.
        values: by code, the value that most rows have who have it: the truth, or what the attacker holds.
    """

    codes: Ints
    length: Floats
    likeness: Callable[[], Floats]
    bits: npt.NDArray[np.uint8] | None
    values: list[str | None]

    @cached_property
    def alike(self) -> Floats:
        """By pair of codes, how alike they are (0 to 1); of a code with itself 0."""
        made = self.likeness()
        np.fill_diagonal(made, 0)
        return made

    @property
    def counts(self) -> Ints:
        """How many rows have each code."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.length)).astype(np.int64)


@dataclass(frozen=True)
class View:
    """A table under one profile, to somebody without the key.

    Attributes:
        fields: `forename` and `surname`, or `record`.
        exact: by column of `EXACT`, the number of each row's code; none where a whole record is one filter.
        year, sex: what stands in clear beside the codes; -1 where nothing does.
        names: forename and surname of each row: the truth, or what the attacker holds.
    """

    fields: dict[str, Field]
    exact: dict[str, Ints]
    year: Ints
    sex: Ints
    names: list[tuple[str | None, str | None]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.year)


def see(people: pl.DataFrame, profile: Profile, keys: Keys, *, delivery: str) -> View:
    """Encode people under a profile and look at them as an attacker does.

    An attacker who holds people in clear does the same to them under a key of their own: the rules are open,
    so what does not depend on the key can be compared.
    so what does not depend on the key can be compared.
    """
    encoded = encode_unchecked(columns_of(people), profile, keys, delivery=delivery)
    names = {role: plain_names(people, role) for role in NAMES}
    rows = list(zip(names["forename"], names["surname"], strict=True))
    if profile.kind == "record":
        nothing = np.full(len(people), -1)
        whole = [" ".join(part or "" for part in row) for row in rows]
        fields = {"record": _filter_field(encoded.filters["record"], whole)}
        return View(fields, {}, nothing, nothing, rows)
    make = _token_field if profile.kind == "tokens" else _named_filter_field
    fields = {role: make(encoded, role, names[role]) for role in NAMES}
    exact = {name: numbered(encoded.tokens[name].to_pylist()) for name in EXACT}
    year = Coder(keys).role("date_of_birth", columns_of(people)["date_of_birth"])["birth_year"]
    sex = np.array([{"F": 0, "M": 1}.get(value, -1) for value in people["sex"].to_list()])
    return View(fields, exact, np.array([-1 if y is None else y for y in year.to_pylist()]), sex, rows)


def numbered(values: Sequence[Any]) -> Ints:
    """Each value as the number of its kind in order of first sight; nothing is -1."""
    seen: dict[Any, int] = {}
    return np.array([-1 if v is None else seen.setdefault(v, len(seen)) for v in values], np.int64)


def _values(codes: Ints, texts: Sequence[str | None]) -> list[str | None]:
    made: dict[int, dict[str, int]] = {}
    for code, text in zip(codes.tolist(), texts, strict=True):
        if code >= 0 and text is not None:
            tally = made.setdefault(code, {})
            tally[text] = tally.get(text, 0) + 1
    count = int(codes.max(initial=-1)) + 1
    won = {code: max(tally.items(), key=lambda vote: vote[::-1])[0] for code, tally in made.items()}
    return [won.get(code) for code in range(count)]


def _token_field(encoded: Encoded, role: str, texts: list[str | None]) -> Field:
    code, near = _CODE[role]
    codes = numbered(encoded.tokens[code].to_pylist())
    first = _first_rows(codes)
    forms = encoded.tokens[near].take(pa.array(first)).to_pylist()
    length = np.array([len(each or ()) for each in forms], np.float32)

    def likeness() -> Floats:
        alike = 2 * _share_a_form(forms)
        for name in _ALIKE[role]:
            kinds = numbered(encoded.tokens[name].take(pa.array(first)).to_pylist())
            alike += (kinds[:, None] == kinds[None, :]) & (kinds[:, None] >= 0)
        return alike / 5

    return Field(codes, length, likeness, None, _values(codes, texts))


def _share_a_form(forms: list[list[int] | None]) -> Floats:
    owners: dict[int, list[int]] = {}
    for number, each in enumerate(forms):
        for form in each or ():
            owners.setdefault(form, []).append(number)
    shared = np.zeros((len(forms), len(forms)), np.float32)
    for group in owners.values():
        if len(group) > 1:
            shared[np.ix_(group, group)] = 1
    return shared


def _named_filter_field(encoded: Encoded, role: str, texts: list[str | None]) -> Field:
    return _filter_field(encoded.filters[role], texts)


def _filter_field(bits: npt.NDArray[np.uint8], texts: Sequence[str | None]) -> Field:
    packed = np.packbits(bits, axis=1)
    codes = numbered([row.tobytes() if row.any() else None for row in packed])
    distinct = bits[_first_rows(codes)]
    weight = distinct.sum(axis=1).astype(np.float32)

    def likeness() -> Floats:
        wide = distinct.astype(np.float32)
        return 2 * (wide @ wide.T) / np.maximum(weight[:, None] + weight[None, :], 1)

    return Field(codes, weight, likeness, distinct, _values(codes, texts))


def _first_rows(codes: Ints) -> Ints:
    found, first = np.unique(codes, return_index=True)
    return first[found >= 0]
