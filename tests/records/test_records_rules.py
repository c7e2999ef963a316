"""The rules of versions, coverage, residence and rolls, each by an example."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from records_district import Inputs, case, day, new_district, place, sen, write_inputs

from evi.records import load, open_records
from evi.workspace import District

PEOPLE = [("care", 1, 100, 1.0), ("care", 2, 101, 1.0), ("school", 1, 100, 1.0), ("school", 2, 101, 0.98)]
SUBJECTS = [(100, day("2012-05-01"), "F", "A", "ENG", 2), (101, None, "M", "A", "URD", 2)]


@pytest.fixture
def district(tmp_path: Path) -> District:
    return new_district(tmp_path / "district")


def loaded(district: District, query: str, inputs: Inputs) -> list[tuple[Any, ...]]:
    """Load, and ask."""
    inputs.people = inputs.people or PEOPLE
    inputs.subjects = inputs.subjects or SUBJECTS
    write_inputs(district, inputs)
    load(district)
    with open_records(district) as con:
        return con.execute(query).fetchall()


VERSIONS = """SELECT code, subject_id, known_at, known_until, withdrawn, delivery FROM events
    WHERE code NOT LIKE 'EDU/ROLL%' ORDER BY code, delivery, known_at"""


def test_a_later_delivery_supersedes_from_the_day_it_is_known(district: District) -> None:
    rows = loaded(
        district,
        VERSIONS,
        Inputs(
            {
                ("t_sen", "a"): [sen(1, 1, "2021-01-20", Need=None)],
                ("t_sen", "b"): [sen(1, 1, "2021-05-20", Need=None)],
            }
        ),
    )
    assert rows == [
        ("EDU/SEN/SUPPORT", 100, day("2021-01-20"), day("2021-05-20"), False, "a"),
        ("EDU/SEN/SUPPORT", 100, day("2021-05-20"), None, False, "b"),
    ]


def test_a_version_that_no_longer_gives_an_event_ends_it(district: District) -> None:
    rows = loaded(
        district,
        VERSIONS,
        Inputs(
            {
                ("t_sen", "a"): [sen(1, 1, "2021-01-20", Need=None)],
                ("t_sen", "b"): [sen(1, 1, "2021-05-20", provision="N", Need=None)],
            }
        ),
    )
    assert rows == [("EDU/SEN/SUPPORT", 100, day("2021-01-20"), day("2021-05-20"), False, "a")]


def test_a_withdrawn_version_ends_the_one_before_and_holds_nothing(district: District) -> None:
    inputs = Inputs(
        {
            ("t_case", "a"): [case(1, 1, "2021-01-20")],
            ("t_case", "b"): [case(1, 1, "2021-03-01", withdrawn=True)],
        }
    )
    assert loaded(district, VERSIONS, inputs) == [
        ("CSC/REFERRAL", 100, day("2021-01-20"), day("2021-03-01"), False, "a"),
        ("CSC/REFERRAL", 100, day("2021-03-01"), None, True, "b"),
    ]
    with open_records(district) as con:
        assert con.execute("SELECT known_at FROM events_by_code").fetchall() == [(day("2021-01-20"),)]


def test_a_correction_is_known_no_earlier_than_what_it_corrects_was_complete(district: District) -> None:
    """Row 1 says again on which day it was recorded; until the first delivery was complete nobody knew."""
    inputs = Inputs(
        {
            ("t_case", "b"): [case(1, 1, "2021-03-01", Cost=1.0), case(9, 2, "2021-03-31")],
            ("t_case", "a"): [case(1, 1, "2021-02-01", Cost=2.0), case(8, 2, "2021-04-30")],
        }
    )
    rows = [row for row in loaded(district, VERSIONS, inputs) if row[1] == 100]
    assert rows == [
        ("CSC/REFERRAL", 100, day("2021-03-31"), None, False, "a"),
        ("CSC/REFERRAL", 100, day("2021-03-01"), day("2021-03-31"), False, "b"),
    ]


def test_a_record_withdrawn_under_its_own_date_was_known_until_then(district: District) -> None:
    inputs = Inputs(
        {
            ("t_case", "a"): [case(1, 1, "2021-03-01"), case(9, 2, "2021-03-31")],
            ("t_case", "b"): [case(1, 1, "2021-03-01", withdrawn=True), case(8, 2, "2021-04-30")],
        }
    )
    rows = [row for row in loaded(district, VERSIONS, inputs) if row[1] == 100]
    assert rows == [
        ("CSC/REFERRAL", 100, day("2021-03-01"), day("2021-03-31"), False, "a"),
        ("CSC/REFERRAL", 100, day("2021-03-31"), None, True, "b"),
    ]


def test_an_event_known_later_than_its_row_is_known_then(district: District) -> None:
    rows = loaded(
        district,
        "SELECT code, known_at FROM events ORDER BY code",
        Inputs({("t_case", "a"): [case(1, 1, "2021-01-20", Closed=day("2021-06-01"))]}),
    )
    assert rows == [("CSC/CLOSED", day("2021-06-01")), ("CSC/REFERRAL", day("2021-01-20"))]


def test_the_last_row_of_a_record_in_one_delivery_stands(district: District) -> None:
    rows = loaded(
        district,
        "SELECT numeric_value FROM events WHERE code = 'CSC/REFERRAL'",
        Inputs({("t_case", "a"): [case(1, 1, "2021-01-20", Cost=1.0), case(1, 1, "2021-01-20", Cost=2.0)]}),
    )
    assert rows == [(2.0,)]


def test_a_person_who_is_linked_later_brings_their_events(district: District) -> None:
    payloads = {("t_case", "a"): [case(1, 5, "2021-01-20")]}
    assert loaded(district, "SELECT * FROM events", Inputs(payloads)) == []
    found = loaded(
        district, "SELECT subject_id FROM events", Inputs(payloads, [*PEOPLE, ("care", 5, 101, 0.9)])
    )
    assert found == [(101,)]


def test_the_third_decimal_of_a_link_changes_nothing(district: District) -> None:
    payloads = {("t_case", "a"): [case(1, 1, "2021-01-20")]}
    query = "SELECT link_confidence::DECIMAL(4, 2)::VARCHAR FROM events"
    assert loaded(district, query, Inputs(payloads, [("care", 1, 100, 0.9812)])) == [("0.98",)]
    inode = next(iter(sorted((district.records / "by_code").glob("CSC-REFERRAL.parquet")))).stat().st_ino
    assert loaded(district, query, Inputs(payloads, [("care", 1, 100, 0.9834)])) == [("0.98",)]
    assert (district.records / "by_code" / "CSC-REFERRAL.parquet").stat().st_ino == inode


def test_an_address_is_its_own_subject(district: District) -> None:
    rows = loaded(
        district,
        "SELECT DISTINCT e.subject_id, place_id, kind FROM events e JOIN subjects s USING (subject_id)",
        Inputs({("t_place", "a"): [place(1, -5, "2021-01-20")]}),
    )
    assert rows == [(-(-5 & (2**62 - 1)) - 1, "home:-5", "home")]


COVERAGE = 'SELECT subject_id, feed, start, "end", known_at FROM coverage ORDER BY ALL'


def test_coverage_of_persons_joins_what_overlaps_and_takes_the_newest_version(district: District) -> None:
    entered, left = day("2020-09-01"), day("2021-02-01")
    inputs = Inputs(
        {
            ("t_sen", "a"): [
                sen(1, 1, "2021-01-20", Entered=entered),
                sen(2, 2, "2021-01-20", Entered=entered),
            ],
            ("t_sen", "b"): [sen(1, 1, "2021-05-20", Entered=entered), sen(2, 2, "2021-05-20", Leaving=left)],
        }
    )
    assert loaded(district, COVERAGE, inputs) == [
        (100, "school", entered, day("2021-08-28"), day("2021-01-20")),
        (101, "school", entered, left, day("2021-01-20")),
    ]


def test_coverage_of_a_population_follows_its_deliveries_and_ages(district: District) -> None:
    """The period is encoding's; without a month of birth only a layout for all ages covers a person."""
    inputs = Inputs(
        {
            ("t_case", "a"): [case(1, 1, "2021-01-20")],
            ("t_case", "b"): [case(1, 1, "2021-03-10")],
            ("t_case", "c"): [],
            ("t_place", "a"): [],
        },
        subjects=[*SUBJECTS, (102, day("2003-04-01"), None, None, None, 1)],
    )
    write_inputs(district, inputs)
    periods = {
        "t_case/a": ("2021-01-01", "2021-01-31"),
        "t_case/b": ("2021-02-15", "2021-03-31"),
        "t_case/c": ("2022-01-01", "2022-01-31"),
        "t_place/a": ("2021-01-01", "2021-01-31"),
    }
    write_ledger(district, periods)
    load(district)
    with open_records(district) as con:
        rows = con.execute(COVERAGE).fetchall()
    assert rows == [
        (100, "care", day("2021-01-01"), day("2021-05-01"), day("2021-01-20")),
        (100, "care", day("2022-01-01"), day("2022-03-03"), day("2022-01-31")),
        (100, "homes", day("2021-01-01"), day("2022-03-08"), day("2021-01-31")),
        (101, "homes", day("2021-01-01"), day("2022-03-08"), day("2021-01-31")),
        (102, "care", day("2021-01-01"), day("2021-04-01"), day("2021-01-20")),
        (102, "homes", day("2021-01-01"), day("2022-03-08"), day("2021-01-31")),
    ]


def write_ledger(district: District, periods: dict[str, tuple[str, str]]) -> None:
    """What encoding says of each delivery's period."""
    entries = [
        {"layout": key.split("/")[0], "delivery": key.split("/")[1], "period_start": start, "period_end": end}
        for key, (start, end) in periods.items()
    ]
    (district.encoded / "deliveries.json").write_text(json.dumps({"deliveries": entries}))


def test_moves_are_starts_of_a_residence_elsewhere(district: District) -> None:
    stays = [
        (100, 1, "E01", day("2015-01-01"), day("2016-01-01")),
        (100, 1, "E01", day("2016-06-01"), day("2017-01-01")),
        (100, 2, "E01", day("2017-01-01"), day("2018-01-01")),
        (100, 1, "E02", day("2018-01-01"), None),
        (101, 2, "E01", day("2017-01-01"), None),
    ]
    rows = loaded(
        district,
        """SELECT subject_id, time::DATE, place_id, known_at FROM events
        WHERE code = 'PLACE/MOVE' ORDER BY time""",
        Inputs({("t_case", "a"): [case(1, 1, "2021-01-20")]}, households=stays),
    )
    assert rows == [
        (100, day("2017-01-01"), "home:2", day("2017-01-01")),
        (100, day("2018-01-01"), "home:1", day("2018-01-01")),
    ]
    with open_records(district) as con:
        assert con.execute("SELECT count(*) FROM residence").fetchall() == [(5,)]


ENTERED, SECOND = day("2018-09-01"), day("2020-01-06")


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        # Listed again and again, still there.
        (
            [("2020-10-01", "100001", ENTERED, None), ("2021-01-20", "100001", ENTERED, None)],
            [("100001", ENTERED, None)],
        ),
        # The newest word on an entry stands.
        (
            [("2020-10-01", "100001", ENTERED, None), ("2021-01-20", "100001", ENTERED, day("2020-12-18"))],
            [("100001", ENTERED, day("2020-12-18"))],
        ),
        # Entering another school ends the stay at the first.
        (
            [("2019-10-01", "100001", ENTERED, None), ("2021-01-20", "100002", SECOND, None)],
            [("100001", ENTERED, SECOND), ("100002", SECOND, None)],
        ),
        # Not listed for longer than two censuses are apart: gone with the last list.
        ([("2019-10-03", "100001", ENTERED, None)], [("100001", ENTERED, day("2019-10-04"))]),
        # On two rolls from one day: both.
        (
            [("2021-01-20", "100001", ENTERED, None), ("2021-01-20", "100002", ENTERED, None)],
            [("100001", ENTERED, None), ("100002", ENTERED, None)],
        ),
    ],
)  # fmt: skip
def test_enrolment(
    district: District, lists: list[tuple[str, str, date, date | None]], expected: list[tuple[Any, ...]]
) -> None:
    rows = [
        sen(n, 1, listed, School=school, Entered=entered, Leaving=left)
        for n, (listed, school, entered, left) in enumerate(lists)
    ]
    others = [sen(99, 2, "2021-05-20", School="100009", Entered=day("2021-05-01"))]
    found = loaded(
        district,
        'SELECT school, start, "end" FROM enrolment WHERE subject_id = 100 ORDER BY ALL',
        Inputs({("t_sen", "a"): rows, ("t_sen", "b"): others}),
    )
    assert found == expected
