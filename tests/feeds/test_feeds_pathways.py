"""Referrals and contacts as community and mental health services send them: what each row says of a wait."""

from __future__ import annotations

import csv

import pytest

from evi.feeds import load_layouts, read_extract
from evi.workspace import connect
from tests.feeds.extracts import good_rows, write_csv

LAYOUTS = load_layouts()
NEW = ("TriageDate", "Priority", "ReferralRejectionDate", "ReferralClosureDate", "ReferralClosureReason")
REFERRED = ("AUTISM/REFERRAL", "2024-05-01", "AUTISM", "2024-05-04")


@pytest.fixture(scope="module")
def con():
    with connect(threads=1) as session:
        yield session


def said(con, tmp_path, layout_name, **row):
    """What one row yields: code without HEALTH/, day, text, and the day from which it can be known."""
    layout = LAYOUTS[layout_name]
    good = good_rows(layout, 1)[0]
    empty = {field.name: "" for field in layout.fields if not field.required}
    path = write_csv(tmp_path, layout, [good | empty | row])
    reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
    found = []
    for event in layout.events:
        found += con.execute(
            f"""SELECT substr({event.code_sql}, 8), ({event.time})::VARCHAR, {event.text},
                (coalesce({event.known_at}, known_at))::VARCHAR FROM {reading.table}
                WHERE ({event.when}) AND ({event.time}) IS NOT NULL"""
        ).fetchall()
    return reading, sorted(found)


def referral(con, tmp_path, **row):
    base = {
        "Service": "AUTISM",
        "ReferralDate": "2024-05-01",
        "Reason": "AUTISM",
        "RecordedDate": "2024-05-04",
    }
    return said(con, tmp_path, "csds_referrals", **(base | row))


def test_a_child_who_waits(con, tmp_path):
    assert referral(con, tmp_path)[1] == [REFERRED]


def test_accepted_and_urgent(con, tmp_path):
    _, found = referral(con, tmp_path, TriageDate="2024-06-10", Priority="URGENT", RecordedDate="2024-06-10")
    assert found == [
        ("AUTISM/REFERRAL", "2024-05-01", "AUTISM", "2024-06-10"),
        ("AUTISM/TRIAGE", "2024-06-10", "ACCEPTED", "2024-06-10"),
        ("AUTISM/URGENT", "2024-06-10", None, "2024-06-10"),
    ]


def test_not_accepted(con, tmp_path):
    _, found = referral(con, tmp_path, ReferralRejectionDate="2024-06-10", ReferralClosureDate="2024-06-11")
    assert found == [
        REFERRED,
        ("AUTISM/REMOVAL", "2024-06-10", "not_accepted", "2024-06-10"),
        ("AUTISM/TRIAGE", "2024-06-10", "NOT_ACCEPTED", "2024-06-10"),
    ]


@pytest.mark.parametrize(
    ("code", "reason"), [("MOVED_AWAY", "moved_away"), ("DECLINED", "declined"), ("", "unknown")]
)
def test_closed_without_a_start(con, tmp_path, code, reason):
    _, found = referral(con, tmp_path, ReferralClosureDate="2024-09-01", ReferralClosureReason=code)
    assert found == [REFERRED, ("AUTISM/REMOVAL", "2024-09-01", reason, "2024-09-01")]


def test_a_closure_after_the_start_is_no_removal(con, tmp_path):
    _, found = referral(
        con,
        tmp_path,
        FirstContactDate="2024-08-01",
        ReferralClosureDate="2024-09-01",
        DischargeDate="2024-09-01",
    )
    assert [row[0] for row in found] == ["AUTISM/DISCHARGE", "AUTISM/FIRST_CONTACT", "AUTISM/REFERRAL"]


def test_a_late_row_does_not_make_the_referral_late(con, tmp_path):
    """A row written again when the child was seen says that the referral was known by then, not later."""
    _, found = referral(con, tmp_path, FirstContactDate="2024-08-01", RecordedDate="2024-12-01")
    known = {row[0]: row[3] for row in found}
    assert known == {"AUTISM/REFERRAL": "2024-08-01", "AUTISM/FIRST_CONTACT": "2024-08-01"}


@pytest.mark.parametrize("field", [name for name in NEW if name.endswith("Date")])
def test_what_ends_before_it_began_is_set_aside(con, tmp_path, field):
    reading, found = referral(con, tmp_path, **{field: "2024-04-30"})
    assert (reading.loaded, reading.rejected, found) == (0, 1, [])


@pytest.mark.parametrize("name", ["csds_referrals", "mhsds_referrals"])
def test_files_without_the_new_columns_are_read_as_before(con, tmp_path, name):
    layout = LAYOUTS[name]
    path = write_csv(tmp_path / layout.feed, layout, good_rows(layout))
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = [column for column in rows[0] if column not in NEW]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    reading = read_extract(path, layout, con=con, rejects=tmp_path / "rejects")
    assert (reading.loaded, reading.rejected) == (3, 0)


@pytest.mark.parametrize(
    ("code", "event"),
    [("A", "CONTACT"), ("5", "CONTACT"), ("6", "CONTACT"), ("DNA", "DNA"), ("3", "DNA"), ("7", "DNA"),
     ("C", None), ("2", None), ("4", None)],
)  # fmt: skip
@pytest.mark.parametrize(("layout", "service"), [("csds_contacts", "AUTISM"), ("mhsds_contacts", "CAMHS")])
def test_attendance_codes(con, tmp_path, layout, service, code, event):
    _, found = said(con, tmp_path, layout, Service=service, ContactDate="2024-08-01", Attendance=code)
    assert [row[0] for row in found] == ([] if event is None else [f"{service}/{event}"])


def test_a_form_that_was_asked_for(con, tmp_path):
    row = {"Service": "AUTISM", "Item": "SCHOOL_FORM", "RequestedDate": "2024-05-03"}
    _, found = said(con, tmp_path, "csds_information", **row)
    assert [r[0] for r in found] == ["AUTISM/ASKED/SCHOOL_FORM"]
    _, found = said(con, tmp_path, "csds_information", **row, ReceivedDate="2024-06-20")
    assert found[-1] == ("AUTISM/RECEIVED/SCHOOL_FORM", "2024-06-20", None, "2024-06-20")
    reading, found = said(con, tmp_path, "csds_information", **row, ReceivedDate="2024-05-01")
    assert reading.rejected == 1 and found == []
