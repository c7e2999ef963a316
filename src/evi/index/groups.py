"""What groups of children are called where they are compared: sex, ethnicity, and deprivation of the home."""

from __future__ import annotations

from collections.abc import Mapping

from evi.workspace import quote

NOT_KNOWN = "not known"
SEX = {"F": "girls", "M": "boys"}
FIFTHS = {1: "1 (most deprived fifth)", 2: "2", 3: "3", 4: "4", 5: "5 (least deprived fifth)"}
"""Fifths of small areas by deprivation: deciles two by two."""
ETHNICITY = {
    "WBRI": "White British",
    "WIRI": "White Irish",
    "WIRT": "Traveller of Irish heritage",
    "WROM": "Gypsy or Roma",
    "WOTH": "Any other White background",
    "MWBC": "White and Black Caribbean",
    "MWBA": "White and Black African",
    "MWAS": "White and Asian",
    "MOTH": "Any other mixed background",
    "AIND": "Indian",
    "APKN": "Pakistani",
    "ABAN": "Bangladeshi",
    "AOTH": "Any other Asian background",
    "BCRB": "Black Caribbean",
    "BAFR": "Black African",
    "BOTH": "Any other Black background",
    "CHNE": "Chinese",
    "OOTH": "Any other ethnic group",
}
"""Main codes of the common ethnicity list; services may send finer ones that begin with the same letter."""
BROAD = {"W": "White", "M": "Mixed", "A": "Asian", "B": "Black"}
"""Broad ethnic groups by the first letter of a code."""
OTHER_ETHNICITY = "any other ethnic group"
_OTHER = ("CHNE", "OOTH")
_SILENT = ("NOBT", "REFU")
"""Not obtained, and refused: not known."""


def broad_ethnicity(code: str | None) -> str | None:
    """The broad group of a code, or None if it says nothing.

    >>> broad_ethnicity("APKN"), broad_ethnicity("OOTH"), broad_ethnicity("REFU")
    ('Asian', 'any other ethnic group', None)
    """
    if code is None or code in _SILENT:
        return None
    return OTHER_ETHNICITY if code in _OTHER else BROAD.get(code[:1])


def case_sql(column: str, words: Mapping[str, str] | Mapping[int, str]) -> str:
    """SQL that gives each value of a column its words, and NULL to any other.

    >>> case_sql("sex", {"F": "girls"})
    "CASE sex WHEN 'F' THEN 'girls' END"
    """
    cases = (
        f"WHEN {key if isinstance(key, int) else quote(key)} THEN {quote(word)}"
        for key, word in words.items()
    )
    return f"CASE {column} {' '.join(cases)} END"


def broad_ethnicity_sql(column: str) -> str:
    """SQL of `broad_ethnicity`."""
    silent = ", ".join(quote(code) for code in _SILENT)
    others = ", ".join(quote(code) for code in _OTHER)
    broad = case_sql(f"left({column}, 1)", BROAD)
    other = f"WHEN {column} IN ({others}) THEN {quote(OTHER_ETHNICITY)}"
    return f"CASE WHEN {column} IN ({silent}) THEN NULL {other} ELSE {broad} END"
