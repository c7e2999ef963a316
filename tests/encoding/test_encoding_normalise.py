"""One plain form for what people write in many ways: the cases are the specification."""

from __future__ import annotations

import random
from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evi.encoding import normalise
from evi.encoding.identifiers import nhs_numbers, upns


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Zoë", ["ZOE"]),
        ("Anna-Maria", ["ANNA", "MARIA"]),
        ("O’Brien", ["OBRIEN"]),
        ("Mrs Smith-Jones", ["SMITH", "JONES"]),
        ("van der Berg", ["VANDERBERG"]),
        ("Al Hassan", ["ALHASSAN"]),
        ("Łukasz", ["LUKASZ"]),
        ("BABY", []),
        ("not known", []),
        ("", []),
        ("  ", []),
        ("123", []),
    ],
)
def test_names(text: str, parts: list[str]) -> None:
    assert normalise.name_parts(text) == parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MOHAMMED", "MUHAMMAD"),
        ("AYESHA", "AISHA"),
        ("CHAUDHRY", "CHOWDHURY"),
        ("BOB", "ROBERT"),
        ("KATE", "KATHRYN"),
    ],
)
def test_spellings_and_short_forms_of_one_name(one: str, other: str) -> None:
    assert normalise.group_name(one) == normalise.group_name(other)
    assert normalise.sound(one) == normalise.sound(other)


@pytest.mark.parametrize(("one", "other"), [("ANNA", "HANNAH"), ("AMELIA", "AMY"), ("HASSAN", "HUSSAIN")])
def test_names_that_brothers_and_sisters_bear_side_by_side_are_not_one(one: str, other: str) -> None:
    assert normalise.group_name(one) != normalise.group_name(other)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2012-03-04", date(2012, 3, 4)),
        ("20120304", date(2012, 3, 4)),
        ("04/03/2012", date(2012, 3, 4)),
        (datetime(2012, 3, 4, 9, 30), date(2012, 3, 4)),  # noqa: DTZ001
        (date(1900, 1, 1), None),
        ("1901-01-01", None),
        ("2012-02-30", None),
        ("soon", None),
        (None, None),
    ],
)
def test_dates(value: object, found: date | None) -> None:
    assert normalise.parse_date(value) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("bd1 0hx", "BD10HX"), ("BD1 OHX", "BD10HX"), ("ZZ99 3VZ", None), ("2119", "2119"), ("-", None)],
)
def test_postcodes(text: str, found: str | None) -> None:
    assert normalise.postcode(text) == found


def test_sector_is_of_uk_postcodes_only() -> None:
    assert normalise.postcode_sector("BD10HX") == "BD1 0"
    assert normalise.postcode_sector("2119") is None


def test_one_address_in_two_hands() -> None:
    assert normalise.address("1, Windsor Rd.") == normalise.address("1 WINDSOR ROAD")
    assert normalise.address("ST JAMES") == "ST JAMES"  # a saint, not a street


def test_two_names_one_slip_apart_share_a_form() -> None:
    for other in ("SAMIR", "SAMIRAA", "SAMIRE", "SMIRA"):
        assert set(normalise.one_deletions("SAMIRA")) & set(normalise.one_deletions(other))
    assert normalise.one_deletions("ALI") == ["ALI"]


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_text_breaks_a_normaliser(text: str) -> None:
    assert all(normalise.name_parts(text))
    for plain in (normalise.postcode(text), normalise.address(text), normalise.upn(text)):
        assert plain is None or plain.strip()
    number = normalise.nhs_number(text)
    assert number is None or len(number) == 10
    born = normalise.parse_date(text)
    assert born is None or born.year >= 1880


def test_check_digits_by_column_and_by_value_agree() -> None:
    draw = random.Random(7)
    letters = "ABCDEFGHJKLMNPQRTUVWXYZ"
    nhs = [f"{draw.randrange(10**9, 10**10)}" for _ in range(500)] + [
        "943 476 5919",
        "9434765918",
        "1" * 10,
        "",
        "x",
    ]
    pupils = [draw.choice(letters) + f"{draw.randrange(10**12):012d}" for _ in range(800)]
    pupils += [p[:-1] + draw.choice(letters) for p in pupils[:200]] + ["a123", "", "A12345678901I"]
    assert nhs_numbers(pa.array([*nhs, None])).to_pylist() == [*(normalise.nhs_number(n) for n in nhs), None]
    found = upns(pa.array([*pupils, None])).to_pylist()
    assert found == [*(normalise.upn(p) for p in pupils), None]
    assert 20 < sum(value is not None for value in found) < 80  # one in 23
