"""Keyed codes: BLAKE2b with a key of its own for each field, 64 bits as a signed integer.

Every distinct value is coded once and its codes are spread back over the rows, so that a delivery of
a million rows with four thousand forenames costs four thousand hashes of forenames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.encoding import identifiers, normalise
from evi.encoding.columns import Column
from evi.encoding.columns import compute as pc
from evi.encoding.keys import Keys

LINKAGE = "linkage"
PAYLOAD = "payload"
_REMEMBERED_VALUES = 1_000_000
_DELETIONS = pa.list_(pa.int64())

# Every token column of the linkage tables, in order, with its type and what it is a code of.
TOKENS: dict[str, tuple[pa.DataType, str]] = {
    "nhs": (pa.int64(), "NHS number whose check digit is right"),
    "upn": (pa.int64(), "unique pupil number whose check letter is right"),
    "ref": (pa.int64(), "another identifier of the person, such as a social security number"),
    "ref_del": (_DELETIONS, "that identifier and every form of it with one character left out"),
    "fn": (pa.int64(), "first given name"),
    "fn_t": (pa.int64(), "head of its group of spellings and short forms"),
    "fn_ph": (pa.int64(), "phonetic code of that head"),
    "fn_pre": (pa.int64(), "first three letters"),
    "fn_del": (_DELETIONS, "the name and every form of it with one letter left out"),
    "fn_x": (pa.int64(), "first given name under the surname's key: swapped names meet"),
    "fn2": (pa.int64(), "second given name"),
    "sn": (pa.int64(), "surname, parts run together"),
    "sn_t": (pa.int64(), "head of its group of spellings"),
    "sn_ph": (pa.int64(), "phonetic code of that head"),
    "sn_pre": (pa.int64(), "first three letters"),
    "sn_del": (_DELETIONS, "the surname and every form of it with one letter left out"),
    "sn_a": (pa.int64(), "first part of a double-barrelled surname"),
    "sn_b": (pa.int64(), "last part of a double-barrelled surname"),
    "dob": (pa.int64(), "date of birth"),
    "dob_x": (pa.int64(), "date of birth with day and month changed over, where that is a date"),
    "ym": (pa.int64(), "year and month of birth"),
    "md": (pa.int64(), "month and day of birth"),
    "yd": (pa.int64(), "year and day of birth"),
    "pc": (pa.int64(), "postcode"),
    "pc_sector": (pa.int64(), "postcode sector"),
    "addr": (pa.int64(), "first line of the address"),
    "home": (pa.int64(), "UPRN: the household"),
    "sn_pc": (pa.int64(), "surname's sound with the postcode"),
    "fn_dob": (pa.int64(), "forename's sound with the date of birth"),
    "full_name_year": (pa.int64(), "both names' sounds with the year of birth"),
    "email": (pa.int64(), "e-mail address"),
    "email_user": (pa.int64(), "its part before the @"),
    "phone": (pa.int64(), "last nine digits of a telephone number"),
    "town": (pa.int64(), "town"),
    "town_del": (_DELETIONS, "the town and every form of it with one letter left out"),
}
CLEAR: dict[str, pa.DataType] = {"birth_month": pa.date32(), "birth_year": pa.int16(), "sex": pa.string()}

Codes = tuple[Any, ...]

# Roles whose values are nearly all distinct, with the column they make and how a column of them is tidied.
_IDENTIFIERS: dict[str, tuple[str, Callable[[Column], Column]]] = {
    "nhs_number": ("nhs", identifiers.nhs_numbers),
    "upn": ("upn", identifiers.upns),
    "uprn": ("home", identifiers.property_numbers),
}


@dataclass(frozen=True)
class _Domain:
    """How the values of one field are coded: the columns made, and the maker of one value's codes."""

    columns: tuple[str, ...]
    make: Callable[[Any], Codes]


class Coder:
    """Codes values under one district's keys, remembering what it has coded.

    Args:
        keys: the district's keys, or throw-away ones.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._hashers: dict[tuple[str, str], Any] = {}
        self._memory: dict[str, dict[Any, Codes]] = {}
        self._domains = self._make_domains()

    def code(self, field: str, text: str, *, purpose: str = LINKAGE) -> int:
        """The code of one text under the key of `field` and `purpose`."""
        mine = self._hasher(field, purpose).copy()
        mine.update(text.encode())
        return int.from_bytes(mine.digest(), "little", signed=True)

    def maybe(self, field: str, text: str | None) -> int | None:
        """The code of `text`, or None for nothing."""
        return self.code(field, text) if text else None

    def opaque(self, field: str, values: Column, *, purpose: str = PAYLOAD) -> Column:
        """Code a column as it stands, blanks trimmed: local ids and references."""
        return self._each_distinct(field, values, identifiers.trimmed, purpose)

    def home(self, uprns: Column) -> Column:
        """Codes of UPRNs for payload and households; the linkage's own `home` is under another key."""
        return self._each_distinct("home", uprns, identifiers.property_numbers, PAYLOAD)

    def compound(self, field: str, *parts: Column) -> Column:
        """Codes of several columns of codes taken together; null where any of them is."""
        known = pc.is_valid(parts[0])
        for part in parts[1:]:
            known = pc.and_(known, pc.is_valid(part))
        matrix = np.column_stack([np.asarray(pc.fill_null(p.cast(pa.int64()), 0)) for p in parts])
        texts = matrix.astype("<i8").view(f"V{8 * len(parts)}").ravel().tolist()
        return pc.if_else(known, pa.array(self._hash_all(field, texts, LINKAGE)), None)

    def role(self, role: str, values: Column) -> dict[str, Column]:
        """Every token column of one role's values (`forename`, `surname`, `date_of_birth`, …)."""
        if role in _IDENTIFIERS:
            column, tidy = _IDENTIFIERS[role]
            return {column: self._each_distinct(column, values, tidy, LINKAGE)}
        return self._spread(role, values, self._domains[role])

    @property
    def roles(self) -> frozenset[str]:
        """The roles that have token columns."""
        return frozenset(self._domains) | frozenset(_IDENTIFIERS)

    def _spread(self, name: str, values: Column, domain: _Domain) -> dict[str, Column]:
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        memory = self._memory.setdefault(name, {})
        rows: list[Codes] = []
        for value in values.dictionary.to_pylist():
            codes = memory.get(value)
            if codes is None:
                codes = domain.make(value)
                memory[value] = codes
            rows.append(codes)
        if len(memory) > _REMEMBERED_VALUES:
            memory.clear()
        made: dict[str, Column] = {}
        for position, column in enumerate(domain.columns):
            kind = CLEAR.get(column) or (TOKENS[column][0] if column in TOKENS else pa.int64())
            made[column] = pa.array([codes[position] for codes in rows], kind).take(values.indices)
        return made

    def _hasher(self, field: str, purpose: str) -> Any:
        hasher = self._hashers.get((purpose, field))
        if hasher is None:
            hasher = hashlib.blake2b(key=self._keys.derive(purpose, field), digest_size=8)
            self._hashers[purpose, field] = hasher
        return hasher

    def _hash_all(self, field: str, texts: list[bytes], purpose: str) -> npt.NDArray[np.int64]:
        """Codes of many texts, with nothing in the loop but the hash."""
        fresh = self._hasher(field, purpose).copy
        digests = []
        for text in texts:
            mine = fresh()
            mine.update(text)
            digests.append(mine.digest())
        return np.frombuffer(b"".join(digests), "<i8")

    def _each_distinct(
        self, field: str, values: Column, tidy: Callable[[Column], Column], purpose: str
    ) -> Column:
        """Codes of a column of mostly distinct values, tidied and coded as a column."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        encoded = tidy(values).dictionary_encode()
        codes = self._hash_all(field, encoded.dictionary.cast(pa.binary()).to_pylist(), purpose)
        return pa.array(codes).take(encoded.indices)

    def _make_domains(self) -> Mapping[str, _Domain]:
        return {
            "forename": _Domain(("fn", "fn_t", "fn_ph", "fn_pre", "fn_del", "fn_x", "fn2"), self._forename),
            "middle_names": _Domain(("fn2",), self._middle),
            "surname": _Domain(("sn", "sn_t", "sn_ph", "sn_pre", "sn_del", "sn_a", "sn_b"), self._surname),
            "date_of_birth": _Domain(
                ("dob", "dob_x", "ym", "md", "yd", "birth_month", "birth_year"), self._birth
            ),
            "birth_parts": _Domain(
                ("dob", "dob_x", "ym", "md", "yd", "birth_month", "birth_year"), self._birth_parts
            ),
            "postcode": _Domain(("pc", "pc_sector"), self._postcode),
            "address": _Domain(("addr",), self._plain("addr", normalise.address)),
            "reference": _Domain(("ref", "ref_del"), self._with_deletions("ref")),
            "town": _Domain(("town", "town_del"), self._with_deletions("town")),
            "email": _Domain(("email", "email_user"), self._email),
            "phone": _Domain(("phone",), self._plain("phone", _phone)),
            "sex": _Domain(("sex",), lambda value: (plain_sex(value),)),
        }

    def _plain(self, field: str, tidy: Callable[[str], str | None]) -> Callable[[Any], Codes]:
        return lambda value: (self.maybe(field, tidy(str(value))) if value is not None else None,)

    def _forename(self, value: Any) -> Codes:
        parts = normalise.name_parts(str(value)) if value is not None else []
        if not parts:
            return (None,) * 7
        first = parts[0]
        second = self.code("forename", parts[1]) if len(parts) > 1 else None
        if len(first) == 1:  # an initial: it contradicts no name, and its code alone would give it away
            return (*(None,) * 6, second)
        return (
            self.code("forename", first),
            self.code("forename-group", normalise.group_name(first)),
            self.code("forename-sound", normalise.sound(first)),
            self.code("forename-start", first[:3]),
            self._deletions("forename", first),
            self.code("surname", first),
            second,
        )

    def _middle(self, value: Any) -> Codes:
        parts = normalise.name_parts(str(value)) if value is not None else []
        return (self.code("forename", parts[0]) if parts else None,)

    def _surname(self, value: Any) -> Codes:
        parts = normalise.name_parts(str(value)) if value is not None else []
        if not parts:
            return (None,) * 7
        whole = normalise.letters_of(parts)
        double = len(parts) > 1
        return (
            self.code("surname", whole),
            self.code("surname-group", normalise.group_name(whole)),
            self.code("surname-sound", normalise.sound(whole)),
            self.code("surname-start", whole[:3]),
            self._deletions("surname", whole),
            self.code("surname", parts[0]) if double else None,
            self.code("surname", parts[-1]) if double else None,
        )

    def _birth(self, value: Any) -> Codes:
        born = normalise.parse_date(value)
        if born is None and (parts := normalise.impossible_date(value)):
            return self._birth_codes(*parts)
        return self._birth_codes(born.year, born.month, born.day) if born else (None,) * 7

    def _birth_parts(self, value: Any) -> Codes:
        """From "year-month-day" of which any part may be empty."""
        numbers = [int(part) if part.strip().isdigit() else None for part in str(value).split("-")]
        year, month, day = (*numbers, None, None, None)[:3]
        if year and month and day and normalise.is_date(year, month, day):
            return self._birth(value)
        return self._birth_codes(
            year, month if month in range(1, 13) else None, day if day in range(1, 32) else None
        )

    def _birth_codes(self, year: int | None, month: int | None, day: int | None) -> Codes:
        """Never a code of a day or month alone: its few values would give it away."""
        full = year is not None and month is not None and day is not None
        swapped = f"{year}-{day}-{month}" if full and day is not None and day <= 12 else None
        return (
            self.code("birth-date", f"{year}-{month}-{day}") if full else None,
            self.maybe("birth-date", swapped),
            self.code("birth-year-month", f"{year}-{month}") if year and month else None,
            self.code("birth-month-day", f"{month}-{day}") if month and day else None,
            self.code("birth-year-day", f"{year}-{day}") if year and day else None,
            date(year, month, 1) if year and month and 1 <= month <= 12 else None,
            year,
        )

    def _postcode(self, value: Any) -> Codes:
        plain = normalise.postcode(str(value)) if value is not None else None
        if plain is None:
            return (None, None)
        return (
            self.code("postcode", plain),
            self.maybe("postcode-sector", normalise.postcode_sector(plain)),
        )

    def _with_deletions(self, field: str) -> Callable[[Any], Codes]:
        def make(value: Any) -> Codes:
            plain = normalise.plain_words(str(value)) if value is not None else None
            if plain is None:
                return (None, None)
            return (self.code(field, plain), self._deletions(field, plain))

        return make

    def _email(self, value: Any) -> Codes:
        plain = normalise.fold(str(value)).strip() if value is not None else ""
        if "@" not in plain:
            return (None, None)
        return (self.code("email", plain), self.code("email-user", plain.split("@", 1)[0]))

    def _deletions(self, field: str, text: str) -> list[int]:
        return sorted({self.code(f"{field}-deletion", form) for form in normalise.one_deletions(text)})


def plain_sex(value: Any) -> str | None:
    """`F`, `M` or None, from the spellings that returns use (1/2, male/female, boy/girl)."""
    text = str(value).strip().upper() if value is not None else ""
    if text in {"F", "FEMALE", "2", "GIRL", "W", "WOMAN"}:
        return "F"
    return "M" if text in {"M", "MALE", "1", "BOY", "MAN"} else None


def _phone(text: str) -> str | None:
    digits = "".join(char for char in text if char.isdigit())
    return digits[-9:] if len(digits) >= 9 else None
