"""Check digits of the identifiers that have them, as SQL.

A wrong check digit is a note and never a reject: the row is still about somebody, and linkage copes with
mistyped numbers. Sources: NHS Data Dictionary, NHS NUMBER (modulus 11); DfE, Unique Pupil Numbers guide
(modulus 23).
"""

from __future__ import annotations

from evi.feeds.layout import Field

_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
"""Letters that a UPN may hold; the place of each (from 0) is the remainder modulo 23 that it stands for."""


def digits_of(field: Field, text: str) -> str | None:
    """SQL of the number within an identifier, computed once a row; None if there is no use for it."""
    if field.kind == "nhs_number":
        return f"TRY_CAST(replace(replace({text}, ' ', ''), '-', '') AS BIGINT)"
    if field.kind == "upn":
        return f"TRY_CAST({text}[2:12] AS BIGINT)"
    if field.kind == "uprn":
        return f"TRY_CAST({text} AS BIGINT)"
    return None


def invalid_identifier(field: Field, text: str, digits: str) -> str | None:
    """SQL that is true if `text` can't be an identifier of this kind; None for kinds that any text may be.

    Args:
        field: what is identified how.
        text: column with the trimmed text, null if there is none.
        digits: column that holds `digits_of`.
    """
    if field.kind == "nhs_number":
        bare = f"replace(replace({text}, ' ', ''), '-', '')"
        good = f"length({bare}) = 10 AND {digits} BETWEEN 1000000000 AND 9999999999 AND {_nhs_check(digits)}"
    elif field.kind == "upn":
        form = f"regexp_full_match({text}, '[A-Z][0-9]{{11}}[0-9A-Z]')"
        good = f"{form} AND {_upn_check(text, digits)} OR regexp_full_match({text}, 'UN[0-9]')"
    elif field.kind == "uprn":
        good = f"{digits} > 0 AND length({text}) <= 12"
    elif field.kind == "postcode":
        good = f"regexp_full_match({text}, '[A-Za-z]{{1,2}}[0-9][A-Za-z0-9]? *[0-9][A-Za-z]{{2}}')"
    else:
        return None
    return f"{text} IS NOT NULL AND NOT coalesce({good}, FALSE)"


def _nhs_check(digits: str) -> str:
    total = " + ".join(f"{digits} // {10**place} % 10 * {place + 1}" for place in range(1, 10))
    return f"(11 - ({total}) % 11) % 11 = {digits} % 10"


def _upn_check(text: str, digits: str) -> str:
    """The last of the 13 characters is a digit, or a letter of `_UPN_LETTERS` in a temporary number."""
    total = " + ".join(f"{digits} // {10**place} % 10 * {12 - place}" for place in range(11))
    characters = f"strpos('0123456789', {text}[13:13])"
    last = (
        f"CASE WHEN {characters} > 0 THEN {characters} ELSE strpos('{_UPN_LETTERS}', {text}[13:13]) END - 1"
    )
    return f"({last}) >= 0 AND ({total} + 13 * ({last})) % 23 = strpos('{_UPN_LETTERS}', {text}[1:1]) - 1"
