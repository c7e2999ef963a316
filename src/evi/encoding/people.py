"""Identity columns in, token columns out: the core that deliveries and people tables share."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from evi.encoding.columns import Column, arrow
from evi.encoding.columns import compute as pc
from evi.encoding.tokens import CLEAR, TOKENS, Coder

# Roles that a column of a people table can have; `birth_year`, `birth_month` and `birth_day` go together.
BIRTH_PARTS = ("birth_year", "birth_month", "birth_day")


def encode_identities(columns: Mapping[str, Column], coder: Coder) -> dict[str, Column]:
    """Code identity columns.

    Args:
        columns: role to values, of one length; roles as in `Coder.roles`, and `birth_year`, `birth_month`,
            `birth_day` where a date comes in parts.
        coder: codes under one set of keys.

    Returns:
        Every column of `TOKENS` and `CLEAR`, null where no role gives it.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    made: dict[str, Column] = {}
    for role, values in columns.items():
        if role not in coder.roles or role == "middle_names":
            continue
        made |= coder.role(role, values)
    if any(part in columns for part in BIRTH_PARTS) and "date_of_birth" not in columns:
        made |= coder.role("birth_parts", _joined_parts(columns, rows))
    if "middle_names" in columns:
        middle = coder.role("middle_names", columns["middle_names"])["fn2"]
        made["fn2"] = pc.coalesce(made["fn2"], middle) if "fn2" in made else middle
    made |= _compounds(made, coder)
    kinds = {name: kind for name, (kind, _) in TOKENS.items()} | CLEAR
    return {name: made[name] if name in made else arrow.nulls(rows, kind) for name, kind in kinds.items()}


def _joined_parts(columns: Mapping[str, Column], rows: int) -> Column:
    parts = [
        pc.fill_null(columns[part].cast(pa.string()), "") if part in columns else pa.array([""] * rows)
        for part in BIRTH_PARTS
    ]
    return pc.binary_join_element_wise(*parts, "-")


def _compounds(made: Mapping[str, Column], coder: Coder) -> dict[str, Column]:
    compounds: dict[str, Column] = {}
    if "sn_ph" in made and "pc" in made:
        compounds["sn_pc"] = coder.compound("sn_pc", made["sn_ph"], made["pc"])
    if "fn_ph" in made and "dob" in made:
        compounds["fn_dob"] = coder.compound("fn_dob", made["fn_ph"], made["dob"])
    if "fn_ph" in made and "sn_ph" in made and "birth_year" in made:
        parts = made["fn_ph"], made["sn_ph"], made["birth_year"]
        compounds["full_name_year"] = coder.compound("full_name_year", *parts)
    return compounds
