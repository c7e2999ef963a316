"""Keyed codes: BLAKE2b with a key of its own for each field, 64 bits as a signed integer.

Every distinct value is coded once and its codes are spread back over the rows, so that a delivery of
a million rows with four thousand forenames costs four thousand hashes of forenames. Compounds of codes, which
differ from row to row, are mixed under a key of their own a column at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from evi.encoding.mixing import KEY_BYTES, siphash

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
_CLEAR = ""  # in place of a key's field: the value stays as it is

# Roles whose values are nearly all distinct, with the column they make and how a column of them is tidied.
_IDENTIFIERS: dict[str, tuple[str, Callable[[Column], Column]]] = {
    "nhs_number": ("nhs", identifiers.nhs_numbers),
    "upn": ("upn", identifiers.upns),
    "uprn": ("home", identifiers.property_numbers),
}


@dataclass(frozen=True)
class _Domain:
    """How the values of one field are coded.

    Attributes:
        columns: from each column made to the field whose key it is coded under.
        texts: from one value to what is coded, column by column: a text, a list of texts, or None.
    """

    columns: Mapping[str, str]
    texts: Callable[[Any], tuple[Any, ...]]


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

    def opaque(self, field: str, values: Column, *, purpose: str = PAYLOAD) -> Column:
        """Code a column as it stands, blanks trimmed: local ids and references."""
        return self._each_distinct(field, values, identifiers.trimmed, purpose)

    def home(self, uprns: Column) -> Column:
        """Codes of UPRNs for payload and households; the linkage's own `home` is under another key."""
        return self._each_distinct("home", uprns, identifiers.property_numbers, PAYLOAD)

    def compound(self, field: str, *parts: Column) -> Column:
        """Codes of several columns of codes taken together; null where any of them is."""
        unknown = np.zeros(len(parts[0]), bool)
        words = []
        for part in parts:
            unknown |= np.asarray(pc.is_null(part))
            words.append(np.asarray(pc.fill_null(part.cast(pa.int64()), 0)))
        key = self._keys.derive(LINKAGE, field)[:KEY_BYTES]
        return pa.array(siphash(key, words), mask=unknown)

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
        distinct = values.dictionary.to_pylist()
        fresh = [value for value in distinct if value not in memory]
        memory.update(zip(fresh, self._coded(domain, fresh), strict=True))
        rows = [memory[value] for value in distinct]
        if len(memory) > _REMEMBERED_VALUES:
            self._memory[name] = {}  # another thread may still be reading the old one
        made: dict[str, Column] = {}
        for position, column in enumerate(domain.columns):
            kind = CLEAR.get(column) or (TOKENS[column][0] if column in TOKENS else pa.int64())
            made[column] = pa.array([codes[position] for codes in rows], kind).take(values.indices)
        return made

    def _coded(self, domain: _Domain, values: list[Any]) -> Iterable[Codes]:
        """The codes of each value, a column at a time."""
        texts = [domain.texts(value) for value in values]
        columns = []
        for position, field in enumerate(domain.columns.values()):
            column = [row[position] for row in texts]
            if field == _CLEAR:
                columns.append(column)
            elif any(isinstance(text, list) for text in column):
                columns.append(self._code_lists(field, column))
            else:
                columns.append(self._code_texts(field, column))
        return zip(*columns, strict=True)

    def _code_texts(self, field: str, texts: Sequence[str | None]) -> list[int | None]:
        known = dict.fromkeys(text for text in texts if text)
        hashed = self._hash_all(field, [text.encode() for text in known], LINKAGE).tolist()
        codes: dict[str | None, int] = dict(zip(known, hashed, strict=True))
        return [codes.get(text) for text in texts]

    def _code_lists(self, field: str, lists: Sequence[list[str] | None]) -> list[list[int] | None]:
        known = list(dict.fromkeys(text for texts in lists for text in texts or ()))
        codes = dict(zip(known, self._code_texts(field, known), strict=True))
        return [sorted({codes[text] or 0 for text in texts}) if texts else None for texts in lists]

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
            "forename": _Domain(_FORENAME, _forename),
            "middle_names": _Domain({"fn2": "forename"}, _middle),
            "surname": _Domain(_SURNAME, _surname),
            "date_of_birth": _Domain(_BIRTH, _birth),
            "birth_parts": _Domain(_BIRTH, _birth_parts),
            "postcode": _Domain({"pc": "postcode", "pc_sector": "postcode-sector"}, _postcode),
            "address": _Domain({"addr": "addr"}, _plain(normalise.address)),
            "reference": _Domain({"ref": "ref", "ref_del": "ref-deletion"}, _with_deletions),
            "town": _Domain({"town": "town", "town_del": "town-deletion"}, _with_deletions),
            "email": _Domain({"email": "email", "email_user": "email-user"}, _email),
            "phone": _Domain({"phone": "phone"}, _plain(_phone)),
            "sex": _Domain({"sex": _CLEAR}, lambda value: (plain_sex(value),)),
        }


_FORENAME = {
    "fn": "forename",
    "fn_t": "forename-group",
    "fn_ph": "forename-sound",
    "fn_pre": "forename-start",
    "fn_del": "forename-deletion",
    "fn_x": "surname",
    "fn2": "forename",
}
_SURNAME = {
    "sn": "surname",
    "sn_t": "surname-group",
    "sn_ph": "surname-sound",
    "sn_pre": "surname-start",
    "sn_del": "surname-deletion",
    "sn_a": "surname",
    "sn_b": "surname",
}
# Never a code of a day or month alone: its few values would give it away.
_BIRTH = {
    "dob": "birth-date",
    "dob_x": "birth-date",
    "ym": "birth-year-month",
    "md": "birth-month-day",
    "yd": "birth-year-day",
    "birth_month": _CLEAR,
    "birth_year": _CLEAR,
}


def _plain(tidy: Callable[[str], str | None]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda value: (tidy(str(value)) if value is not None else None,)


def _forename(value: Any) -> tuple[Any, ...]:
    parts = normalise.name_parts(str(value)) if value is not None else []
    if not parts:
        return (None,) * len(_FORENAME)
    first, second = parts[0], parts[1] if len(parts) > 1 else None
    if len(first) == 1:  # an initial: it contradicts no name, and its code alone would give it away
        return (*(None,) * (len(_FORENAME) - 1), second)
    head, sound, forms = normalise.group_name(first), normalise.sound(first), normalise.near_forms(first)
    return first, head, sound, first[:3], forms, first, second


def _middle(value: Any) -> tuple[Any, ...]:
    parts = normalise.name_parts(str(value)) if value is not None else []
    return (parts[0] if parts else None,)


def _surname(value: Any) -> tuple[Any, ...]:
    parts = normalise.name_parts(str(value)) if value is not None else []
    if not parts:
        return (None,) * len(_SURNAME)
    whole = normalise.letters_of(parts)
    head, sound, forms = normalise.group_name(whole), normalise.sound(whole), normalise.near_forms(whole)
    ends = (parts[0], parts[-1]) if len(parts) > 1 else (None, None)
    return whole, head, sound, whole[:3], forms, *ends


def _birth(value: Any) -> tuple[Any, ...]:
    born = normalise.parse_date(value)
    if born is None and (parts := normalise.impossible_date(value)):
        return _birth_texts(*parts)
    return _birth_texts(born.year, born.month, born.day) if born else (None,) * len(_BIRTH)


def _birth_parts(value: Any) -> tuple[Any, ...]:
    """From "year-month-day" of which any part may be empty."""
    numbers = [int(part) if part.strip().isdigit() else None for part in str(value).split("-")]
    year, month, day = (*numbers, None, None, None)[:3]
    if year and month and day and normalise.is_date(year, month, day):
        return _birth(value)
    return _birth_texts(year, month if month in range(1, 13) else None, day if day in range(1, 32) else None)


def _birth_texts(year: int | None, month: int | None, day: int | None) -> tuple[Any, ...]:
    full = year is not None and month is not None and day is not None
    return (
        f"{year}-{month}-{day}" if full else None,
        f"{year}-{day}-{month}" if full and day is not None and day <= 12 else None,
        f"{year}-{month}" if year and month else None,
        f"{month}-{day}" if month and day else None,
        f"{year}-{day}" if year and day else None,
        date(year, month, 1) if year and month and 1 <= month <= 12 else None,
        year,
    )


def _postcode(value: Any) -> tuple[Any, ...]:
    plain = normalise.postcode(str(value)) if value is not None else None
    return (plain, normalise.postcode_sector(plain)) if plain else (None, None)


def _with_deletions(value: Any) -> tuple[Any, ...]:
    plain = normalise.plain_words(str(value)) if value is not None else None
    return (plain, normalise.one_deletions(plain)) if plain else (None, None)


def _email(value: Any) -> tuple[Any, ...]:
    plain = normalise.fold(str(value)).strip() if value is not None else ""
    return (plain, plain.split("@", 1)[0]) if "@" in plain else (None, None)


def plain_sex(value: Any) -> str | None:
    """`F`, `M` or None, from the spellings that returns use (1/2, male/female, boy/girl)."""
    text = str(value).strip().upper() if value is not None else ""
    if text in {"F", "FEMALE", "2", "GIRL", "W", "WOMAN"}:
        return "F"
    return "M" if text in {"M", "MALE", "1", "BOY", "MAN"} else None


def _phone(text: str) -> str | None:
    digits = "".join(char for char in text if char.isdigit())
    return digits[-9:] if len(digits) >= 9 else None
