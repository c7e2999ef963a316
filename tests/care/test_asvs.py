"""The list after OWASP ASVS 5.0.0 is whole, names only what exists, and its page is as the data say."""

from __future__ import annotations

from collections import Counter

from tests.care.asvs_page import PAGE, ROOT, STATUSES, chapter, listed, names_in, page

PUBLISHED = {
    1: {1: 8, 2: 4, 3: 8, 4: 2, 5: 4, 6: 13, 7: 6, 8: 4, 9: 4, 10: 5, 11: 3, 12: 3, 13: 1, 14: 2, 15: 3},
    2: {
        **{1: 19, 2: 7, 3: 11, 4: 8, 5: 5, 6: 22, 7: 12, 8: 3, 9: 3, 10: 24, 11: 11, 12: 6},
        **{13: 12, 14: 7, 15: 10, 16: 16, 17: 7},
    },
}
"""How many requirements of levels 1 and 2 each chapter of the published standard has: 70 and 183."""

LEFT_OUT = {"V1.2.10", "V2.3.5", "V3.1.1", "V7.5.3", "V12.3.5", "V14.2.5"}
"""Some of level 3."""


def test_every_requirement_of_levels_1_and_2_is_there_once() -> None:
    rows = listed()["requirements"]
    ids = [each["id"] for each in rows]
    assert len(ids) == len(set(ids)) == 253 and not LEFT_OUT & set(ids)
    for level, counts in PUBLISHED.items():
        found = Counter(chapter(each) for each in rows if each["level"] == level)
        assert found == {f"V{number}": count for number, count in counts.items()}, level
    assert ids == sorted(ids, key=lambda each: [int(part) for part in each[1:].split(".")])


def test_each_has_a_status_and_says_what_stands_behind_it() -> None:
    for each in listed()["requirements"]:
        assert each["status"] in STATUSES and each["asks"], each["id"]
        if each["status"] == "met":
            assert each.get("evidence") or each["id"] == "V6.4.2", each["id"]
        else:
            assert each.get("how"), f"{each['id']}: why, what is missing, or what the operator must do"


def test_what_is_named_exists_and_is_used() -> None:
    data = listed()
    used = {key for each in data["requirements"] for key in each.get("evidence", [])}
    assert used == set(data["evidence"])
    for names in data["evidence"].values():
        for name in names:
            path, _, test = name.partition("::")
            assert (ROOT / path).is_file(), path
            assert not test or test in names_in(path), name


def test_the_page_is_as_the_data_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.care.asvs_page"
