"""Assessment days in files: reading and writing, each mistake with its sentence, calendars, the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar
from typer.testing import CliRunner

from evi.cli.app import app, load_verbs
from evi.queues.days.calendars import calendars, write_calendars
from evi.queues.days.folder import read_problem, reject_counts, write_problem
from evi.queues.days.made_up import made_up
from evi.queues.days.planning import plan_days
from evi.queues.days.rota import Rota, Visit, read_rota, weekly, write_rota
from evi.workspace import EviError
from tests.queues.small_days import START, child, person, problem, team

MADE = problem(
    (*(child(f"C{n}", weeks=n + 0.5) for n in range(4)), child("C9", language="urdu", roles=("teacher",))),
    (*team(), person("I1", "interpreter", languages=("urdu", "polish")), person("T1", "teacher")),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_problem(MADE, tmp_path / "plan")
    return tmp_path / "plan"


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_folder_is_read_back_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    assert read_problem(folder) == MADE
    made = made_up(12, 60, 14, seed=3)
    write_problem(made, tmp_path / "made")
    assert read_problem(tmp_path / "made") == made


def test_a_rota_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    rota = plan_days(MADE, rounds=1).rota
    write_rota(rota, MADE, tmp_path)
    assert read_rota(tmp_path) == rota
    (tmp_path / "booked.csv").write_text("child,visit,date,school\nC1,x,2027-03-19,S1\n")
    with pytest.raises(EviError, match="children but no team"):
        read_rota(tmp_path)


def test_a_rota_is_shown_week_by_week() -> None:
    made = replace(MADE, rules=replace(MADE.rules, start=START - timedelta(days=7), weeks=2))
    rota = Rota((Visit(START, "S1", ("C0", "C1"), ("paed0", "psyc0", "spee0")),))
    assert weekly(rota, made) == {
        2: [
            {
                "day": "Mon 15 March",
                "school": "School S1",
                "children": 2,
                "team": "paediatrician paed0, psychologist psyc0, speech and language therapist spee0",
            }
        ]
    }


WHOLE = [
    ("schools.csv", "S1,School S1", "S1,=cmd()", "line 2: title is not up to 100 letters"),
    ("schools.csv", "Mon Tue", "Mon Sun", "line 2: room_days is not one or more of Mon Tue Wed Thu Fri"),
    ("schools.csv", "Thu Fri,t,", "Thu Fri,t,S9", "the partner is not in schools.csv"),
    ("schools.csv", "Thu Fri,t,", "Thu Fri,u,", "these terms are not in terms.csv"),
    ("schools.csv", "400000,400000", "400000,-1", "northing is not metres on the British National Grid"),
    ("people.csv", "paed0,paediatrician", "paed0,plumber", "line 2: the role is not one of paediatrician"),
    ("people.csv", "spee0", "paed0", "line 3: the person is on line 2 already"),
    ("people.csv", "paed0", "../paed0", "line 2: person is not 1 to 40 letters"),
    ("people.csv", "person,role", "name,role", "it lacks person"),
    ("people.csv", "person,role,", "person,role,telephone,", "line 2 has another length"),
    ("terms.csv", "2027-03-01,2027-04-01", "2027-04-01,2027-03-01", "the term ends before it starts"),
    ("terms.csv", "2027-03-01", "1/3/27", "line 2: start is not a date such as 2027-01-04"),
    ("terms.csv", "t,2027", "u v,2027", "line 2: terms is not 1 to 40 letters"),
    ("away.csv", "start,end", "start,end\nperson,z,2027-03-15,2027-03-15", "not in people.csv"),
    ("rules.yaml", "hours: 7", "hours: 70", "hours: 70 is greater than the maximum of 12"),
    ("rules.yaml", "hours: 7", "hour: 7", "Additional properties are not allowed"),
    ("rules.yaml", "start:", "start: [", "this is not YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "says"), WHOLE)
def test_what_every_visit_hangs_on_refuses_the_whole_with_the_line(
    folder: Path, name: str, old: str, new: str, says: str
) -> None:
    edit(folder, name, old, new)
    with pytest.raises(EviError) as caught:
        read_problem(folder)
    assert says in caught.value.what
    assert name in caught.value.where
    assert caught.value.do


def test_columns_that_planning_does_not_need_are_refused(folder: Path) -> None:
    edit(folder, "children.csv", "child,school", "child,date_of_birth")
    edit(folder, "children.csv", "date_of_birth", "school,date_of_birth")
    text = (folder / "children.csv").read_text().splitlines()
    rows = [text[0], *(line.replace(",S1,", ",S1,2015-01-01,", 1) for line in text[1:])]
    (folder / "children.csv").write_text("\n".join(rows))
    with pytest.raises(EviError, match="planning has no use for date_of_birth"):
        read_problem(folder)


ROWS = [
    ("C0,S1,0.5", "C0,S7,0.5", "the school is not in schools.csv"),
    ("C0,S1,0.5", "C0,S1,-3", "weeks_waited is not weeks, 0 to 936 (18 years)"),
    ("C0,S1,0.5", "C0,S1,soon", "weeks_waited is not weeks, 0 to 936 (18 years)"),
    ("C0,S1,0.5", "C0,S1,", "weeks_waited is empty"),
    ("C1,S1,1.5", "C0,S1,1.5", "the child is on line 2 already"),
    ("C0,S1,0.5,routine", "C0,S1,0.5,tomorrow", "need is not one of routine, soon, urgent"),
    ("urdu,teacher", "urdu,plumber", "a role is not one of "),
    ("urdu,teacher", "urdu,interpreter", "say the language instead of the role interpreter"),
    ("C0,S1", "C'); DROP TABLE--,S1", "child is not 1 to 40 letters"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "why"), ROWS)
def test_a_wrong_child_is_left_out_with_its_line_and_the_rest_is_kept(
    folder: Path, old: str, new: str, why: str
) -> None:
    edit(folder, "children.csv", old, new)
    read = read_problem(folder)
    assert len(read.children) == len(MADE.children) - 1
    ((line, said),) = read.rejects
    assert said.startswith(why)
    assert 2 <= line <= 6
    assert reject_counts(read) == {said: 1}


@pytest.mark.parametrize(
    ("bytes_", "says"),
    [
        (b"child,school\n\xff\xfe", "not UTF-8"),
        (b"", "is empty"),
        (b'child,school\n"C1,S1\n', "not a table"),
        (b"child,child\n", "there twice"),
    ],
)
def test_broken_files_are_named(folder: Path, bytes_: bytes, says: str) -> None:
    (folder / "children.csv").write_bytes(bytes_)
    with pytest.raises(EviError, match=says):
        read_problem(folder)
    (folder / "children.csv").unlink()
    with pytest.raises(EviError, match="missing"):
        read_problem(folder)


def test_calendars_hold_the_day_and_no_child(tmp_path: Path) -> None:
    rota = plan_days(MADE, rounds=1).rota
    made = datetime(2027, 3, 1, 9, tzinfo=UTC)
    assert write_calendars(rota, MADE, tmp_path, made=made) == len({p for v in rota.visits for p in v.team})
    for path in (tmp_path / "calendars").iterdir():
        text = path.read_bytes()
        assert not any(one.child.encode() in text for one in MADE.children)
        events = Calendar.from_ical(text).walk("VEVENT")
        mine = [visit for visit in rota.visits if path.stem in visit.team]
        assert len(events) == len(mine)
        for event, visit in zip(events, mine, strict=True):
            assert event["DTSTART"].dt.isoformat() == f"{visit.day}T09:00:00{_offset(visit.day)}"
            assert (event["DTEND"].dt - event["DTSTART"].dt).total_seconds() == 7 * 3600
            assert str(event["LOCATION"]) == "School S1"
            assert f"{len(visit.children)} children" in str(event["DESCRIPTION"])
            assert event["STATUS"] == "CONFIRMED"


def _offset(day: date) -> str:
    return "+01:00" if day >= date(2027, 3, 28) else "+00:00"


def test_a_visit_that_is_no_more_is_cancelled_in_the_calendar_and_the_rest_keep_their_id() -> None:
    first = Visit(START, "S1", ("C0", "C1"), ("paed0", "psyc0", "spee0"))
    second = replace(first, day=date(2027, 3, 16), children=("C2", "C3"))
    moved = replace(second, day=date(2027, 3, 17))
    made = datetime(2027, 3, 1, tzinfo=UTC)
    old = calendars(Rota((first, second)), MADE, made=made)["paed0"].walk("VEVENT")
    new = calendars(Rota((first, moved)), MADE, before=Rota((first, second)), made=made)["paed0"].walk(
        "VEVENT"
    )
    states = {str(event["UID"]): str(event["STATUS"]) for event in new}
    assert states == {
        "S1-2027-03-15-paed0@evi": "CONFIRMED",
        "S1-2027-03-17-paed0@evi": "CONFIRMED",
        "S1-2027-03-16-paed0@evi": "CANCELLED",
    }
    assert {str(event["UID"]) for event in old} < states.keys()


def evi(*words: str) -> tuple[int, str]:
    load_verbs("queue")
    done = CliRunner().invoke(app, ["queue", *words])
    return done.exit_code, done.output


def test_the_commands_plan_write_and_put_right(folder: Path, tmp_path: Path) -> None:
    edit(folder, "children.csv", "C0,S1", "C0,S8")
    out = tmp_path / "rota"
    code, said = evi("days", str(folder), "--rounds", "1", "--out", str(out), "--json")
    assert code == 0
    document = json.loads(said[said.index("{") :])
    assert document["children"] == 4
    assert document["seen"] + len(document["unplaced"]) == 4
    assert document["break_even_children"] == 1.826
    assert document["left_out"] == {"the school is not in schools.csv": 1}
    assert (out / "left_out.csv").read_text().splitlines()[1:] == ["2,the school is not in schools.csv"]
    assert {path.name for path in out.iterdir()} == {
        "visits.csv", "rota.csv", "booked.csv", "unplaced.csv", "left_out.csv", "calendars", "problem",
    }  # fmt: skip
    first = str(document["visit_list"][0]["date"])
    again = ("replan", str(out), "--absent", "paed0", "--from", first, "--to", first)
    code, said = evi(*again, "--json")
    assert code == 0
    assert json.loads(said[said.index("{") :])["changes"]["visits_hit"] == 1
    assert evi(*again, "--out", str(out))[0] == 0
    assert first not in (out / "rota.csv").read_text()
    assert "CANCELLED" in (out / "calendars" / "paed0.ics").read_text()
    assert evi(*again)[1].count("visits hit") == 1  # the folder is a rota still, with the absence in it


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name the plan's folder, or --made-up"),
        (("--made-up", "a,b"), "these are not three numbers"),
        (("--made-up", "10,5,20"), "cannot be made up"),
        (("--made-up", "5,20,10", "--weeks", "70"), "1 to 53 weeks"),
        (("/no/such/folder",), "no such folder"),
    ],
)
def test_mistakes_on_the_command_line_get_a_sentence(words: tuple[str, ...], says: str) -> None:
    code, said = evi("days", *words, "--json")
    assert code == 2
    assert says in json.loads(said)["error"]


def test_nothing_else_is_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    code, said = evi("days", str(folder), "--rounds", "1", "--out", str(tmp_path / "mine"), "--json")
    assert code == 2
    assert "something else than a rota" in said
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
