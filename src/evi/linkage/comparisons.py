"""What is compared between two records, as data: levels of agreement, and the SQL that tells them apart.

Surname, postcode and house are one fact about a family, not three about a person, so they are one
comparison. And two kinds of strangers are told apart: people who share a home, whose birth dates,
forenames and sexes agree as those of siblings and twins do, and people who do not. A level's weight is
log2(m / u), with u measured among strangers of the same kind.

Conditions are written over the columns of two records, `<column>_l` and `<column>_r`, as Splink asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import product
from typing import Any

HOMES = 4  # the latest homes and postcodes of a record that are compared

# Kinds of strangers: sharing a household, sharing a postcode or address line only, sharing neither.
HOUSEHOLD, NEIGHBOUR, STRANGER = "household", "neighbour", "stranger"


@dataclass(frozen=True)
class Level:
    """One degree of agreement.

    Attributes:
        label: what it means, in words.
        sql: the condition; the first level of a comparison that holds is taken.
        outcome: levels with one outcome share their m.
        m_group: m sums to one over the outcomes of a group.
        u_group: u sums to one over the levels of a group.
        start: m before training, within its group (need not be normalised).
        term: the column whose frequency adjusts the weight (rare names count for more).
        place: how the places agree (`H` home, `D` address line, `P` postcode, `X` neither), for the joint
            comparison of family and place.
        kin: which kind of strangers a non-match at this level of the joint comparison is.
        common: what `sql` begins with in all levels of the outcome, which stand together, the last of them
            asking nothing else; empty where there is no such thing.
        pool: levels with one pool mean the same in different groups, and lend to a group seldom seen.
    """

    label: str
    sql: str
    outcome: str
    m_group: str = ""
    u_group: str = ""
    start: float = 0.1
    term: str = ""
    place: str = ""
    kin: str = STRANGER
    pool: str = ""
    common: str = ""


@dataclass(frozen=True)
class Comparison:
    """A named comparison: its null condition (nothing to compare), then its levels, most alike first."""

    name: str
    null: str
    levels: tuple[Level, ...] = field(default_factory=tuple)

    def gamma(self, position: int) -> int:
        """Splink's number for the level at `position` (the last level is 0)."""
        return len(self.levels) - 1 - position


def comparisons_for(columns: Collection[str]) -> tuple[Comparison, ...]:
    """The comparisons that the columns can feed; a column that no record fills should not be named."""
    made: list[Comparison] = []
    kin = _kinship(columns)
    if "fn" in columns:
        made.append(_forename(columns, kin))
    if "ym" in columns or "md" in columns or "yd" in columns:
        made.append(_birth(kin))
    if "sex" in columns:
        made.append(_sex())
    if "sn" in columns or "p1" in columns or "h1" in columns or "addr" in columns:
        made.append(_family_place(columns))
    made += [_identifier(name) for name in ("nhs", "upn", "phone") if name in columns]
    made += [_near_identifier(name) for name in ("ref", "town") if name in columns]
    if "email" in columns:
        made.append(_email())
    return tuple(made)


def _both(*columns: str) -> str:
    return " and ".join(f"{column}_l is not null and {column}_r is not null" for column in columns)


def _either_null(column: str) -> str:
    return f"({column}_l is null or {column}_r is null)"


def _same(left: str, right: str = "") -> str:
    return f"{left}_l = {right or left}_r"


def _shared(prefix: str, columns: Collection[str]) -> str:
    """Whether two records share any of their places `prefix`1 to `prefix`4."""
    names = [f"{prefix}{i}" for i in range(1, HOMES + 1) if f"{prefix}{i}" in columns]
    return "(" + " or ".join(_same(a, b) for a, b in product(names, names)) + ")" if names else "false"


def _places(columns: Collection[str]) -> dict[str, str]:
    return {
        "H": _shared("h", columns),
        "D": "(addr_l = addr_r)" if "addr" in columns else "false",
        "P": _shared("p", columns),
    }


def _surnames(columns: Collection[str]) -> dict[str, str]:
    if "sn" not in columns:
        return {"exact": "false", "related": "false"}
    exact = "(sn_l = sn_r or sn_l = sn_2_r or sn_2_l = sn_r)"
    parts = product(("sn", "sn_a", "sn_b"), ("sn", "sn_a", "sn_b"))
    related = ["sn_t_l = sn_t_r", "sn_ph_l = sn_ph_r", *(_same(a, b) for a, b in parts if a + b != "snsn")]
    related.append("list_contains(sn_near_l, sn_r)")
    return {"exact": exact, "related": "(" + " or ".join(related) + ")"}


def _kinship(columns: Collection[str]) -> dict[str, str]:
    """Conditions for two of the three kinds of strangers; the third is neither."""
    place, name = _places(columns), _surnames(columns)
    family = f"({name['exact']} or {name['related']})"
    near = f"({place['D']} or {place['P']})"
    return {HOUSEHOLD: f"({place['H']} or ({near} and {family}))", NEIGHBOUR: near, STRANGER: "true"}


def _by_kin(
    name: str, null: str, kin: dict[str, str], outcomes: list[tuple[str, str, float, str]]
) -> Comparison:
    """Each outcome three times over, once for each kind of strangers: m is shared, u is not."""
    levels = [
        Level(
            label=f"{outcome}, {kind}",
            sql=f"({sql}) and {condition}",
            outcome=outcome,
            u_group=kind,
            start=start,
            term=term if kind == STRANGER else "",
            kin=kind,
            pool=outcome,
            common=f"({sql})",
        )
        for outcome, sql, start, term in outcomes
        for kind, condition in kin.items()
    ]
    return Comparison(name, null, tuple(levels))


def _forename(columns: Collection[str], kin: dict[str, str]) -> Comparison:
    moved = "fn_l = fn2_r or fn2_l = fn_r"
    if "sn" in columns:
        moved += " or (fn_x_l = sn_r and fn_x_r = sn_l)"
    outcomes = [
        ("same forename", _same("fn"), 0.9, "fn"),
        ("same by spelling group", _same("fn_t"), 0.03, "fn_t"),
        ("given names or surname changed over", moved, 0.02, ""),
        (
            "one slip apart, or sounds the same",
            "list_contains(fn_near_l, fn_r) or fn_ph_l = fn_ph_r",
            0.03,
            "",
        ),
        ("same first three letters", _same("fn_pre"), 0.01, ""),
        ("different forename", "true", 0.01, ""),
    ]
    return _by_kin("forename", _either_null("fn"), kin, outcomes)


def _birth(kin: dict[str, str]) -> Comparison:
    pairs = ("ym", "md", "yd")
    null = "not (" + " or ".join(f"({_both(pair)})" for pair in (*pairs, "birth_year")) + ")"
    two = " or ".join(_same(pair) for pair in pairs)
    part_only = "(dob_l is null or dob_r is null)"
    outcomes = [
        ("same date", _same("dob"), 0.93, "dob"),
        ("day and month changed over", "dob_l = dob_x_r", 0.01, ""),
        ("the parts given agree", f"{part_only} and ({two})", 0.02, ""),
        ("two parts of three agree", two, 0.03, ""),
        ("same year", _same("birth_year"), 0.005, ""),
        ("different birth date", "true", 0.01, ""),
    ]
    return _by_kin("birth_date", null, kin, outcomes)


def _sex() -> Comparison:
    return Comparison(
        "sex",
        _either_null("sex"),
        (
            Level("same sex", _same("sex"), "same sex", start=0.99),
            Level("different sex", "true", "different sex", start=0.01),
        ),
    )


_AVAILABLE = ("home", "address", "postcode", "none")
_OUTCOMES_WHERE = {"home": "HDPX", "address": "DPX", "postcode": "PX", "none": "X"}
_START = {"H": 0.6, "D": 0.1, "P": 0.1, "X": 0.2, "exact": 0.88, "related": 0.06, "other": 0.06, "": 1.0}


def _family_place(columns: Collection[str]) -> Comparison:
    """Surname by place, within what both records give: what can't be seen costs nothing."""
    place, name = _places(columns), _surnames(columns)
    given = {
        "home": f"({_both('h1')})" if "h1" in columns else "false",
        "address": f"({_both('addr')})" if "addr" in columns else "false",
        "postcode": f"({_both('p1')})" if "p1" in columns else "false",
        "none": "true",
    }
    named = f"({_both('sn')})" if "sn" in columns else "false"
    levels: list[Level] = []
    for available, has_name in product(_AVAILABLE, (True, False)):
        if given[available] == "false" or (has_name and named == "false"):
            continue
        if available == "none" and not has_name:
            continue
        group = f"{available}, {'surname' if has_name else 'no surname'}"
        base = f"{given[available]}{f' and {named}' if has_name else ''}"
        for where, family in product(
            _OUTCOMES_WHERE[available], ("exact", "related", "other") if has_name else ("",)
        ):
            if place.get(where) == "false":
                continue
            levels.append(_family_level(group, base, where, family, place, name))
    blank = " and ".join(f"not {c}" for c in (*given.values(), named) if c not in ("false", "true"))
    return Comparison("family_place", blank or "false", tuple(levels))


def _family_level(
    group: str, base: str, where: str, family: str, place: dict[str, str], name: dict[str, str]
) -> Level:
    words = {"H": "same home", "D": "same address line", "P": "same postcode", "X": "no place in common"}
    condition = " and ".join(part for part in (base, place.get(where, ""), name.get(family, "")) if part)
    kin = STRANGER
    if where == "H" or (where in "DP" and family in ("exact", "related")):
        kin = HOUSEHOLD
    elif where in "DP":
        kin = NEIGHBOUR
    return Level(
        label=f"{words[where]}{f', {family} surname' if family else ''} ({group})",
        sql=condition,
        outcome=f"{group}/{where}/{family}",
        m_group=group,
        u_group=group,
        start=_START[where] * _START[family],
        term="sn" if where == "X" and family == "exact" else "",
        place=where,
        kin=kin,
        pool=f"{where}/{family}",
    )


def _identifier(name: str) -> Comparison:
    return Comparison(
        name,
        _either_null(name),
        (
            Level(f"same {name}", _same(name), "same", start=0.95, term="phone" if name == "phone" else ""),
            Level(f"different {name}", "true", "different", start=0.05),
        ),
    )


def _near_identifier(name: str) -> Comparison:
    near = f"list_contains({name}_near_l, {name}_r)"
    return Comparison(
        name,
        _either_null(name),
        (
            Level(f"same {name}", _same(name), "same", start=0.8, term=name),
            Level(f"{name} one slip apart", near, "near", start=0.1),
            Level(f"different {name}", "true", "different", start=0.1),
        ),
    )


def _email() -> Comparison:
    return Comparison(
        "email",
        _either_null("email"),
        (
            Level("same e-mail", _same("email"), "same", start=0.7, term="email"),
            Level("same part before the @", _same("email_user"), "user", start=0.1),
            Level("different e-mail", "true", "different", start=0.2),
        ),
    )


def splink_comparison(
    comparison: Comparison, weights: Callable[[Comparison, int], tuple[float, float]]
) -> dict[str, Any]:
    """A comparison as Splink's settings dictionary, with m and u from `weights(comparison, position)`."""
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.null, "label_for_charts": "nothing to compare", "is_null_level": True}
    ]
    for position, level in enumerate(comparison.levels):
        m, u = weights(comparison, position)
        entry: dict[str, Any] = {
            "sql_condition": "ELSE" if position == len(comparison.levels) - 1 else level.sql,
            "label_for_charts": level.label,
            "m_probability": m,
            "u_probability": u,
            "fix_m_probability": True,
            "fix_u_probability": True,
        }
        if level.term:
            entry |= {
                "tf_adjustment_column": level.term,
                "tf_minimum_u_value": 1e-5,
                "disable_tf_exact_match_detection": True,
            }
        levels.append(entry)
    return {
        "output_column_name": comparison.name,
        "comparison_description": comparison.name,
        "comparison_levels": levels,
    }
