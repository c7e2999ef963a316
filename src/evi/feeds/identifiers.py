"""Check digits of the identifiers that have them, as SQL.

A wrong check digit is a note and never a reject: the row is still about somebody, and linkage copes with mistyped
numbers. Sources: NHS Data Dictionary, NHS NUMBER (modulus 11); DfE, Unique Pupil Numbers guide (modulus 23).
"""

from __future__ import annotations

from evi.feeds.layout import Field

_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
"""Letters that a UPN may start with; the place of each (from 0) is the remainder modulo 23 that it stands for."""


def invalid_identifier(field: Field, text: str) -> str | None:
    """SQL that is true if `text` (trimmed, not null) can't be an identifier of this kind; None if all may be."""
    if field.kind == "nhs_number":
        return _bad_nhs_number(text)
    if field.kind == "upn":
        return _bad_upn(text)
    if field.kind == "uprn":
        return f"(TRY_CAST({text} AS BIGINT) IS NULL OR length({text}) > 12)"
    if field.kind == "postcode":
        shape = "[A-Za-z]{1,2}[0-9][A-Za-z0-9]? *[0-9][A-Za-z]{2}"
        return f"NOT regexp_full_match({text}, '{shape}')"
    return None


def _bad_nhs_number(text: str) -> str:
    digits = f"TRY_CAST(replace(replace({text}, ' ', ''), '-', '') AS BIGINT)"
    total = " + ".join(f"{digits} // {10**place} % 10 * {place + 1}" for place in range(1, 10))
    check = f"(11 - ({total}) % 11) % 11"
    whole = f"{digits} BETWEEN 1000000000 AND 9999999999"
    return f"NOT coalesce({whole} AND {check} = {digits} % 10, FALSE)"


def _bad_upn(text: str) -> str:
    """Letters I, O and S are never used; the last character of a temporary UPN is a letter; UN1 to UN7 say why none."""
    letters = f"'{_UPN_LETTERS}'"
    digits = f"TRY_CAST({text}[2:12] AS BIGINT)"
    total = " + ".join(f"{digits} // {10**place} % 10 * {12 - place}" for place in range(11))
    last = f"{text}[13:13]"
    value = f"coalesce(TRY_CAST({last} AS INTEGER), strpos({letters}, {last}) - 1)"
    lawful = f"({total} + 13 * {value}) % 23 = strpos({letters}, {text}[1:1]) - 1"
    good = f"length({text}) = 13 AND {digits} IS NOT NULL AND {lawful}"
    return f"NOT (coalesce({good}, FALSE) OR regexp_full_match({text}, 'UN[0-9]'))"
