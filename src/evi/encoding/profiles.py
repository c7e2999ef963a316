"""Profiles: the ways in which a table of people can be encoded, each with the risk that it may carry.

They are declared in `profiles.yaml`: how values are coded, the share of people that each kind of attacker may
re-identify at most (`limit`), and the share that the attacks of `benchmarks/attacks` found (`measured`). A
profile that was never attacked, or that fell to more than its limit, is refused when it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from evi.encoding import filters, normalise
from evi.encoding.columns import Column, arrow
from evi.encoding.columns import compute as pc
from evi.encoding.keys import Keys
from evi.encoding.people import encode_identities
from evi.encoding.tokens import TOKENS, Coder
from evi.workspace import EviError, RefusedError

ATTACKERS = {
    "public": "a public list of names",
    "clear_20": "20% of the people in clear",
    "clear_80": "80% of the people in clear",
    "clear_100": "all of the people in clear",
}
NAMES = ("forename", "surname")
_OTHERS = ("date_of_birth", "sex", "postcode")
_PLAIN = (
    "dob",
    "dob_x",
    "ym",
    "md",
    "yd",
    "pc",
    "pc_sector",
)  # exact codes that stand beside filters of names


@dataclass(frozen=True)
class Profile:
    """One way to encode.

    Attributes:
        kind: `tokens` (keyed codes), `field` (a Bloom filter for each name, keyed codes for the rest) or
            `record` (one Bloom filter for the whole record).
        salt: names are coded together with the year of birth, so that a name has another code each year.
        bits, hashes: the length of a filter, and how many bits a bigram sets.
        fold, balance: see `filters.folded` and `filters.balanced`.
        epsilon: the budget of noise for each bigram (BLIP), or None for no noise.
        limit: by attacker, the share of records that may be re-identified.
        measured: what the attacks found; None if they were never run.
    """

    name: str
    title: str
    kind: str
    limit: Mapping[str, float]
    measured: Mapping[str, float] | None = None
    salt: bool = False
    bits: int = 0
    hashes: int = 0
    fold: bool = False
    balance: bool = False
    epsilon: float | None = None

    @property
    def over_limit(self) -> tuple[str, ...]:
        """The attackers who found more than the limit allows."""
        found = self.measured or {}
        return tuple(name for name in ATTACKERS if found.get(name, 0.0) > self.limit[name])


@dataclass(frozen=True)
class Encoded:
    """A table of people under one profile.

    Attributes:
        tokens: columns of keyed codes by name, as in `TOKENS`; without names where filters stand for them.
        filters: bits by field (`forename`, `surname` or `record`), one row a person; missing values: no bit.
    """

    tokens: Mapping[str, Column]
    filters: Mapping[str, filters.Bits]


@cache
def load_profiles() -> Mapping[str, Profile]:
    """The profiles of `profiles.yaml`, by name.

    Raises:
        EviError: the file does not follow `profiles.schema.json`.
    """
    package = files("evi.encoding")
    declared = yaml.safe_load(package.joinpath("profiles.yaml").read_text(encoding="utf-8"))
    schema = json.loads(package.joinpath("profiles.schema.json").read_text(encoding="utf-8"))
    return parse_profiles(declared, schema)


def parse_profiles(declared: Any, schema: Mapping[str, Any]) -> dict[str, Profile]:
    """Profiles from their declaration.

    Raises:
        EviError: it does not follow the schema; says where.
    """
    try:
        jsonschema.validate(declared, schema)
    except jsonschema.ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "profiles.yaml"
        raise EviError(f"a profile is not as the schema asks: {error.message}.", where=where) from error
    return {name: Profile(name, **entry) for name, entry in declared["profiles"].items()}


def usable(profile: Profile) -> Profile:
    """The profile, if its measured risk is within its declared limit.

    Raises:
        RefusedError: it was never attacked, or an attacker found more than the limit.
    """
    if profile.measured is None:
        raise RefusedError(
            "this profile was never attacked, so nobody knows what it gives away.",
            where=profile.name,
            do="Run python -m benchmarks.attacks and write what it finds in profiles.yaml.",
        )
    for attacker in profile.over_limit:
        raise RefusedError(
            f"an attacker with {ATTACKERS[attacker]} re-identified {profile.measured[attacker]:.0%} of "
            f"records; the declared limit is {profile.limit[attacker]:.0%}.",
            where=profile.name,
            do="Use another profile; `tokens` is the default.",
        )
    return profile


def check_district_profile(name: str) -> None:
    """Refuse a profile that a district must not encode its deliveries under.

    Raises:
        RefusedError: it is over its limit, was never attacked, or gives codes that `evi link` can't read.
        EviError: there is no such profile.
    """
    known = load_profiles()
    if name not in known:
        raise EviError(
            f"there is no profile {name}.",
            where="district.toml: encoding.profile",
            do=f"Profiles are {', '.join(known)}.",
            exit_code=2,
        )
    profile = usable(known[name])
    if profile.kind != "tokens" or profile.salt:
        raise RefusedError(
            "evi link reads unsalted keyed tokens only.",
            where=name,
            do="Leave encoding.profile out of district.toml, or set it to tokens.",
        )


def encode_profile(
    people: Mapping[str, Column], profile: Profile, keys: Keys, *, delivery: str = ""
) -> Encoded:
    """Encode a table of people under a profile that is within its limit.

    Args:
        people: role to column, of one length: `forename`, `surname`, `date_of_birth`, `sex`, `postcode`.
        delivery: a name of its own for each table that is encoded, from which its noise is drawn.

    Raises:
        RefusedError: the profile is over its limit, or was never attacked.
    """
    return encode_unchecked(people, usable(profile), keys, delivery=delivery)


def encode_unchecked(
    people: Mapping[str, Column], profile: Profile, keys: Keys, *, delivery: str = ""
) -> Encoded:
    """As `encode_profile`, of any profile: for the attacks that measure it, and for nothing else."""
    coder = Coder(keys)
    if profile.kind == "tokens":
        tokens = encode_identities(dict(people), coder)
        return Encoded(_salted(tokens, coder) if profile.salt else tokens, {})
    years = _years(people, coder) if profile.salt else None
    if profile.kind == "field":
        rest = {role: people[role] for role in _OTHERS if role in people}
        tokens = {name: column for name, column in encode_identities(rest, coder).items() if name in _PLAIN}
        fields = {role: _texts(people, (role,)) for role in NAMES}
    else:
        tokens, fields = {}, {"record": _texts(people, (*NAMES, *_OTHERS))}
    made = {name: _filters(name, texts, years, profile, keys) for name, texts in fields.items()}
    if profile.epsilon is not None:
        chance = filters.flip_probability(profile.epsilon, profile.hashes)
        for name, bits in made.items():
            noisy = filters.flipped(bits, keys.derive(f"noise/{profile.name}/{delivery}", name), chance)
            made[name] = np.where(bits.any(axis=1, keepdims=True), noisy, bits)
    return Encoded(tokens, made)


def _years(people: Mapping[str, Column], coder: Coder) -> list[Any]:
    return list(coder.role("date_of_birth", people["date_of_birth"])["birth_year"].to_pylist())


def _salted(tokens: Mapping[str, Column], coder: Coder) -> dict[str, Column]:
    """Codes of names made again together with the year of birth; of a name without a year there is none."""
    made = dict(tokens)
    years = tokens["birth_year"]
    for name, (kind, _) in TOKENS.items():
        if not name.startswith(("fn", "sn")) or name == "fn_dob":
            continue
        column = tokens[name]
        if pa.types.is_list(kind):
            flat = coder.compound(
                f"{name}-salted", pc.list_flatten(column), years.take(pc.list_parent_indices(column))
            )
            made[name] = pc.if_else(pc.is_valid(years), _relisted(column, flat), None)
        else:
            made[name] = coder.compound(f"{name}-salted", column, years)
    return made


def _relisted(column: Column, flat: Column) -> Column:
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return arrow.ListArray.from_arrays(pa.array(offsets), flat, mask=pc.is_null(column))


def _texts(people: Mapping[str, Column], roles: tuple[str, ...]) -> list[list[str]]:
    """For each person the texts that go into the filter, named by field so that fields share none."""
    rows: list[list[str]] = [[] for _ in range(len(people[roles[0]]))]
    for role in roles:
        if role in people:
            memory: dict[Any, list[str]] = {}
            for row, value in zip(rows, people[role].to_pylist(), strict=True):
                if value not in memory:
                    memory[value] = [f"{role}:{text}" for text in _grams(role, value)]
                row.extend(memory[value])
    return rows


def _grams(role: str, value: Any) -> list[str]:
    if value is None:
        return []
    if role in NAMES:
        parts = normalise.name_parts(str(value))
        whole = parts[0] if parts and role == "forename" else normalise.letters_of(parts)
        return filters.bigrams(whole) if whole else []
    if role == "date_of_birth":
        born = normalise.parse_date(value)
        return [f"d{born.day}", f"m{born.month}", f"y{born.year}"] if born else []
    if role == "postcode":
        plain = normalise.postcode(str(value))
        return filters.bigrams(plain) if plain else []
    return [str(value)]


def _filters(
    name: str, texts: list[list[str]], years: list[Any] | None, profile: Profile, keys: Keys
) -> filters.Bits:
    """Filters of the distinct values, spread over the rows."""
    if years is not None:
        texts = [
            [f"{year}:{text}" for text in row] if year else [] for row, year in zip(texts, years, strict=True)
        ]
    first: dict[tuple[str, ...], int] = {}
    at = [first.setdefault(tuple(row), len(first)) for row in texts]
    purpose = f"profile/{profile.name}"
    bits = filters.filters(list(first), keys.derive(purpose, name), bits=profile.bits, hashes=profile.hashes)
    if profile.fold:
        bits = filters.folded(bits)
    if profile.balance:
        bits = filters.balanced(bits, keys.derive(purpose, f"{name}/order"))
    rows: npt.NDArray[np.uint8] = bits[at]
    rows[[not row for row in texts]] = 0
    return rows
