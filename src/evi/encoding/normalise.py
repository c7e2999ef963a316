"""Names, dates, postcodes and identifiers in one plain form, so that equal people get equal codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from importlib.resources import files

import jellyfish
import yaml

# Letters that Unicode does not decompose into a base letter and a mark.
_FOLDS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l"}
    | {"Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "TH", "þ": "th", "ı": "i", "Ħ": "H", "ħ": "h", "Ə": "A"}
    | {"ə": "a", "’": "'", "‘": "'", "`": "'", "´": "'", "ʻ": "'", "ʼ": "'", "‐": "-", "‑": "-", "–": "-"}
)
_TITLES = frozenset({"MR", "MRS", "MISS", "MS", "DR", "MASTER", "MSTR", "PROF", "REV", "SIR"})
_NOT_NAMES = frozenset(
    {
        "UNKNOWN",
        "NOTKNOWN",
        "UNK",
        "NK",
        "NA",
        "NONE",
        "NULL",
        "TEST",
        "BABY",
        "BABYBOY",
        "BABYGIRL",
        "BABYOF",
    }
    | {"TWINONE", "TWINTWO", "INFANT", "UNBORN", "NOTGIVEN", "NOTSTATED", "XX", "XXX", "ANON", "ANONYMOUS"}
)
# Parts that belong to the name after them: "van der Berg", "al Hassan", "O Brien".
_PARTICLES = frozenset(
    {
        "AL",
        "EL",
        "AB",
        "BIN",
        "BINT",
        "IBN",
        "ABU",
        "ABD",
        "ABDUL",
        "DE",
        "DEL",
        "DELLA",
        "DA",
        "DI",
        "DO",
        "DOS",
    }
    | {
        "DU",
        "LA",
        "LE",
        "VAN",
        "VON",
        "DER",
        "DEN",
        "TER",
        "TEN",
        "ST",
        "MC",
        "MAC",
        "O",
        "UR",
        "UL",
        "UD",
        "US",
    }
)
_PART = re.compile(r"[^\W\d_]+")
_UK_POSTCODE = re.compile(r"^([A-Z]{1,2}\d[A-Z\d]?)(\d[A-Z]{2})$")
# Pseudo-postcodes: no fixed abode, overseas, not known (NHS "ZZ99" family).
_NO_POSTCODE = re.compile(r"^ZZ99")
_UPN = re.compile(r"^([A-HJ-NP-RT-Z])(\d{3})(\d{4})(\d{2})(\d{2})([0-9A-HJ-NP-RT-Z])$")
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
# Birth dates that systems fill in when none is known.
_DEFAULT_DATES = frozenset({date(1900, 1, 1), date(1901, 1, 1), date(1900, 12, 31), date(1899, 12, 31)})
_OLDEST_BIRTH_YEAR = 1880
FORMS = 12  # near forms of a name come in this number or a multiple: few names have more
_SHORT = {
    "RD": "ROAD",
    "ST": "STREET",
    "AVE": "AVENUE",
    "AV": "AVENUE",
    "LN": "LANE",
    "DR": "DRIVE",
    "CL": "CLOSE",
}
_SHORT |= {
    "CT": "COURT",
    "PL": "PLACE",
    "CRES": "CRESCENT",
    "TER": "TERRACE",
    "GDNS": "GARDENS",
    "SQ": "SQUARE",
}
_SHORT |= {"GR": "GROVE", "GRV": "GROVE", "PK": "PARK", "FLT": "FLAT", "APT": "FLAT", "APARTMENT": "FLAT"}


class _WordsOnly(dict[int, str | None]):
    """For `str.translate`: capitals and digits stay, apostrophes go, anything else is a blank."""

    def __missing__(self, letter: int) -> str:
        return self.setdefault(letter, " ") or " "


_WORDS_ONLY = _WordsOnly({ord(c): c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"} | {ord("'"): None})


def fold(text: str) -> str:
    """Capital letters without accents or curly quotes: "Zoë" and "ZOE" become one.

    >>> fold("Zoë Łukasz-O’Neil")
    "ZOE LUKASZ-O'NEIL"
    """
    return text.replace("`", "'").upper() if text.isascii() else _fold_accents(text)


def _fold_accents(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_FOLDS))
    return "".join(char for char in plain if not unicodedata.combining(char)).upper()


def name_parts(text: str) -> list[str]:
    """The parts of a forename or surname, particles joined to what follows, titles and non-names dropped.

    >>> name_parts("Mrs Anna-Maria van der Berg")
    ['ANNA', 'MARIA', 'VANDERBERG']
    """
    words = [part for part in _PART.findall(fold(text).replace("'", "")) if part not in _TITLES]
    if "".join(words) in _NOT_NAMES:
        return []
    parts: list[str] = []
    pending = ""
    for word in words:
        if word in _PARTICLES and len(words) > 1:
            pending += word
        else:
            parts.append(pending + word)
            pending = ""
    if pending:
        parts.append(pending)
    return parts


@cache
def _groups() -> dict[str, str]:
    """Spelling to the head of its group, from `names.yaml`."""
    table = yaml.safe_load(files("evi.encoding").joinpath("names.yaml").read_text(encoding="utf-8"))
    heads: dict[str, str] = {}
    for group in table["spellings"] + table["short_forms"]:
        names = [fold(str(name)).replace("'", "") for name in group]
        head = heads.get(names[0], names[0])
        for name in names:
            heads.setdefault(name, head)
    return heads


def group_name(name: str) -> str:
    """The head of the group of spellings or short forms that `name` belongs to, or `name` itself.

    >>> group_name("MUHAMMAD") == group_name("MOHAMMED")
    True
    """
    return _groups().get(name, name)


def sound(name: str) -> str:
    """A phonetic code (Metaphone) of the group's head; for scripts that it can't read, the name itself."""
    head = group_name(name)
    return (jellyfish.metaphone(head) if head.isascii() else "") or head


def one_deletions(name: str) -> list[str]:
    """`name` and every string with one letter left out: two names share one if one slip apart."""
    if len(name) < 4:
        return [name]
    return [name, *sorted({name[:i] + name[i + 1 :] for i in range(len(name))} - {name})]


def near_forms(name: str) -> list[str]:
    """`one_deletions`, made up to `FORMS` with forms that no other name has: their number tells nothing.

    >>> len(near_forms("ANN")), len(near_forms("ELIZABETH")), len(near_forms("CHRISTOPHERSON"))
    (12, 12, 24)
    """
    forms = one_deletions(name)
    return forms + [f"{name}\x00{number}" for number in range(-len(forms) % FORMS)]


def parse_date(value: object) -> date | None:
    """A birth date from a date, or from text as year-month-day, yyyymmdd or day/month/year.

    Dates that systems fill in when none is known (1 January 1900 and its kin) are not birth dates.
    """
    found: date | None = None
    if isinstance(value, datetime):
        found = value.date()
    elif isinstance(value, date):
        found = value
    elif value is not None and (parts := _date_parts(str(value))):
        found = _date_or_none(*parts)
    if found is None or found in _DEFAULT_DATES or found.year < _OLDEST_BIRTH_YEAR:
        return None
    return found


def impossible_date(value: object) -> tuple[int, int, int] | None:
    """Year, month and day of a birth date that no calendar has, though each part could be right.

    A slip in one part leaves two that are right, and the same slip is copied from system to system.

    >>> impossible_date("1971-02-30"), impossible_date("1971-02-28"), impossible_date("1971-13-01")
    ((1971, 2, 30), None, None)
    """
    parts = _date_parts(str(value)) if value is not None else None
    if parts is None or is_date(*parts):
        return None
    year, month, day = parts
    return parts if year >= _OLDEST_BIRTH_YEAR and month in range(1, 13) and day in range(1, 32) else None


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the calendar has such a day."""
    return _date_or_none(year, month, day) is not None


def _date_parts(text: str) -> tuple[int, int, int] | None:
    """The first three numbers of a text as year, month and day, whichever end the year is at."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 1 and len(numbers[0]) == 8:
        numbers = [numbers[0][:4], numbers[0][4:6], numbers[0][6:]]
    if len(numbers) < 3:
        return None
    first, second, third = (int(number) for number in numbers[:3])
    return (first, second, third) if len(numbers[0]) == 4 else (third, second, first)


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def postcode(text: str) -> str | None:
    """A postcode in capitals without spaces, common slips of letter and digit put right.

    >>> postcode("bd1 ohx"), postcode("ZZ99 3VZ")
    ('BD10HX', None)
    """
    plain = re.sub(r"[^A-Z0-9]", "", fold(text))
    if len(plain) < 3 or _NO_POSTCODE.match(plain):
        return None
    if not _UK_POSTCODE.match(plain) and 5 <= len(plain) <= 7 and not plain.isdigit():
        inward = plain[-3].translate(str.maketrans("OIS", "015")) + plain[-2:].translate(
            str.maketrans("015", "OIS")
        )
        mended = plain[:-3] + inward
        return mended if _UK_POSTCODE.match(mended) else plain
    return plain


def postcode_sector(plain: str) -> str | None:
    """The sector ("BD10") of a normalised UK postcode; None for any other kind."""
    match = _UK_POSTCODE.match(plain)
    return match.group(1) + " " + match.group(2)[0] if match else None


def nhs_number(text: str) -> str | None:
    """Ten digits whose check digit is right (modulus 11), or None.

    >>> nhs_number("943 476 5919"), nhs_number("943 476 5918")
    ('9434765919', None)
    """
    digits = re.sub(r"[\s-]", "", str(text))
    if not re.fullmatch(r"\d{10}", digits) or len(set(digits)) == 1:
        return None
    check = 11 - sum(int(digit) * (10 - i) for i, digit in enumerate(digits[:9])) % 11
    return digits if check % 11 == int(digits[9]) else None


def upn(text: str) -> str | None:
    """A unique pupil number whose check letter is right (Department for Education, modulus 23), or None."""
    plain = re.sub(r"\s", "", fold(str(text)))
    match = _UPN.match(plain)
    if match is None:
        return None
    values = [int(char) if char.isdigit() else _UPN_LETTERS.index(char) for char in plain[1:]]
    total = sum(value * weight for value, weight in zip(values, range(2, 14), strict=True))
    return plain if _UPN_LETTERS[total % 23] == plain[0] else None


def address(text: str) -> str | None:
    """An address line as one run of letters and digits, street types in full, no commas or full stops.

    >>> address("1, Windsor Rd.") == address("1 WINDSOR ROAD")
    True
    """
    words = fold(text).translate(_WORDS_ONLY).split()
    words[1:] = [_SHORT.get(word, word) for word in words[1:]]
    return " ".join(words) or None


def plain_words(text: str) -> str | None:
    """Any other text (a town, a reference) folded, with runs of anything but letters and digits dropped."""
    return re.sub(r"[^\w]", "", fold(text)) or None


def letters_of(parts: Iterable[str]) -> str:
    """Name parts run together: what double-barrelled and spaced names are compared by."""
    return "".join(parts)
