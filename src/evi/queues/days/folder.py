"""A plan's folder: rules.yaml and five tables, read with every mistake in a sentence, and written back.

schools.csv, terms.csv, children.csv and people.csv must be there; away.csv may be. What each column may hold
is in `problem.schema.json`. A mistake in the rules, schools, terms, people or absences refuses the whole,
since every visit hangs on them. A wrong row of children is left out, counted, and named by its line.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from evi.queues.days.problem import INTERPRETER, Away, Child, Person, Problem, Rules, School, Term, check
from evi.workspace import EviError, replace_file

Row = TypeVar("Row", School, Term, Child, Person, Away)
Mistake = tuple[int, str]
"""Line in the file, and what is wrong with it. Never a value from a person's record."""
SHOWN = 5


def default_rules(**different: Any) -> Rules:
    """The rules that hold where a plan says nothing else, with some of them replaced."""
    return replace(_rules({}, "rules.yaml"), **different)


def read_problem(folder: Path) -> Problem:
    """Read a folder.

    Raises:
        EviError: a file is missing or broken, an id is there twice, something refers to what isn't there, or
            no plan can be made at all.
    """
    if not folder.is_dir():
        raise EviError(
            "there is no such folder.", where=str(folder), do="Name the plan's folder.", exit_code=2
        )
    rules = _rules(_yaml(folder / "rules.yaml"), str(folder / "rules.yaml"))
    schools, wrong_schools = _read(folder / "schools.csv", "schools", School)
    terms, wrong_terms = _read(folder / "terms.csv", "terms", Term)
    people, wrong_people = _read(folder / "people.csv", "people", Person)
    away, wrong_away = _read(folder / "away.csv", "away", Away, optional=True)
    known = {school.school for _line, school in schools}
    calendars = {term.terms for _line, term in terms}
    wrong_schools += [
        *_twice(schools, "school"),
        *_each(schools, lambda s: s.terms not in calendars, "these terms are not in terms.csv"),
        *_each(schools, lambda s: s.partner not in {"", *known}, "the partner is not in schools.csv"),
        *_each(schools, lambda s: s.partner == s.school, "a school cannot be its own partner"),
    ]
    wrong_terms += _each(terms, lambda t: t.end < t.start, "the term ends before it starts")
    wrong_people += [
        *_twice(people, "person"),
        *_each(
            people, lambda p: p.role not in rules.roles, f"the role is not one of {', '.join(rules.roles)}"
        ),
    ]
    staff = {person.person for _line, person in people}
    wrong_away += [
        *_each(away, lambda a: a.end < a.start, "it ends before it starts"),
        *_each(away, lambda a: a.kind == "school" and a.id not in known, "the school is not in schools.csv"),
        *_each(away, lambda a: a.kind == "person" and a.id not in staff, "the person is not in people.csv"),
    ]
    for name, wrong in (
        ("terms.csv", wrong_terms), ("schools.csv", wrong_schools),
        ("people.csv", wrong_people), ("away.csv", wrong_away),
    ):  # fmt: skip
        _refuse(folder / name, wrong)
    children, rejects = _children(folder / "children.csv", rules, known)
    rows = (_plain(schools), _plain(terms), children, _plain(people), _plain(away))
    problem = Problem(rules, *rows, tuple(rejects))
    check(problem)
    return problem


def write_problem(problem: Problem, folder: Path) -> None:
    """Write a folder that `read_problem` reads back as the same problem."""
    folder.mkdir(parents=True, exist_ok=True)
    rules = {name: _listed(value) for name, value in asdict(problem.rules).items()}
    with replace_file(folder / "rules.yaml") as scratch:
        scratch.write_text(yaml.safe_dump(rules, sort_keys=False), encoding="utf-8")
    for name, kind in (
        ("schools", School), ("terms", Term), ("children", Child), ("people", Person), ("away", Away),
    ):  # fmt: skip
        columns = [column.name for column in fields(kind)]
        rows = [{c: _text(getattr(row, c)) for c in columns} for row in getattr(problem, name)]
        write_rows(folder / f"{name}.csv", columns, rows)


def write_rows(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Write a table with a header, whole or not at all."""
    with replace_file(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a table: its columns and its rows, all as text with no space around it.

    Raises:
        EviError: the file is missing, empty, not UTF-8, or has rows longer or shorter than its header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise EviError(
            "the file is missing.", where=str(path), do="Add it; see docs/queues-days.md."
        ) from error
    except UnicodeDecodeError as error:
        raise EviError("the file is not UTF-8.", where=str(path), do="Save it as CSV UTF-8.") from error
    try:
        lines = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise EviError(
            "the file is not a table.", where=str(path), do="Look for a quote mark that is never closed."
        ) from error
    if not lines:
        raise EviError("the file is empty.", where=str(path), do="Give it a line of column names.")
    columns = [name.strip() for name in lines[0]]
    odd = next((n for n, row in enumerate(lines[1:], 2) if len(row) != len(columns)), None)
    if odd is not None or len(set(columns)) < len(columns):
        what = "a column's name is there twice" if odd is None else f"line {odd} has another length"
        raise EviError(
            f"{what}.", where=str(path), do=f"Give every line {len(columns)} values, one for each column."
        )
    return columns, [dict(zip(columns, (cell.strip() for cell in row), strict=True)) for row in lines[1:]]


@cache
def _schema() -> dict[str, Any]:
    text = resources.files("evi.queues.days").joinpath("problem.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    whole = _schema()
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def _yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EviError("this is not YAML.", where=str(path), do="Mend it, or take it out.") from error
    if not isinstance(given, dict):
        raise EviError(
            "the rules are not names with values.", where=str(path), do="Write them as name: value."
        )
    return given


def _rules(given: Mapping[str, Any], where: str) -> Rules:
    text = resources.files("evi.queues.days").joinpath("rules.yaml").read_text(encoding="utf-8")
    merged = {**yaml.safe_load(text), **given}
    merged["start"] = str(merged["start"])
    wrong = best_match(_validator("rules").iter_errors(merged))
    if wrong is not None:
        raise EviError(
            f"{'/'.join(map(str, wrong.absolute_path)) or 'a rule'}: {wrong.message}.",
            where=where,
            do="Put it right; evi/queues/days/rules.yaml shows every rule.",
        )
    core = tuple(tuple(choice) for choice in merged.pop("core"))
    start = date.fromisoformat(merged.pop("start"))
    return Rules(**merged | {"core": core, "start": start, "extra": tuple(merged["extra"])})


def _read(
    path: Path, name: str, make: Callable[..., Row], *, optional: bool = False
) -> tuple[list[tuple[int, Row]], list[Mistake]]:
    """Rows with their line, and what is wrong with those that are left out."""
    if optional and not path.is_file():
        return [], []
    columns, rows = read_rows(path)
    shape = _schema()["$defs"][name]
    missing = [column for column in shape["required"] if column not in columns]
    unknown = [column for column in columns if column not in shape["properties"]]
    if missing or unknown:
        raise EviError(
            f"it lacks {', '.join(missing)}."
            if missing
            else f"planning has no use for {', '.join(unknown)}.",
            where=str(path),
            do="Add the column." if missing else "Take the column out: a plan holds no more than it needs.",
        )
    good: list[tuple[int, Row]] = []
    wrong: list[Mistake] = []
    for line, row in enumerate(rows, 2):
        typed = {key: _typed(value, shape["properties"][key]) for key, value in row.items() if value}
        error = best_match(_validator(name).iter_errors(typed))
        if error is None:
            good.append(
                (line, make(**{key: _made(value, shape["properties"][key]) for key, value in typed.items()}))
            )
        else:
            wrong.append((line, _said(error, shape, typed)))
    return good, wrong


def _children(path: Path, rules: Rules, schools: set[str]) -> tuple[tuple[Child, ...], list[Mistake]]:
    rows, wrong = _read(path, "children", Child)
    beyond = {*rules.roles} - {INTERPRETER}
    needs, roles = ", ".join(rules.need_weeks), ", ".join(sorted(beyond))
    wrong += [
        *_twice(rows, "child"),
        *_each(rows, lambda c: c.school not in schools, "the school is not in schools.csv"),
        *_each(rows, lambda c: c.need not in rules.need_weeks, f"need is not one of {needs}"),
        *_each(rows, lambda c: INTERPRETER in c.roles, "say the language instead of the role interpreter"),
        *_each(rows, lambda c: not {INTERPRETER, *beyond} >= {*c.roles}, f"a role is not one of {roles}"),
    ]  # fmt: skip
    out = {line for line, _why in wrong}
    return tuple(child for line, child in rows if line not in out), sorted(wrong)


def _resolved(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    ref = str(shape.get("$ref", ""))
    return _schema()["$defs"][ref.rsplit("/", 1)[1]] if ref else shape


def _typed(text: str, shape: Mapping[str, Any]) -> Any:
    kind = _resolved(shape).get("type")
    if kind == "array":
        return text.split()
    if kind in ("number", "integer"):
        try:
            number = float(text)
        except ValueError:
            return text
        return int(number) if kind == "integer" and number.is_integer() else number
    return text


def _made(value: Any, shape: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return date.fromisoformat(value) if _resolved(shape).get("format") == "date" else value


def _said(error: jsonschema.ValidationError, shape: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    if not error.absolute_path:
        empty = [name for name in shape["required"] if name not in row]
        return f"{', '.join(empty)} is empty"
    column = str(error.absolute_path[0])
    known = _resolved(shape["properties"][column])
    described = shape["properties"][column].get("description") or known.get(
        "description", "as the schema says"
    )
    return f"{column} is not {described}"


def _twice(rows: list[tuple[int, Row]], column: str) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for line, row in rows:
        known = first.setdefault(getattr(row, column), line)
        if known != line:
            yield line, f"the {column} is on line {known} already"


def _each(rows: list[tuple[int, Row]], bad: Callable[[Row], bool], why: str) -> list[Mistake]:
    return [(line, why) for line, row in rows if bad(row)]


def _refuse(path: Path, wrong: list[Mistake]) -> None:
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        said = "; ".join(f"line {line}: {why}" for line, why in sorted(wrong)[:SHOWN])
        raise EviError(f"{said}{more}.", where=str(path), do="Put these lines right and plan again.")


def reject_counts(problem: Problem) -> dict[str, int]:
    """How many rows of children were left out, by reason."""
    return dict(Counter(why for _line, why in problem.rejects))


def _plain(rows: list[tuple[int, Row]]) -> tuple[Row, ...]:
    return tuple(row for _line, row in rows)


def _listed(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e5 else f"{value:.0f}"
    return str(value)
