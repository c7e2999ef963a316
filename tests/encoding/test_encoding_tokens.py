"""Codes: equal where people are, keyed, and never of a day, month or sex alone."""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from evi.encoding import TOKENS, Coder, Keys, encode_identities
from evi.encoding.mixing import siphash


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder(Keys.throw_away())


def encode(coder: Coder, **columns: list[object]) -> dict[str, list[object]]:
    made = encode_identities({role: pa.array(values) for role, values in columns.items()}, coder)
    return {name: column.to_pylist() for name, column in made.items()}


def test_every_column_is_there_with_its_type_and_length(coder: Coder) -> None:
    made = encode_identities({"forename": pa.array(["Ann", None])}, coder)
    assert set(TOKENS) <= set(made)
    assert all(len(column) == 2 for column in made.values())
    assert made["fn"].type == pa.int64()
    assert made["dob"].to_pylist() == [None, None]


def test_names_meet_by_group_sound_start_and_slip(coder: Coder) -> None:
    names = encode(coder, forename=["Mohammed", "MUHAMMAD", "Muhammadd", "Ali"])
    assert names["fn"][0] != names["fn"][1]
    assert names["fn_t"][0] == names["fn_t"][1] != names["fn_t"][3]
    assert names["fn_ph"][0] == names["fn_ph"][1] == names["fn_ph"][2]
    assert set(names["fn_del"][1]) & set(names["fn_del"][2])
    assert not set(names["fn_del"][0]) & set(names["fn_del"][3])


def test_swapped_names_meet_under_the_surnames_key(coder: Coder) -> None:
    one = encode(coder, forename=["Iqbal"], surname=["Khan"])
    other = encode(coder, forename=["Khan"], surname=["Iqbal"])
    assert one["fn_x"] == other["sn"] and one["sn"] == other["fn_x"]
    assert one["fn"] != other["sn"]


def test_double_barrelled_surnames_show_their_parts(coder: Coder) -> None:
    made = encode(coder, surname=["Smith-Jones", "Jones", "Smith Jones"])
    assert made["sn_b"][0] == made["sn"][1]
    assert made["sn"][0] == made["sn"][2]
    assert made["sn_a"][1] is None


def test_birth_dates_meet_swapped_and_by_two_parts(coder: Coder) -> None:
    dates = [date(2012, 3, 4), date(2012, 4, 3), date(2012, 3, 9), date(2013, 3, 4), date(2012, 5, 20)]
    made = encode(coder, date_of_birth=dates)
    assert made["dob"][0] == made["dob_x"][1] and made["dob_x"][0] == made["dob"][1]
    assert made["ym"][0] == made["ym"][2]
    assert made["md"][0] == made["md"][3]
    assert made["dob_x"][4] is None
    assert made["birth_month"][0] == date(2012, 3, 1)


def test_dates_in_parts_give_the_codes_of_what_is_known_and_no_more(coder: Coder) -> None:
    whole = encode(coder, date_of_birth=[date(2012, 3, 4)])
    parts = encode(coder, birth_year=["2012", ""], birth_month=["3", "3"], birth_day=["4", "4"])
    for name in ("dob", "ym", "md", "yd"):
        assert parts[name][0] == whole[name][0]
    assert parts["md"][1] == whole["md"][0]
    assert parts["dob"][1] is parts["ym"][1] is parts["yd"][1] is None
    alone = encode(coder, birth_day=["4"], birth_month=[None])
    assert {name: values for name, values in alone.items() if name in TOKENS and values != [None]} == {}


def test_no_column_is_a_code_of_a_small_domain() -> None:
    assert not {"day", "month", "sex", "year"} & set(TOKENS)


def test_identifiers_with_a_wrong_check_digit_have_no_code(coder: Coder) -> None:
    made = encode(coder, nhs_number=["943 476 5919", "9434765918"])
    assert made["nhs"][0] is not None and made["nhs"][1] is None


def test_a_code_can_not_be_had_without_the_key() -> None:
    one, other = Coder(Keys.throw_away()), Coder(Keys.throw_away())
    assert encode(one, surname=["Khan"])["sn"] != encode(other, surname=["Khan"])["sn"]


def test_a_home_has_one_code_for_linkage_and_another_for_payload(coder: Coder) -> None:
    made = encode_identities({"uprn": pa.array(["0100012345", " 100012345 "])}, coder)["home"].to_pylist()
    told = coder.home(pa.array(["100012345", "100012345"])).to_pylist()
    assert made[0] == made[1] != told[0] == told[1]


def test_a_date_that_no_calendar_has_is_kept_by_its_parts(coder: Coder) -> None:
    made = encode(coder, date_of_birth=["1971-02-30", "30/02/1971", "1971-02-03", "1971-13-01", "1900-01-01"])
    assert made["dob"][0] == made["dob"][1] != made["dob"][2]
    assert made["ym"][0] == made["ym"][2]
    assert made["dob"][3] is None and made["dob"][4] is None
    parts = encode(coder, birth_year=["1971"], birth_month=["2"], birth_day=["30"])
    assert parts["dob"][0] == made["dob"][0]


def test_an_initial_is_no_forename(coder: Coder) -> None:
    made = encode(coder, forename=["H", "Hayden", "H. James"])
    assert made["fn"][0] is None and made["fn_pre"][0] is None and made["fn"][1] is not None
    assert made["fn"][2] is None and made["fn2"][2] is not None


def test_values_are_coded_by_blake2b_under_their_fields_key() -> None:
    keys = Keys.throw_away()
    made = encode(Coder(keys), surname=["Khan"], nhs_number=["943 476 5919"])
    for column, field, text in (("sn", "surname", b"KHAN"), ("nhs", "nhs", b"9434765919")):
        digest = hashlib.blake2b(text, key=keys.derive("linkage", field), digest_size=8).digest()
        assert made[column] == [int.from_bytes(digest, "little", signed=True)]


def test_compounds_are_coded_by_siphash_as_published() -> None:
    # The authors' reference values for the key 00 01 … 0f and messages 00 01 …, of 8 and 16 bytes.
    key, message = bytes(range(16)), np.frombuffer(bytes(range(16)), "<i8")
    rows = 20_000
    words = [np.full(rows, word) for word in message]
    for count, value in ((1, 0x93F5F5799A932462), (2, 0x3F2ACC7F57C29BDB)):
        assert set(siphash(key, words[:count]).view(np.uint64).tolist()) == {value}


def test_compounds_differ_by_key_and_field_and_are_null_where_a_part_is() -> None:
    columns = {"surname": ["Khan", "Khan", None], "postcode": ["BD1 1AA"] * 3}
    one, other = encode(Coder(Keys.throw_away()), **columns), encode(Coder(Keys.throw_away()), **columns)
    assert one["sn_pc"][0] == one["sn_pc"][1] != other["sn_pc"][0]
    assert one["sn_pc"][2] is None
    coder = Coder(Keys.throw_away())
    parts = pa.array([1, 2]), pa.array([3, 4])
    assert coder.compound("a", *parts).to_pylist() != coder.compound("b", *parts).to_pylist()


def test_the_number_of_near_forms_tells_nothing_of_the_length_of_a_name(coder: Coder) -> None:
    names = ["Jo", "Ann", "Anna", "Elizabeth", "Bartholomew"]
    made = encode(coder, forename=names, surname=names)
    for column in ("fn_del", "sn_del"):
        assert {len(set(forms)) for forms in made[column]} == {12}
        assert all(not set(a) & set(b) for i, a in enumerate(made[column]) for b in made[column][i + 3 :])
    assert set(made["fn_del"][1]) & set(made["fn_del"][2])  # one slip apart, and still found
