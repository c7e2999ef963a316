"""The report: one file that needs nothing else, says everything it should, and gives nobody away."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from index_district import DAY, Tables, write_tables

from evi.index import index_at
from evi.reports import build_report
from evi.workspace import District, DistrictConfig, EviError

SECTIONS = [
    "linkage",
    "fairness",
    "coverage",
    "index",
    "domains",
    "trends",
    "patterns",
    "places",
    "children",
    "refused",
    "check",
]


class Page(HTMLParser):
    """Tags with their attributes, and the cells of tables by caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "path", "use", "br"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data):
        if self._inside and self._inside[-1] in ("td", "th"):
            self.cells.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def read(page):
    return Page(page)


def test_the_same_district_gives_the_same_bytes(full, page, shipped):
    build_report(full, DAY, catalogue=shipped)
    assert (full.outputs / "report.html").read_text() == page


def test_it_needs_nothing_from_anywhere(page, read):
    assert "<script" not in page and "@import" not in page and "javascript:" not in page
    assert re.findall(r'(?:src|href|action)="(?!#)[^"]*"', page) == []
    assert re.findall(r"url\((?!#)", page) == []
    hosts = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert hosts == {"http://www.w3.org/2000/svg"}, "the name of a vocabulary, which nothing fetches"
    assert {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'",
    } in read.all("meta")


def test_it_has_every_section_and_the_list_of_contents_leads_to_each(read):
    ids = [attrs["id"] for attrs in read.all("section") if "id" in attrs]
    assert ids == SECTIONS
    assert [attrs["href"] for attrs in read.all("a")] == ["#main", *(f"#{name}" for name in SECTIONS)]


def test_no_id_is_used_twice(read):
    ids = [attrs["id"] for _tag, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_drawing_has_a_title_a_description_and_its_numbers(page, read):
    drawings = read.all("svg")
    ids = {attrs.get("id") for _tag, attrs in read.tags}
    assert len(drawings) >= 10
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert set(drawing["aria-labelledby"].split()) <= ids
    for figure in re.findall(r"<figure.*?</figure>", page, re.DOTALL):
        assert "<table>" in figure and "<figcaption>" in figure
        assert all(text.strip() for text in re.findall(r"<desc[^>]*>(.*?)</desc>", figure))


def test_every_table_has_a_caption_and_headed_columns_and_rows(page):
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        assert "<caption>" in table and 'scope="col"' in table and 'scope="row"' in table


def test_no_small_number_of_children_is_printed(full, shipped, page):
    """Every count of children in a table is hidden or a multiple of five that is at least ten."""
    heads = (
        "Children",
        "Children with a need",
        "Out of",
        "Children with both",
        "Children of whom enough is known",
    )
    checked = 0
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        head = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", table)
        for row in re.findall(r"<tr>(?!<th scope=\"col\")(.*?)</tr>", table, re.DOTALL):
            cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
            for name, cell in zip(head, cells, strict=True):
                if name in heads:
                    checked += 1
                    assert cell in ("fewer than 10", "not shown") or (
                        int(cell.replace(",", "")) >= 10 and int(cell.replace(",", "")) % 5 == 0
                    ), (name, cell)
    assert checked > 50


def test_three_children_at_most_and_only_where_everyone_is_made_up(full, page, shipped):
    assert 1 <= page.count('<article class="child">') <= 3
    subjects = set(re.findall(r"\bChild (\d+)\b", page))
    assert len(subjects) <= 3
    real = replace(full, config=replace(full.config, synthetic=False))
    text = build_report(real, DAY, catalogue=shipped).read_text()
    assert '<article class="child">' not in text and "it shows no single child" in text
    assert "Everyone in this report is made up" not in text
    (full.outputs / "report.html").write_text(page)


def test_it_never_gives_a_child_a_chance_of_anything(page):
    cards = " ".join(re.findall(r'<article class="child">.*?</article>', page, re.DOTALL))
    assert "%" not in cards and "chance" not in cards and "risk" not in cards


def test_bands_are_marked_provisional(page):
    assert "These bands are provisional." in page


def test_what_was_turned_away_is_counted_by_reason(page):
    assert "3 rows could not be used." in page and "is not a date" in page


def test_it_can_be_read_by_a_child_of_eleven(page):
    """Flesch and Kincaid's grade of the running text; grade 6 is read at 11."""
    words, sentences, syllables = 0, 0, 0
    main = page[page.index("<main") : page.index('<section id="check"')]
    for paragraph in re.findall(r"<p(?: class=\"(?:lead|note[^\"]*)\")?>(.*?)</p>", main, re.DOTALL):
        text = re.sub(r"<[^>]+>", "", paragraph)
        found = re.findall(r"[A-Za-z’]+", text)
        words, sentences = words + len(found), sentences + max(len(re.findall(r"[.!?](?:\s|$)", text)), 1)
        syllables += sum(max(len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", w.lower()))), 1) for w in found)
    assert words > 400
    assert 0.39 * words / sentences + 11.8 * syllables / words - 15.59 < 5.5


def few(tmp_path, shipped) -> District:
    """Two children known to one service, and nothing else: no homes, schools, map or history."""
    people = [(n, date(2012, 3, 1), "F", "A", "ENG", "child") for n in (1, 2)]
    tables = Tables(
        subjects=people,
        spans=[(1, "in_care", date(2026, 2, 1), None)],
        covered=[(n, "ssda903", date(2026, 1, 1), None) for n in (1, 2)],
        needs=[("in_care", "ssda903"), ("came_into_care", "ssda903")],
        coverage=[(n, "ssda903", date(2026, 1, 1), None, date(2026, 1, 1)) for n in (1, 2)],
        people=[("ssda903", n, n, 1.0) for n in (1, 2)],
    )
    district = write_tables(tmp_path / "few", tables)
    index_at(district, DAY, catalogue=shipped)
    return district


def test_where_little_is_known_each_section_says_so(tmp_path, shipped):
    text = build_report(few(tmp_path, shipped), DAY, catalogue=shipped).read_text()
    for sentence in (
        "Only one service (social care: children in care) sent records",
        "Nothing came from",
        "Not enough is known of any child here on this day, so no index is shown.",
        "The records don’t reach back a year yet, so there is no change to show.",
        "None came together clearly more often than chance, across two services",
        "The records of this district don’t say where children live, so there is no map.",
        "Nothing. Every row that the services sent could be read.",
        "No step has written down its run",
    ):
        assert sentence in text, sentence
    assert [attrs["id"] for attrs in Page(text).all("section") if "id" in attrs] == SECTIONS


def test_a_district_without_children_still_has_a_report(tmp_path, shipped):
    district = write_tables(tmp_path / "none", Tables(subjects=[], spans=[], covered=[]))
    index_at(district, DAY, catalogue=shipped)
    assert "No child is known on this day" in build_report(district, DAY, catalogue=shipped).read_text()


def test_without_an_index_it_says_what_to_run(tmp_path, shipped):
    district = District.create(tmp_path / "d", DistrictConfig("Nowhere"))
    with pytest.raises(EviError, match="there is no index of 2026-08-31"):
        build_report(district, DAY, catalogue=shipped)
