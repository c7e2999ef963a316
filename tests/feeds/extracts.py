"""Good rows of any layout, made from what the layout says, for tests to spoil."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from evi.feeds import Field, Layout, delivery_of

PATTERNS = {r"\d{6}": "123456", r"\d{6,7}|SC\d{6}|XXXXXX": "1234567"}
VALID = {"upn": "A801200001001", "nhs_number": "9434765919", "postcode": "BD1 1AA"}


def good_row(layout: Layout, number: int, middle: date) -> dict[str, str]:
    """One row that every check of the layout passes; keys differ by `number`."""
    return {field.name: _value(field, number, middle) for field in layout.fields}


def _value(field: Field, number: int, middle: date) -> str:
    if field.sql_type == "DATE":
        day = middle - timedelta(days=4000) if field.kind else middle
        return day.strftime(field.formats[0] if field.formats else "%Y-%m-%d")
    if field.kind in {"local_id", "uprn"}:
        return str(100_000 + number)
    if field.kind == "upn" and field.required:
        return f"A{801200001001 + number:012d}"
    if field.type == "identifier":
        return VALID.get(field.kind, "Ash")
    if field.type == "reference":
        return f"R{number}"
    if field.type == "code":
        return next(iter(field.codes))
    if field.type == "pattern":
        return PATTERNS[field.pattern]
    if field.type in {"integer", "number"}:
        return str(int(field.minimum or 0))
    return {"boolean": "0", "free_text": "seen at home"}[field.type]


def good_rows(layout: Layout, count: int = 3) -> list[dict[str, str]]:
    """Several good rows with different keys."""
    period = delivery_of(Path(layout.example), layout)
    middle = (
        period.start + (period.end - period.start) / 2 if period.start and period.end else date(2022, 1, 1)
    )
    return [good_row(layout, number, middle) for number in range(count)]


def write_csv(
    folder: Path, layout: Layout, rows: Sequence[Mapping[str, str]], name: str = "", **options: str
) -> Path:
    """Write rows as the layout's file, under its example name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or layout.example)
    with path.open("w", newline="", encoding=options.get("encoding", "utf-8")) as stream:
        writer = csv.DictWriter(
            stream,
            [field.name for field in layout.fields],
            lineterminator=options.get("lineterminator", "\n"),
        )
        writer.writeheader()
        writer.writerows(rows)
    return path


CIN = """<?xml version="1.0" encoding="utf-8"?>
<Message>
  <Header><CollectionDetails><Collection>CIN</Collection><Year>2024</Year>
  <ReferenceDate>2024-03-31</ReferenceDate></CollectionDetails></Header>
  <Children>
    <Child>
      <ChildIdentifiers><LAchildID>L1</LAchildID><UPN>A801200001001</UPN><PersonBirthDate>2012-01-01</PersonBirthDate>
      <GenderCurrent>1</GenderCurrent></ChildIdentifiers>
      <ChildCharacteristics><Ethnicity>WBRI</Ethnicity>
      <Disabilities><Disability>LD</Disability><Disability>AUT</Disability></Disabilities></ChildCharacteristics>
      <CINdetails><CINreferralDate>2023-05-01</CINreferralDate><ReferralSource>1A</ReferralSource>
        <PrimaryNeedCode>N1</PrimaryNeedCode>
        <Assessments><AssessmentActualStartDate>2023-05-03</AssessmentActualStartDate>
          <AssessmentAuthorisationDate>2023-06-03</AssessmentAuthorisationDate>
          <FactorsIdentifiedAtAssessment><AssessmentFactors>1A</AssessmentFactors>
          <AssessmentFactors>3B</AssessmentFactors></FactorsIdentifiedAtAssessment></Assessments>
        <Assessments><AssessmentActualStartDate>2023-09-03</AssessmentActualStartDate></Assessments>
        <ReferralNFA>false</ReferralNFA>
        <Section47><S47ActualStartDate>2023-05-20</S47ActualStartDate></Section47>
        <ChildProtectionPlans><CPPstartDate>2023-06-10</CPPstartDate>
          <InitialCategoryOfAbuse>NEG</InitialCategoryOfAbuse></ChildProtectionPlans>
      </CINdetails>
    </Child>
    <Child>
      <ChildIdentifiers><LAchildID>L2</LAchildID><PersonBirthDate>2015-01-01</PersonBirthDate>
      <GenderCurrent>2</GenderCurrent></ChildIdentifiers>
      <ChildCharacteristics><Ethnicity>APKN</Ethnicity></ChildCharacteristics>
      <CINdetails><CINreferralDate>2023-07-01</CINreferralDate></CINdetails>
    </Child>
  </Children>
</Message>
"""
"""A children in need return of two children."""
