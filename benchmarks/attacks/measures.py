"""How often attacks succeed, and what each profile is good for: quality, gap between groups, speed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.attacks.methods import ATTACKS, Guess
from benchmarks.attacks.people import Scene, columns_of
from benchmarks.attacks.views import View, numbered, see
from evi.encoding import Coder, Keys, encode_identities
from evi.encoding.filters import dice
from evi.encoding.profiles import NAMES, Encoded, Profile, encode_unchecked

SMALLEST_GROUP = 100  # people of a group, below which its recall is not compared


@dataclass(frozen=True)
class Rate:
    """How much of a table an attack read: of distinct names, and of records both of whose names are right."""

    values: float
    records: float


@dataclass(frozen=True)
class Quality:
    """Linkage by one score on the same candidate pairs: the best F1, and recall by group, widest apart."""

    f1: float
    gap: float


def attack(
    scene: Scene, profile: Profile, methods: tuple[str, ...] = tuple(ATTACKS)
) -> dict[tuple[str, str], Rate]:
    """By attacker and method, what was read of the scene's people encoded under `profile`."""
    target = see(scene.target, profile, Keys.throw_away(), delivery="target")
    rates: dict[tuple[str, str], Rate] = {}
    for attacker, people in scene.held.items():
        if not len(people):
            continue
        mine = replace(profile, salt=False) if attacker == "public" else profile
        held = see(people, mine, Keys.throw_away(), delivery="held")
        for method in methods:
            rates[attacker, method] = rate(target, ATTACKS[method](target, held, profile.salt))
    return rates


def rate(target: View, guess: Guess) -> Rate:
    """How much of the target a guess has right; a name that is missing counts as nothing."""
    full = [(true, said) for true, said in zip(target.names, guess, strict=True) if all(true)]
    records = sum(true == said for true, said in full) / max(len(full), 1)
    if "record" in target.fields:
        return Rate(records, records)
    right = total = 0
    for side, name in enumerate(NAMES):
        field = target.fields[name]
        said = dict(zip(field.codes.tolist(), (names[side] for names in guess), strict=True))
        right += sum(value is not None and said.get(code) == value for code, value in enumerate(field.values))
        total += len(field.values)
    return Rate(right / max(total, 1), records)


def quality(scene: Scene, profile: Profile) -> Quality:
    """Link the scene's people to the other file, by one score a pair, at the threshold that is best.

    The threshold is chosen with the truth: the figure compares profiles, and is none of a linkage in use.
    """
    keys = Keys.throw_away()
    left, right = scene.target, scene.held["clear_100"]
    pairs = _candidates(left, right)
    one = encode_unchecked(columns_of(left), profile, keys, delivery="left")
    other = encode_unchecked(columns_of(right), profile, keys, delivery="right")
    score = _score(one, other, pairs)
    persons = left["person"].to_numpy()[pairs[0]], right["person"].to_numpy()[pairs[1]]
    match = persons[0] == persons[1]
    possible = len(set(left["person"]) & set(right["person"]))
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(match[order])
    last = np.append(np.diff(score[order]) != 0, True)  # a threshold takes all pairs of one score
    f1 = np.where(last, 2 * found / (np.arange(1, len(order) + 1) + possible), 0)
    cut = score[order][int(f1.argmax())]
    linked = set(persons[0][match & (score >= cut)].tolist())
    groups = left.with_columns(found=pl.col("person").is_in(list(linked))).group_by("group")
    recalls = groups.agg(pl.len().alias("people"), pl.col("found").mean()).filter(
        pl.col("people") >= SMALLEST_GROUP
    )
    values = recalls["found"].to_list()
    return Quality(float(f1.max()), max(values) - min(values) if len(values) > 1 else float("nan"))


def _candidates(
    left: pl.DataFrame, right: pl.DataFrame
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The same pairs for every profile, by birth date, postcode and names' sounds."""
    coder = Coder(Keys.throw_away())
    sides = []
    for people in (left, right):
        made = encode_identities(columns_of(people), coder)
        sides.append(
            pl.DataFrame(
                {n: made[n].to_pylist() for n in ("dob", "pc", "birth_year", "fn_ph", "sn_ph", "md")}
            ).with_row_index("row")
        )
    rules = (
        ["dob"],
        ["pc", "birth_year"],
        ["fn_ph", "sn_ph"],
        ["md", "fn_ph"],
        ["md", "sn_ph"],
        ["pc", "fn_ph"],
    )
    found = pl.concat(
        [sides[0].join(sides[1], on=rule, how="inner").select("row", "row_right") for rule in rules]
    ).unique()
    found = found.sort("row", "row_right")
    return found["row"].to_numpy().astype(np.int64), found["row_right"].to_numpy().astype(np.int64)


def _score(
    one: Encoded, other: Encoded, pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
) -> npt.NDArray[np.float64]:
    """One score a pair: likeness of the record's filter, or of names, birth date and postcode, evenly."""
    left, right = pairs
    if "record" in one.filters:
        return dice(one.filters["record"][left], other.filters["record"][right])
    score = np.zeros(len(left))
    for role, columns in (
        ("forename", ("fn", "fn_t", "fn_ph", "fn_pre")),
        ("surname", ("sn", "sn_t", "sn_ph", "sn_pre")),
    ):
        if role in one.filters:
            score += dice(one.filters[role][left], other.filters[role][right])
        else:
            score += _graded(one, other, pairs, columns)
    return (
        score
        + _graded(one, other, pairs, ("dob", "md", "ym", "yd"))
        + _graded(one, other, pairs, ("pc", "pc_sector"))
    )


def _graded(
    one: Encoded,
    other: Encoded,
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    columns: tuple[str, ...],
) -> npt.NDArray[np.float64]:
    """1 where the first code agrees, .75 for the second, and so on down; half where either has none."""
    left, right = pairs
    best = np.zeros(len(left))
    for place, name in enumerate(columns):
        both = numbered([*one.tokens[name].to_pylist(), *other.tokens[name].to_pylist()])
        mine, theirs = both[left], both[len(one.tokens[name]) + right]
        best = np.maximum(best, np.where((mine == theirs) & (mine >= 0), 1 - 0.75 * place / len(columns), 0))
        if place == 0:
            missing = (mine < 0) | (theirs < 0)
    return np.where(missing & (best == 0), 0.5, best)


def speed(people: pl.DataFrame, profile: Profile) -> float:
    """Records encoded a second of CPU, in one process."""
    columns = columns_of(people)
    began = time.process_time()
    encode_unchecked(columns, profile, Keys.throw_away(), delivery="speed")
    return len(people) / max(time.process_time() - began, 1e-9)
