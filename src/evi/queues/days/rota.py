"""A rota: which team visits which school on which day, whom it sees, and who has no visit yet and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from evi.queues.days.folder import read_rows, write_rows
from evi.queues.days.problem import WEEKDAYS, Problem
from evi.workspace import EviError

VISITS, ROTA, BOOKED, UNPLACED = "visits.csv", "rota.csv", "booked.csv", "unplaced.csv"


@dataclass(frozen=True, order=True)
class Visit:
    """A team's day at a school.

    Attributes:
        day, school: when and where; no school has two visits on a day.
        children: pseudonyms of those whom it sees, sorted.
        team: ids of the people who go, sorted.
    """

    day: date
    school: str
    children: tuple[str, ...]
    team: tuple[str, ...]

    @property
    def visit(self) -> str:
        """Its id, such as `S014-2027-01-19`."""
        return f"{self.school}-{self.day}"


@dataclass(frozen=True)
class Unplaced:
    """A child without a visit.

    Attributes:
        why: a word for counting: `no_interpreter`, `nobody_with_role`, `room_shut`, `too_few_children`,
            `nobody_free` or `left_over`.
        says: the same in a sentence; do: what would change it.
    """

    child: str
    school: str
    why: str
    says: str
    do: str


@dataclass(frozen=True)
class Rota:
    """Visits by day and school, and children without one by priority."""

    visits: tuple[Visit, ...]
    unplaced: tuple[Unplaced, ...] = ()

    @property
    def seen(self) -> int:
        """Children with a visit."""
        return sum(len(visit.children) for visit in self.visits)

    @property
    def visit_of(self) -> dict[str, Visit]:
        """Each booked child's visit."""
        return {child: visit for visit in self.visits for child in visit.children}


def kilometres(rota: Rota, problem: Problem) -> float:
    """By road, one way, of everyone on every visit."""
    return sum(_travel(visit, problem) for visit in rota.visits)


def visit_rows(rota: Rota, problem: Problem) -> list[dict[str, Any]]:
    """One row a visit, with its clinician hours a child beside those of the clinic."""
    rows = []
    for visit in rota.visits:
        hours = len(problem.rules.core) * problem.rules.hours / len(visit.children)
        rows.append(
            {
                "visit": visit.visit,
                "week": (visit.day - problem.rules.start).days // 7 + 1,
                "date": visit.day,
                "weekday": WEEKDAYS[visit.day.weekday()],
                "school": visit.school,
                "title": problem.school_of[visit.school].title,
                "children": len(visit.children),
                "people": len(visit.team),
                "core_hours_a_child": round(hours, 2),
                "clinic_hours_a_child": problem.rules.clinic_hours_a_child,
                "km_one_way": round(_travel(visit, problem), 1),
            }
        )
    return rows


def weekly(rota: Rota, problem: Problem) -> dict[int, list[dict[str, str | int]]]:
    """A table for each week with a visit, to print or draw: day, school, number of children, and the team.

    Returns:
        Rows by week (1 is the first): `day` such as Tue 5 January, `school`, `children`, and `team`, each as
        role and id.
    """
    tables: dict[int, list[dict[str, str | int]]] = {}
    for visit in rota.visits:
        people = sorted((problem.person_of[person].role.replace("_", " "), person) for person in visit.team)
        tables.setdefault((visit.day - problem.rules.start).days // 7 + 1, []).append(
            {
                "day": f"{visit.day:%a} {visit.day.day} {visit.day:%B}",
                "school": problem.school_of[visit.school].title,
                "children": len(visit.children),
                "team": ", ".join(f"{role} {person}" for role, person in people),
            }
        )
    return tables


def team_rows(rota: Rota, problem: Problem) -> list[dict[str, Any]]:
    """One row for each person on each visit."""
    return [
        {
            "visit": visit.visit,
            "date": visit.day,
            "school": visit.school,
            "person": person,
            "role": problem.person_of[person].role,
        }
        for visit in rota.visits
        for person in visit.team
    ]


def booked_rows(rota: Rota) -> list[dict[str, Any]]:
    """One row for each child with a visit."""
    return [
        {"child": child, "visit": visit.visit, "date": visit.day, "school": visit.school}
        for visit in rota.visits
        for child in visit.children
    ]


def unplaced_rows(rota: Rota, problem: Problem) -> list[dict[str, Any]]:
    """One row for each child without a visit."""
    return [
        {
            "child": one.child,
            "school": one.school,
            "priority_weeks": round(problem.points(problem.child_of[one.child]), 1),
            "why": one.why,
            "says": one.says,
            "do": one.do,
        }
        for one in rota.unplaced
    ]


def write_rota(rota: Rota, problem: Problem, folder: Path) -> None:
    """Write visits.csv, rota.csv, booked.csv and unplaced.csv."""
    tables: Mapping[str, tuple[Sequence[str], list[dict[str, Any]]]] = {
        VISITS: (
            ("visit", "week", "date", "weekday", "school", "title", "children", "people",
             "core_hours_a_child", "clinic_hours_a_child", "km_one_way"),
            visit_rows(rota, problem),
        ),
        ROTA: (("visit", "date", "school", "person", "role"), team_rows(rota, problem)),
        BOOKED: (("child", "visit", "date", "school"), booked_rows(rota)),
        UNPLACED: (("child", "school", "priority_weeks", "why", "says", "do"), unplaced_rows(rota, problem)),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, (columns, rows) in tables.items():
        write_rows(folder / name, list(columns), rows)


def read_rota(folder: Path) -> Rota:
    """Read what `write_rota` wrote.

    Raises:
        EviError: a table is missing, or holds no date where one must be.
    """
    children: dict[tuple[date, str], list[str]] = {}
    team: dict[tuple[date, str], list[str]] = {}
    for name, column, into in ((BOOKED, "child", children), (ROTA, "person", team)):
        columns, rows = read_rows(folder / name)
        if missing := {column, "date", "school"} - set(columns):
            raise EviError(
                f"it lacks {', '.join(sorted(missing))}.", where=str(folder / name), do="Plan the days again."
            )
        for line, row in enumerate(rows, 2):
            into.setdefault((_day(row["date"], folder / name, line), row["school"]), []).append(row[column])
    _columns, left = read_rows(folder / UNPLACED)
    visits = [
        Visit(day, school, tuple(sorted(children.get((day, school), ()))), tuple(sorted(people)))
        for (day, school), people in team.items()
    ]
    if odd := children.keys() - team.keys():
        raise EviError(
            f"{len(odd)} visits have children but no team.", where=str(folder), do="Plan the days again."
        )
    unplaced = (Unplaced(*(row[name] for name in ("child", "school", "why", "says", "do"))) for row in left)
    return Rota(tuple(sorted(visits)), tuple(unplaced))


def _day(text: str, path: Path, line: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise EviError(f"line {line} has no date.", where=str(path), do="Write it as 2027-01-19.") from error


def _travel(visit: Visit, problem: Problem) -> float:
    school = problem.school_of[visit.school]
    return sum(problem.kilometres(problem.person_of[person], school) for person in visit.team)
