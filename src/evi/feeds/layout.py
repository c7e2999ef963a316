"""Layouts as frozen data: what one table of an agency holds, whom it is about and which events it yields.

A *feed* is a delivering system; a *layout* is one table that it delivers. Each is one YAML file, read by
`evi.feeds.load_layouts`. SQL in a layout is DuckDB's. It may name the fields that leave the agency (no
identifier, no free text) and three dates of the row: `known_at`, `period_start` and `period_end`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FieldType = Literal[
    "identifier", "reference", "code", "integer", "number", "boolean", "date", "pattern", "free_text"
]

ROW_DATES = ("known_at", "period_start", "period_end")
"""Dates that every row has beside its own fields, and that SQL in a layout may name."""

_SQL_TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Field:
    """One column (or XML element) of a layout.

    Attributes:
        name: its name in the file, and in every table that eVI makes of it.
        type: how it is read; `identifier` and `free_text` never leave the agency in the clear.
        kind: which identifier it is (`upn`, `surname`, ...); empty for other types.
        required: a row without a value is rejected.
        optional: the whole column may be left out, and is then all null.
        formats: strptime formats of a date; empty means year-month-day.
        codes: the codes that may be written, each with its meaning.
        common: for codes whose meaning differs by sender, the common value of each (null: says nothing).
        pattern: RE2 expression that the whole value must match.
        minimum, maximum: least and greatest number.
        not_future: a date after the end of the delivery's period is rejected.
        path: where it is in XML, relative to the row's element.
        repeats: in XML, the row is repeated for each element at `path`.
    """

    name: str
    type: FieldType
    kind: str = ""
    title: str = ""
    required: bool = False
    optional: bool = False
    formats: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    common: Mapping[str, str | None] = field(default_factory=dict)
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    not_future: bool = False
    path: str = ""
    repeats: bool = False

    @property
    def leaves_agency(self) -> bool:
        """Whether the value may stand in the encoded payload (a reference does so as a keyed code)."""
        return self.type not in {"identifier", "free_text"}

    @property
    def sql_type(self) -> str:
        """DuckDB type of the column in a `Reading`'s table."""
        if self.kind == "date_of_birth":
            return "DATE"
        return _SQL_TYPES.get(self.type, "VARCHAR")


@dataclass(frozen=True)
class PersonMap:
    """One person whom a row is about.

    Attributes:
        role: `child`, `mother`, `person`, `tenant`, ...
        local_id: field that holds the agency's own id of the person.
        identifies: from what is known of the person (`upn`, `surname`, `sex`, ...) to the field that holds
            it; empty where the layout has the local id alone.
        address_from: field with the day from which the address held; empty if not told.
        observed: field with the day on which identity and address were seen; empty means the period's end.
    """

    role: str
    local_id: str
    identifies: Mapping[str, str]
    address_from: str = ""
    observed: str = ""


@dataclass(frozen=True)
class EventMap:
    """One event that a row may yield. Every attribute but `code`, `place` and `person` is an SQL expression.

    An absent part has an expression that stands for it, so that each can be put into a SELECT as it is. A row
    yields the event if `when` is true and `time` is not null.

    Attributes:
        code: the event's code; `{Field}` stands for the upper-cased value of that field (see `code_sql`).
        time: DATE on which it happened or began.
        when: BOOLEAN; TRUE if absent.
        end_time: DATE on which a state ended; null if absent.
        value: number; null if absent.
        text: code-like text; null if absent.
        place: `home` for the row's own UPRN, an SQL string such as `'school:' || URN`, or NULL (see
            `place_sql`).
        person: role of the person whom it is about; empty if the layout is about an address alone.
        known_at: DATE when the hub could first have known; the row's own `known_at` if absent.
    """

    code: str
    time: str
    when: str = "TRUE"
    end_time: str = "CAST(NULL AS DATE)"
    value: str = "CAST(NULL AS DOUBLE)"
    text: str = "CAST(NULL AS VARCHAR)"
    place: str = "NULL"
    person: str = ""
    known_at: str = "known_at"

    @property
    def code_fields(self) -> tuple[str, ...]:
        """Fields whose values stand in the code."""
        return tuple(_PLACEHOLDER.findall(self.code))

    @property
    def code_sql(self) -> str:
        """SQL expression of the code; null if a field in it is null.

        >>> EventMap(code="CSC/NEED/{CIN}", time="DECOM").code_sql
        "'CSC/NEED/' || upper(CIN)"
        """
        parts = re.split(r"(\{\w+\})", self.code)
        return " || ".join(f"upper({p[1:-1]})" if p.startswith("{") else f"'{p}'" for p in parts if p)

    @property
    def place_sql(self) -> str:
        """SQL expression of the place; `home` is the encoded payload's column of that name."""
        return "'home:' || home" if self.place == "home" else f"CAST({self.place} AS VARCHAR)"


@dataclass(frozen=True)
class Relation:
    """Two persons of a row who are related: `other` is the `type` (mother) of `subject`; both are roles."""

    type: str
    subject: str
    other: str


@dataclass(frozen=True)
class Coverage:
    """When the feed can speak for a person, so that "no" and "not known" are told apart.

    Attributes:
        kind: `person` (from `start` to `end` for the person of the row) or `population` (for everybody of
            these `ages`, for the delivery's period and `refresh_days` after it).
        person: role, for kind `person`.
        start, end: SQL dates, end exclusive, for kind `person`.
        refresh_days: how long a delivery's silence still means "no", for kind `population`.
        ages: completed years, from and below; None means all.
    """

    kind: Literal["person", "population"]
    person: str = ""
    start: str = ""
    end: str = ""
    refresh_days: int = 0
    ages: tuple[int, int] | None = None


@dataclass(frozen=True)
class Period:
    """SQL dates (both inclusive) over the named groups of the file name, or the head of an XML file."""

    start: str
    end: str


@dataclass(frozen=True)
class XmlShape:
    """Where rows are in an XML file: `root` and `header` map paths, `row` is the element of one row."""

    root: Mapping[str, str]
    row: str
    header: Mapping[str, str] = field(default_factory=dict)
    empty: str = ""


@dataclass(frozen=True)
class Rule:
    """A condition over the fields of one row. `reject` sets the row aside; `note` only counts it.

    Rules are checked at the agency, before encoding, so they may name identifiers (born after ...).
    """

    name: str
    when: str
    field: str
    action: Literal["reject", "note"]


@dataclass(frozen=True)
class Refusal:
    """A condition on which the whole file is refused: any row, or more than `share` of the rows."""

    when: str
    what: str
    do: str
    share: float = 0.0


@dataclass(frozen=True)
class Layout:
    """One table that an agency delivers.

    `home` is the field with the UPRN of the row's place, or empty. `example` is a file name of the form that
    `filename` (a regular expression) recognises. `together` names the layouts that should come with this one
    for each period.
    """

    name: str
    feed: str
    title: str
    version: str
    source: str
    zone_owner: str
    format: Literal["csv", "xml"]
    row_key: tuple[str, ...]
    record_id: tuple[str, ...]
    persons: tuple[PersonMap, ...]
    fields: tuple[Field, ...]
    filename: str = ""
    example: str = ""
    xml: XmlShape | None = None
    period: Period | None = None
    home: str = ""
    known_at: str = "period_end"
    withdrawn: str = "FALSE"
    together: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    events: tuple[EventMap, ...] = ()
    coverage: Coverage | None = None
    rules: tuple[Rule, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def field(self, name: str) -> Field:
        """The field of that name; KeyError if there is none."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(name)

    def person(self, role: str) -> PersonMap:
        """The person of that role; KeyError if there is none."""
        for each in self.persons:
            if each.role == role:
                return each
        raise KeyError(role)

    @property
    def payload_fields(self) -> tuple[Field, ...]:
        """Fields that leave the agency: all but identifiers and free text."""
        return tuple(each for each in self.fields if each.leaves_agency)

    @property
    def time_fields(self) -> tuple[str, ...]:
        """Date fields that events happen on: they tell the period where a file's name does not."""
        named = " ".join(event.time for event in self.events)
        dates = [each.name for each in self.fields if each.type == "date"]
        timed = tuple(name for name in dates if re.search(rf"\b{name}\b", named))
        return timed or tuple(dates)


def common_sql(field: Field, column: str) -> str:
    """SQL expression that turns a coded `column` of this field into the common value, or null.

    Common values are what senders can be compared by: sex M or F, the DfE's ethnicity codes, main language.

    >>> common_sql(Field("Sex", "code", codes={"1": "Male"}, common={"1": "M"}), "Sex")
    "CASE Sex WHEN '1' THEN 'M' END"
    """
    if not field.common:
        return column
    told = ((code, value) for code, value in field.common.items() if value is not None)
    cases = " ".join(f"WHEN '{code}' THEN '{value}'" for code, value in told)
    return f"CASE {column} {cases} END"
