"""What people paste is kept readable, and no word of it is lost."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.care.text import LineField, NoteField, clean_line, clean_text

CASES = {
    "quotes of Word": (
        "\u201cShe\u2019s better\u201d \u2013 mum",
        "\u201cShe\u2019s better\u201d \u2013 mum",
    ),
    "quotes read as Latin-1": ("\x93She\x92s better\x94", "\u201cShe\u2019s better\u201d"),
    "hard spaces": ("Year\u00a02\u202f(2B)", "Year 2 (2B)"),
    "line ends": ("one\r\ntwo\rthree\vfour\u2028five", "one\ntwo\nthree\nfour\nfive"),
    "control characters": ("a\x00b\x07c\x1bd", "abcd"),
    "direction turned round": ("safe \u202etxt.exe\u202c end", "safe txt.exe end"),
    "joiners of Urdu and emoji stay": ("می\u200cخواهم 👩\u200d👧", "می\u200cخواهم 👩\u200d👧"),
    "a flag made of tags stays": ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
    "hidden tags go": ("a\U000e0068\U000e0069b", "ab"),
    "half a pair": ("a\ud83db", "a\ufffdb"),
    "letters with loose accents": ("Zoe\u0308", "Zoë"),
    "less than is no markup": ("score <3, x < y > z, <not a tag>", "score <3, x < y > z, <not a tag>"),
    "a paste from Word": (
        '<p class="MsoNormal"><b>Sam</b> &amp; Jo<o:p></o:p></p><p>met&nbsp;today</p>',
        "Sam & Jo\n\nmet today",
    ),
    "a list": ("<ul><li>reads</li><li>sings</li></ul>", "• reads\n\n• sings"),
    "a script": ("hello<script>alert(1)</script> there<!-- gone -->", "hello there"),
    "a script that never ends": ("hello <script>alert(1)", "hello alert(1)"),
    "an entity in plain text": ("Marks &amp; Spencer", "Marks &amp; Spencer"),
    "too many empty lines": ("a\n\n\n\n\nb  \nc", "a\n\nb\nc"),
    "Word's bullet": ("\uf0b7 eats well", "• eats well"),
    "nothing": (None, ""),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_paste_is_cleaned(case: str) -> None:
    given_text, expected = CASES[case]
    assert clean_text(given_text) == (given_text if expected is None else expected)


def test_a_line_is_one_line() -> None:
    assert clean_line("  Amir \n  Iqbal\u00a0 ") == "Amir Iqbal"


@given(st.text(st.characters(exclude_characters="<&", categories=("L", "N", "P", "S", "Zs")), max_size=300))
def test_no_letter_or_sign_is_lost(text: str) -> None:
    kept = unicodedata.normalize("NFC", re.sub(r"\s", "", text))
    assert re.sub(r"\s", "", clean_text(text)) == kept


@given(st.text(max_size=200))
def test_what_is_kept_can_be_stored_anywhere(text: str) -> None:
    made = clean_text(text)
    made.encode("utf-8")
    assert "\x00" not in made
    assert "\r" not in made
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", made)


@pytest.mark.parametrize("nasty", ["<!--", "<script", "<b ", "<p><", "&lt;", "<b<", "\u202e"])
def test_a_hostile_text_takes_no_longer_than_its_length(nasty: str) -> None:
    """Four times the text may not take sixteen times as long (a bound far from noise)."""

    def cost(size: int) -> float:
        begun = time.process_time()
        clean_text(nasty * size)
        return time.process_time() - begun

    assert cost(20_000) < 40 * max(cost(2_500), 0.002)


def test_form_fields_clean_and_limit() -> None:
    assert NoteField().clean("a\x00b\r\nc") == "ab\nc"
    assert LineField().clean(" a\tb ") == "a b"
    assert len(NoteField().clean("x" * 10_000)) == 10_000
