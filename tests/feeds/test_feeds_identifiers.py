"""Check digits against a plain reading of their definitions."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.feeds import Field
from evi.feeds.identifiers import digits_of, invalid_identifier

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def nhs_number_is_valid(text: str) -> bool:
    """NHS Data Dictionary: weights 10 to 2, modulus 11; a remainder that asks for 10 is never issued."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != 10 or not (digits.isascii() and digits.isdigit()) or digits[0] == "0":
        return False
    check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return check != 10 and int(digits[9]) == (0 if check == 11 else check)


def upn_is_valid(text: str) -> bool:
    """DfE guide: characters 2 to 13 weigh 2 to 13; the sum modulo 23 names the first letter."""
    if len(text) == 3 and text.startswith("UN") and text[2] in "0123456789":
        return True
    if len(text) != 13 or not all(digit in "0123456789" for digit in text[1:12]):
        return False
    last = text[12]
    if last not in "0123456789" and last not in UPN_LETTERS:
        return False
    values = [int(digit) for digit in text[1:12]]
    values.append(int(last) if last in "0123456789" else UPN_LETTERS.index(last))
    total = sum(value * weight for weight, value in enumerate(values, start=2))
    return text[0] in UPN_LETTERS and UPN_LETTERS[total % 23] == text[0]


def engine_says_valid(kind: str, texts: list[str]) -> list[bool]:
    field = Field("X", "identifier", kind=kind)
    wrong = invalid_identifier(field, "t", "n")
    digits = digits_of(field, "t") or "NULL"
    with duckdb.connect() as con:
        sql = f"SELECT NOT ({wrong}) FROM (SELECT t, {digits} AS n FROM (SELECT unnest($1) AS t))"
        return [row[0] for row in con.execute(sql, [texts]).fetchall()]


NHS = st.one_of(st.from_regex(r"[0-9]{9,11}", fullmatch=True), st.text("0123456789 -x", max_size=13))
UPN = st.one_of(
    st.from_regex(r"[A-Z][0-9]{11}[0-9A-Z]", fullmatch=True), st.from_regex(r"UN[0-9A]", fullmatch=True)
)


@settings(deadline=None, max_examples=60)
@given(st.lists(NHS.filter(str.strip), min_size=1, max_size=200))
def test_nhs_numbers(texts):
    texts = [text.strip() for text in texts if not text.strip().startswith("-")] or ["9434765919"]
    assert engine_says_valid("nhs_number", texts) == [nhs_number_is_valid(text) for text in texts]


@settings(deadline=None, max_examples=60)
@given(st.lists(UPN, min_size=1, max_size=200))
def test_upns(texts):
    assert engine_says_valid("upn", texts) == [upn_is_valid(text) for text in texts]


@pytest.mark.parametrize(
    ("kind", "text", "valid"),
    [
        ("nhs_number", "943 476 5919", True),
        ("nhs_number", "9434765918", False),
        ("nhs_number", "09434765919", False),
        ("nhs_number", "+434765919", False),
        ("upn", "A+01200001001", False),
        ("upn", "Q25152899741I", False),  # no UPN holds an I, though its place would add up
        ("upn", "UN3", True),
        ("uprn", "100012345678", True),
        ("uprn", "1000123456789", False),
        ("uprn", "none", False),
        ("postcode", "BD1 1AA", True),
        ("postcode", "bd11aa", True),
        ("postcode", "BD1", False),
    ],
)
def test_known_cases(kind, text, valid):
    assert engine_says_valid(kind, [text]) == [valid]


def test_every_first_letter_can_be_right():
    """Of the 23 letters exactly one fits any twelve digits."""
    for tail in ("801200001001", "999999999999", "000000000000"):
        texts = [letter + tail for letter in UPN_LETTERS]
        assert engine_says_valid("upn", texts).count(True) == 1
