"""The SQL that types one row's texts and says what is wrong with them, for all rows at once.

One SELECT does it, in three named steps: `texts` (trimmed, empty is null), `typed`, and the result: typed
columns, `problems` (null for a good row, else one entry a fault) and `flags` (a bit a note or refusal). Until
its shape is told, an entry holds the faulty text in hexadecimal; it stays within the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from evi.feeds.identifiers import digits_of, invalid_identifier
from evi.feeds.layout import Field, Layout
from evi.workspace import quote

LONGEST = 1_000
"""Most characters that a value may have (postal addresses included); longer text is rejected, not cut."""

FIRST_YEAR, LAST_YEAR = 1890, 2100
"""Years outside these are slips of the keyboard or two-digit years."""

BETWEEN_PARTS, BETWEEN_PROBLEMS = "\x1f", "\x1e"

_TRUE = "('1', '1.0', 'Y', 'YES', 'T', 'TRUE')"
_FALSE = "('0', '0.0', 'N', 'NO', 'F', 'FALSE')"
_LIKE_A_DATE = "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}.*"
_WANTED = {
    "date": "not a date",
    "integer": "not a whole number",
    "number": "not a number",
    "boolean": "not yes or no",
}


@dataclass(frozen=True)
class Validation:
    """The SQL for one delivery.

    Attributes:
        select: SELECT over a relation `source` (text columns named after the fields).
        flags: what each bit of `flags` says, in order: (kind, index or field name), kind `identifier`, `note`
            or `refuse`.
    """

    select: str
    flags: tuple[tuple[str, str], ...]


def validate(
    layout: Layout, present: Mapping[str, str], *, start: date | None, end: date | None, source: str
) -> Validation:
    """Write the validating SELECT.

    Args:
        layout: what the file should hold.
        present: from field to the column of `source` that holds it; a field left out is null in every row.
        start: first day of the period, if it is known beforehand.
        end: last day of the period; without it no date can be called future.
        source: the relation with the texts.
    """
    texts, typed, problems, flags, kinds = [], [], [], [], []
    for index, field in enumerate(layout.fields):
        text = f"evi_t{index}"
        column = present.get(field.name)
        texts.append(
            f"nullif(trim({_name(column)}), '') AS {text}" if column else f"CAST(NULL AS VARCHAR) AS {text}"
        )
        typed.append(f"{_typed(field, text)} AS {_name(field.name)}")
        problems.append(_problem(field, text, end))
        digits = digits_of(field, text)
        if digits:
            typed.append(f"{digits} AS evi_n{index}")
        wrong = invalid_identifier(field, text, f"evi_n{index}")
        if wrong and column:
            flags.append(wrong)
            kinds.append(("identifier", field.name))
    names = [field.name for field in layout.fields]
    for number, rule in enumerate(layout.rules):
        if rule.action == "note":
            flags.append(rule.when)
            kinds.append(("note", str(number)))
        else:
            entry = _entry(rule.field, rule.name, f"evi_t{names.index(rule.field)}")
            problems.append(f"CASE WHEN {rule.when} THEN {entry} END")
    for number, refusal in enumerate(layout.refusals):
        flags.append(refusal.when)
        kinds.append(("refuse", str(number)))
    bits = " + ".join(f"CASE WHEN {flag} THEN {1 << bit} ELSE 0 END" for bit, flag in enumerate(flags)) or "0"
    held = ", ".join(_name(name) for name in names)
    select = f"""
        WITH texts AS (SELECT {", ".join(texts)} FROM {source}),
        typed AS (SELECT *, {", ".join(typed)}, {_date(start)} AS period_start,
                         {_date(end)} AS period_end FROM texts)
        SELECT {held}, CAST({bits} AS BIGINT) AS flags,
               nullif(concat_ws({quote(BETWEEN_PROBLEMS)}, {", ".join(problems)}), '') AS problems
        FROM typed"""
    return Validation(select, tuple(kinds))


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _date(day: date | None) -> str:
    return f"DATE '{day}'" if day else "CAST(NULL AS DATE)"


def _typed(field: Field, text: str) -> str:
    """SQL of the value, null where the text can't be read as one."""
    if field.sql_type == "DATE":
        return _dated(field, text)
    if field.type == "integer":
        number = _number(text)
        whole = f"{_finite(text)} AND {number} = floor({number})"
        return f"CASE WHEN {whole} THEN TRY_CAST({number} AS BIGINT) END"
    if field.type == "number":
        return f"CASE WHEN {_finite(text)} THEN {_number(text)} END"
    if field.type == "boolean":
        return f"CASE WHEN upper({text}) IN {_TRUE} THEN TRUE WHEN upper({text}) IN {_FALSE} THEN FALSE END"
    return text


def _number(text: str) -> str:
    return f"TRY_CAST({text} AS DOUBLE)"


def _finite(text: str) -> str:
    return f"isfinite({_number(text)})"


def _dated(field: Field, text: str) -> str:
    if not field.formats or field.formats == ("%Y-%m-%d",):
        day = (
            f"CASE WHEN length({text}) = 10 THEN TRY_CAST({text} AS DATE) "
            f"WHEN length({text}) > 10 THEN CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE) END"
        )
    else:
        formats = ", ".join(quote(each) for each in field.formats)
        day = f"CAST(try_strptime({text}, [{formats}]) AS DATE)"
    return day


def _problem(field: Field, text: str, end: date | None) -> str:
    """SQL of the first thing wrong with the field: an entry, or null."""
    value = _name(field.name)
    cases: list[tuple[str, str, str]] = []
    if field.required:
        cases.append((f"{text} IS NULL", "missing", "=empty"))
    if field.sql_type == "DATE":
        cases.append((f"{text} IS NOT NULL AND {value} IS NULL", _WANTED["date"], text))
        span = f"year({value}) NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR}"
        cases.append((span, "not a date of our time", "=date"))
        if field.not_future and end:
            cases.append((f"{value} > DATE '{end}'", "after the end of the period", "=date in the future"))
    elif field.type in _WANTED:
        cases.append((f"{text} IS NOT NULL AND {value} IS NULL", _WANTED[field.type], text))
    elif field.type == "code":
        codes = ", ".join(quote(code) for code in field.codes)
        cases.append((f"{text} NOT IN ({codes})", "not in the code list", text))
    elif field.type == "pattern":
        form = f"NOT regexp_full_match({text}, {quote(field.pattern)})"
        cases.append((form, "not of the right form", text))
    else:
        cases.append((f"length({text}) > {LONGEST}", "too long", "=text of over 100 characters"))
        cases.append((f"contains({text}, chr(0))", "holds a NUL character", text))
        if field.kind != "address":
            cases.append((f"contains({text}, chr(10))", "holds a line break", text))
    if field.minimum is not None:
        cases.append((f"{value} < {field.minimum}", "out of range", "=number"))
    if field.maximum is not None:
        cases.append((f"{value} > {field.maximum}", "out of range", "=number"))
    whens = " ".join(f"WHEN {when} THEN {_entry(field.name, why, shape)}" for when, why, shape in cases)
    return f"CASE {whens} END"


def _entry(name: str, reason: str, shape: str) -> str:
    """SQL of an entry. `shape` is said outright after `=`, or is the column whose text has the shape."""
    start = name + BETWEEN_PARTS + reason + BETWEEN_PARTS
    if shape.startswith("="):
        return quote(start + shape)
    return f"{quote(start)} || coalesce(hex({shape}), '=empty')"


def value_class(part: str) -> str:
    """SQL that turns the last part of an entry into the shape of the value; the value itself ends here."""
    text = f"decode(unhex({part}))"
    return (
        f"CASE WHEN starts_with({part}, '=') THEN {part}[2:] "
        f"WHEN regexp_full_match({text}, '[0-9]+') THEN 'digits' "
        f"WHEN {_number(text)} IS NOT NULL THEN 'number' "
        f"WHEN regexp_full_match({text}, '{_LIKE_A_DATE}') THEN 'like a date' "
        f"WHEN length({text}) > 100 THEN 'text of over 100 characters' "
        f"ELSE 'text of ' || length({text}) || ' characters' END"
    )
