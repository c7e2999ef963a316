"""Readers of published lists: broken files get a clear sentence, hidden numbers stay unknown."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import Workbook

from evi.queues.published.nhs_autism import COLUMNS, read_nhs_autism
from evi.queues.published.nhs_community import read_nhs_community
from evi.queues.published.scottish_camhs import NEW_CODES, read_scottish_camhs
from evi.workspace import EviError

OPEN = 'Number of patients {}with an open "suspected autism" referral in the month'
OVER = OPEN + " that has been open for at least 13 weeks"
CHILD, ADULT = "aged 0 to 17 ", "aged 18 and over "


def autism_row(metric: str, value: str, month: str = "07", last: str = "31", level: str = "NONE") -> str:
    quoted = '"' + metric.replace('"', '""') + '"'
    return (
        f"01/{month}/2022,{last}/{month}/2022,99X,MADE UP - 99X,{level},M{abs(hash(metric))},{quoted},{value}"
    )


def autism_file(folder: Path, *rows: str, name: str = "a.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join([",".join(COLUMNS), *rows]).encode(encoding) + b"\n")
    return path


def has(notes: tuple[str, ...], text: str) -> bool:
    return any(text in note for note in notes)


def test_autism_keeps_what_is_hidden_unknown_even_where_it_could_be_worked_out(tmp_path: Path) -> None:
    path = autism_file(
        tmp_path,
        autism_row(OPEN.format(""), "100"),
        autism_row(OPEN.format(CHILD), "95"),
        autism_row(OPEN.format(ADULT), "*"),
        autism_row(OVER.format(CHILD), "60"),
        autism_row(OVER.format(CHILD), "55", level="10 to 17"),
    )
    children, adults = (read_nhs_autism([path], ages)[0] for ages in ("children", "adults"))  # type: ignore[arg-type]
    assert children.table.select("start", "waiting", "waiting_13_weeks_and_over").rows() == [
        (date(2022, 7, 1), 95.0, 60.0)
    ]
    assert adults.table["waiting"].to_list() == [None]
    assert has(adults.notes, "suppressed numbers (*), left unknown, not 0: 1")
    assert has(adults.notes, "totals with one hidden part that the rest would give away, left unknown: 1")
    assert has(children.notes, "rounded to 5")


def test_autism_counts_rows_it_can_not_use(tmp_path: Path) -> None:
    new = 'Number of new "suspected autism" referrals for those aged 0 to 17 in the month'
    path = autism_file(
        tmp_path,
        autism_row(OPEN.format(CHILD), "95"),
        autism_row(OPEN.format(CHILD), "95"),  # the same row again
        autism_row(new, "10"),
        autism_row(new, "15"),  # a place and month twice, with other numbers
        autism_row(OPEN.format(CHILD), "-5", month="08"),
        autism_row(new, "ten", month="08"),
        autism_row(new, "5", month="09"),  # September has no day 31
    )
    (made,) = read_nhs_autism([path])
    assert made.table.select("waiting", "referrals").rows() == [(95.0, None), (None, None)]
    for note in (
        "rows that are there twice, read once: 1",
        "primary_level and metric, left out: 2",
        "counts below 0, which can't be, left unknown: 1",
        "cells that hold no number, left unknown: 1",
        "rows that are not of one calendar month, left out: 1",
    ):
        assert has(made.notes, note), note


def test_autism_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    latin = autism_file(
        tmp_path, autism_row(OPEN.format(CHILD) + "é", "95"), name="l.csv", encoding="latin-1"
    )
    empty = autism_file(tmp_path, name="none.csv")
    (tmp_path / "nul.csv").write_bytes(b"")
    for path, says in [
        (tmp_path / "other.csv", "no column REPORTING_PERIOD_START"), (latin, "not UTF-8 text"),
        (empty, "no row holds a measure"), (tmp_path / "gone.csv", "can't be read"),
        (tmp_path / "nul.csv", "can't be read as a table"),
    ]:  # fmt: skip
        with pytest.raises(EviError, match=says):
            read_nhs_autism([path])
    with pytest.raises(EviError, match="no file is given"):
        read_nhs_autism([])


def scottish(folder: Path, kind: str, columns: list[str], rows: list[list[str]]) -> Path:
    path = folder / f"{kind}.csv"
    names = ["HB", "Month", *(name for column in columns for name in (column, f"{column}QF"))]
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n", encoding="utf-8")
    return path


BANDS = ("0To18Weeks", "19To35Weeks", "36To52Weeks", "Over52Weeks")
WAITING = ["TotalPatientsWaiting", *(f"NumberOfPatientsWaiting{band}" for band in BANDS)]
WAITS = ["MedianWeeksPatientsSeen", "90thPercentileWeeksPatientsSeen"]
SEEN = ["TotalPatientsSeen", *(f"NumberOfPatientsSeen{band}" for band in BANDS), *WAITS]


def board(code: str, month: str, total: str, flag: str = "", width: int = 5) -> list[str]:
    return [code, month, total, flag, *["0", ""] * (width - 1)]


def test_boards_that_changed_their_code_are_one_and_removals_are_implied(tmp_path: Path) -> None:
    files = [
        scottish(tmp_path, "waiting", WAITING, [
            board("S08000021", "201902", "100"), board("S08000021", "201903", "110", "u"),
            board("S08000031", "201904", "90"), board("S08000031", "201905", "", ":"),
            board("S08000031", "201906", "95", "b"),
        ]),
        scottish(tmp_path, "seen", SEEN, [
            board("S08000021", "201903", "20", width=7), board("S08000031", "201904", "30", width=7),
            board("S08000031", "201906", "10", width=7),
        ]),
        scottish(tmp_path, "referrals", ["ReferralsAccepted", "ReferralsReceived"], [
            ["S08000021", "201903", "25", "", "40", ""], ["S08000031", "201904", "60", "", "70", ""],
        ]),
    ]  # fmt: skip
    (made,) = read_scottish_camhs(files)
    assert made.table.select("start", "waiting", "removals", "balance").rows() == [
        (date(2019, 2, 1), 100.0, None, None),
        (date(2019, 3, 1), 110.0, None, -5.0),  # more are waiting than flows explain: not a removal of -5
        (date(2019, 4, 1), 90.0, 50.0, 50.0),  # across the change of code
        (date(2019, 5, 1), None, None, None),
        (date(2019, 6, 1), 95.0, None, None),  # after a gap nothing is implied
    ]
    assert made.table["flags"].to_list() == ["", "u", "", ":", "b"]
    assert has(made.notes, "rows under a board's old code, joined to its new one: 4")
    assert has(
        made.notes,
        "months whose lists imply removals below 0 (a correction, or a list redefined), left unknown: 1",
    )
    assert has(made.notes, "b in 1, u in 1")


def test_a_board_under_both_codes_in_one_month_is_not_guessed_at(tmp_path: Path) -> None:
    path = scottish(tmp_path, "waiting", WAITING, [
        board("S08000018", "201802", "10"), board("S08000029", "201802", "12"),
        board("S08000029", "201803", "13"),
    ])  # fmt: skip
    (made,) = read_scottish_camhs([path])
    assert made.table["waiting"].to_list() == [13.0]
    assert has(made.notes, "rows that contradict another of the same month and board, left out: 2")


def test_scottish_files_that_are_not_are_refused(tmp_path: Path) -> None:
    other = scottish(tmp_path, "other", ["Something"], [["S08000015", "202001", "1", ""]])
    half = scottish(tmp_path, "half", WAITING[:2], [["S08000015", "202001", "1", "", "1", ""]])
    seen = scottish(tmp_path, "seen", SEEN, [board("S08000015", "202001", "1", width=7)])
    for path, says in [
        (other, "none of the CAMHS tables"),
        (half, "no column NumberOf"),
        (seen, "no file has"),
    ]:
        with pytest.raises(EviError, match=says):
            read_scottish_camhs([path])


SERVICES = ["(A) Audiology", "(CYP) Audiology"]
AGES = {
    "a": "0-1 weeks (0-7 days)", "b": "1-2 weeks (8-14 days)", "c": ">2-4 weeks (15-28 days)",
    "d": ">4-12 weeks (29-84 days)", "e": ">12-18 weeks (85-126 days)", "f": ">18-52 weeks (127-364 days)",
    "g": "over 52 weeks (over 365 days)",
}  # fmt: skip


def workbook(folder: Path, month: int = 5, said: str = " by service, May 2023", **changes: Any) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    two = book.create_sheet("Table 2")
    two.append([None, f"National time series{said}"])
    two.append([None, None, *(datetime(2023, m, 1) for m in range(4, 10))])  # noqa: DTZ001
    two.append([None, "England", *([900] * (month - 3))])
    three = book.create_sheet("Table 3")
    three.append([None, f"National overview{said}"])
    three.append([None, "England", changes.get("total", 900), 1])
    for letter, words in {"": "", **AGES}.items():
        sheet = book.create_sheet(f"Table 4{letter}")
        sheet.append([None, f"Number waiting {words}{said}"])
        sheet.append([])
        sheet.append([None, None, None, *SERVICES])
        sheet.append([None, None, "England", 800, 70 if not letter else 10])
        sheet.append([None, "ICB", "Somewhere", "*", changes.get("cell", 7) if not letter else 1])
        sheet.append([None, None, "Elsewhere", "", 0])
    if "without" in changes:
        book.remove(book[changes["without"]])
    path = folder / f"{changes.get('name', 'book')}.xlsx"
    book.save(path)
    return path


def test_community_workbooks_take_the_month_of_the_data_and_bands_from_days(tmp_path: Path) -> None:
    lists = read_nhs_community([workbook(tmp_path, name="2023-07")])
    assert list(lists.bands) == [(0, 1), (1, 2), (2, 4), (4, 12), (12, 18), (18, 52), (52, None)]
    made = lists.series("somewhere", "(cyp)")
    assert made.table.select("start", "waiting", "waiting_2_to_4_weeks").rows() == [
        (date(2023, 5, 1), 7.0, 1.0)
    ]
    assert lists.table.filter(pl.col("place") == "Elsewhere")["waiting"].to_list() == [None, 0.0]
    assert lists.table.filter(pl.col("place") == "Elsewhere")["level"].to_list() == ["ICB", "ICB"]
    assert has(made.notes, "suppressed numbers (*), left unknown, not 0: 8")
    assert has(made.notes, "blank cells (nobody sent a number), left unknown: 8")
    england = lists.series("England", "(CYP)")
    assert not has(england.notes, "do not add up")
    worse = read_nhs_community([workbook(tmp_path, cell=-3)])
    assert worse.series("Somewhere", "(CYP)").table["waiting"].to_list() == [None]
    assert has(worse.notes, "counts below 0, which can't be, left unknown: 1")


def test_ages_that_do_not_add_up_are_told(tmp_path: Path) -> None:
    made = read_nhs_community([workbook(tmp_path, cell=9)]).series("Somewhere", "(CYP)")
    assert has(made.notes, "months whose ages of wait do not add up to the list: 1")


def test_community_month_comes_from_table_2_where_titles_leave_it_out(tmp_path: Path) -> None:
    lists = read_nhs_community([workbook(tmp_path, month=6, said="")])
    assert lists.table["start"].unique().to_list() == [date(2023, 6, 1)]


def test_community_workbooks_that_are_not_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("no workbook", encoding="utf-8")
    same = [workbook(tmp_path, name="one"), workbook(tmp_path, name="two")]
    for files, says in [
        ([tmp_path / "text.xlsx"], "no Excel workbook"), ([tmp_path / "gone.xlsx"], "can't be read"),
        ([workbook(tmp_path, without="Table 4c", name="c")], "no sheet Table 4c"),
        ([workbook(tmp_path, month=6, name="d")], "do not agree on the month"),
        ([workbook(tmp_path, total=901, name="e")], "do not agree on the month"),
        (same, "and so does one.xlsx"), ([], "no file is given"),
    ]:  # fmt: skip
        with pytest.raises(EviError, match=says):
            read_nhs_community(files)
    lists = read_nhs_community(same[:1])
    with pytest.raises(EviError, match="2 fit “audio”"):
        lists.series("Somewhere", "audio")
    with pytest.raises(EviError, match="none fits “Nowhere”"):
        lists.series("Nowhere", "audio")


@pytest.mark.opendata
def test_the_published_figures_of_autism_in_bradford_and_craven(opendata: Path) -> None:
    (made,) = read_nhs_autism([opendata / "waiting" / "nhs_autism_36J_jul_aug2022.csv"])
    july = made.table.row(0, named=True)
    assert (july["start"], july["waiting"], july["waiting_13_weeks_and_over"]) == (
        date(2022, 7, 1),
        1155,
        985,
    )
    assert made.table["diagnosed"].to_list() == [None, None]


@pytest.mark.opendata
def test_scottish_boards_and_what_accepted_minus_seen_leaves_out(opendata: Path) -> None:
    every = read_scottish_camhs(sorted((opendata / "waiting").glob("scotland_*.csv")))
    assert len(every) == 9
    assert all(made.gaps() == [] for made in every)
    glasgow = next(made for made in every if "Glasgow" in made.place)
    assert (glasgow.n_periods, glasgow.table["start"].min()) == (129, date(2012, 7, 1))
    assert not set(NEW_CODES) & {made.place for made in every}
    nation = next(made for made in every if made.place == "Scotland").table
    grew = nation["waiting"][-1] - nation["waiting"][0]
    joined_less_seen = (nation["referrals"] - nation["starts"])[1:].sum()
    assert joined_less_seen > 20 * grew > 0
    assert nation["balance"].sum() == joined_less_seen - grew


@pytest.mark.opendata
def test_the_community_workbooks_are_five_months_that_end_two_before_they_are_named(opendata: Path) -> None:
    lists = read_nhs_community(sorted((opendata / "waiting").glob("community_health_*.xlsx"))[1:3])
    assert lists.table["start"].unique().sort().to_list() == [date(2023, 2, 1), date(2023, 3, 1)]
    england = lists.table.filter((pl.col("place") == "England") & pl.col("service").str.starts_with("(CYP)"))
    assert england.group_by("start").agg(pl.col("waiting").sum()).sort("start").rows() == [
        (date(2023, 2, 1), 213210.0), (date(2023, 3, 1), 227490.0)
    ]  # fmt: skip
