"""A district of a few hundred families as extracts of five feeds, with the truth beside it.

Deliberately hard where children's records are: brothers and sisters at one address, twins, changed surnames,
spellings, day and month changed over, missing and mistyped numbers, a home left behind in one feed.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding import Keys, write_new_key
from evi.feeds import Layout, load_layouts
from evi.workspace import District, DistrictConfig

FORENAMES = [
    "Amelia",
    "Oliver",
    "Zara",
    "Bilal",
    "Sophie",
    "Hamza",
    "Grace",
    "Ibrahim",
    "Freya",
    "Yusuf",
    "Ruby",
    "Adam",
    "Layla",
    "Noah",
    "Emily",
    "Omar",
    "Jakub",
    "Zofia",
    "Leo",
    "Maryam",
    "Jack",
    "Hannah",
    "Ethan",
    "Iqra",
    "Lucas",
    "Anaya",
    "Daniel",
    "Ellie",
    "Harun",
    "Chloe",
    "Ryan",
    "Safa",
    "Poppy",
    "Idris",
]
SURNAMES = [
    "Khan",
    "Smith",
    "Hussain",
    "Jones",
    "Patel",
    "Taylor",
    "Begum",
    "Brown",
    "Akhtar",
    "Wilson",
    "Nowak",
    "Davies",
    "Ahmed",
    "Evans",
    "Malik",
    "Thomas",
    "Shah",
    "Roberts",
    "Mahmood",
    "Walker",
    "Kowalski",
    "Wright",
    "Iqbal",
    "Green",
    "Rashid",
    "Hall",
    "Bashir",
    "Wood",
    "Farooq",
    "Clarke",
]
SPELLINGS = {"Hussain": "Hussein", "Ahmed": "Ahmad", "Yusuf": "Yousuf", "Omar": "Umar", "Maryam": "Mariam"}
SHORT = {"Oliver": "Ollie", "Daniel": "Dan", "Emily": "Emilly", "Jakub": "Jakob", "Ibrahim": "Ebrahim"}


@dataclass
class Person:
    """One true person."""

    number: int
    forename: str
    surname: str
    born: date
    sex: str
    uprn: int
    nhs: str
    upn: str
    mother: int | None = None
    moved: tuple[date, int] | None = None

    def home_on(self, day: date) -> int:
        return self.moved[1] if self.moved and day >= self.moved[0] else self.uprn


@dataclass
class SmallDistrict:
    """The folder, its people, and which person each local id of a feed is."""

    district: District
    people: list[Person]
    truth: dict[tuple[str, str], int] = field(default_factory=dict)


def make_small_district(root: Path, families: int = 150, seed: int = 3) -> SmallDistrict:
    """Write the extracts of `families` families and return the truth."""
    draw = random.Random(seed)
    district = District.create(root, DistrictConfig("small", synthetic=True))
    write_new_key(district.key_file)
    small = SmallDistrict(district, _people(draw, families))
    layouts = load_layouts()
    _addresses(district, families)
    for feed in (_gp, _school, _ae, _maternity, _care):
        feed(draw, small, layouts)
    return small


def number_with_check_digit(draw: random.Random) -> str:
    """A valid NHS number from the range that is never issued."""
    while True:
        digits = "999" + f"{draw.randrange(10**6):06d}"
        check = (11 - sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11) % 11
        if check < 10:
            return digits + str(check)


def upn_with_check_letter(draw: random.Random) -> str:
    """A valid unique pupil number."""
    digits = f"380{draw.randrange(10**9):09d}"
    total = sum(int(d) * w for d, w in zip(digits, range(2, 14), strict=True))
    return "ABCDEFGHJKLMNPQRTUVWXYZ"[total % 23] + digits


def _people(draw: random.Random, families: int) -> list[Person]:
    people: list[Person] = []

    def add(surname: str, born: date, sex: str, uprn: int, mother: int | None, name: str) -> Person:
        person = Person(
            len(people),
            name,
            surname,
            born,
            sex,
            uprn,
            number_with_check_digit(draw),
            upn_with_check_letter(draw),
            mother,
        )
        people.append(person)
        return person

    for family in range(families):
        surname, uprn = draw.choice(SURNAMES), 990_000_000 + family * 7
        mother = add(surname, _day(draw, 1980, 1994), "F", uprn, None, draw.choice(FORENAMES))
        born = _day(draw, 2009, 2015)
        names = draw.sample(FORENAMES, 4)
        members = [mother]
        for order in range(draw.randint(1, 3)):
            members.append(add(surname, born, draw.choice("FM"), uprn, mother.number, names[order]))
            twin = draw.random() < 0.08
            born = born if twin else born + timedelta(days=draw.randint(400, 1300))
        if draw.random() < 0.2:
            move = (_day(draw, 2021, 2022), 990_000_000 + (families + family) * 7)
            for member in members:
                member.moved = move
    return people


def _day(draw: random.Random, first: int, last: int) -> date:
    return date(first, 1, 1) + timedelta(days=draw.randrange((last - first + 1) * 365))


def _addresses(district: District, families: int) -> None:
    uprns = [990_000_000 + i * 7 for i in range(2 * families)]
    district.reference.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(
            {
                "uprn": pa.array(uprns, pa.int64()),
                "postcode": [postcode(u) for u in uprns],
                "lsoa": [f"E0101{u % 30:04d}" for u in uprns],
                "address_line": [address_line(u) for u in uprns],
            }
        ),
        district.reference / "addresses.parquet",
    )


def postcode(uprn: int) -> str:
    """Each postcode has about eight homes."""
    street = (uprn - 990_000_000) // 7 // 8
    return f"BD{1 + street % 9} {street % 8 + 1}{'ABDEFGHJ'[street // 8 % 8]}{'LNPQRSTU'[street // 64 % 8]}"


def address_line(uprn: int) -> str:
    """A line that is unique within its postcode."""
    return f"{1 + (uprn - 990_000_000) // 7 % 8} Made Up Street"


def write_extract(path: Path, layout: Layout, rows: list[dict[str, object]]) -> None:
    """Write rows of a layout as CSV; what a row does not give is filled with something valid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([each.name for each in layout.fields])
        for row in rows:
            writer.writerow([_value(each, row) for each in layout.fields])


def _value(each: object, row: dict[str, object]) -> object:
    name, kind = each.name, each.type  # type: ignore[attr-defined]
    value = row.get(name)
    if value is None:
        if not each.required or name in row:  # type: ignore[attr-defined]
            return ""
        if kind == "code":
            return next(iter(each.codes))  # type: ignore[attr-defined]
        return {"integer": 1, "number": 1, "boolean": "true", "pattern": "100001"}.get(kind, "x1")
    if isinstance(value, date):
        formats = each.formats or ("%Y-%m-%d",)  # type: ignore[attr-defined]
        return value.strftime(formats[0])
    return value


def _spoil(draw: random.Random, person: Person, rate: float) -> tuple[str, str, date]:
    """Names and birth date as a clerk might write them."""
    forename, surname, born = person.forename, person.surname, person.born
    if draw.random() < rate:
        forename = SPELLINGS.get(forename) or SHORT.get(forename) or forename[:-1]
    if draw.random() < rate:
        surname = SPELLINGS.get(surname, surname + "e")
    if draw.random() < rate / 2:
        forename, surname = surname, forename
    if draw.random() < rate / 2:
        born = date(born.year, born.day, born.month) if born.day <= 12 else born + timedelta(days=1)
    return forename, surname, born


def _number(draw: random.Random, number: str, missing: float) -> str:
    if draw.random() < missing:
        return ""
    return number[:-1] + str((int(number[-1]) + 3) % 10) if draw.random() < 0.02 else number


def _local(small: SmallDistrict, feed: str, prefix: str, person: Person) -> str:
    local = f"{prefix}{(person.number * 7919 + 31) % 99991:05d}"
    small.truth[feed, local] = person.number
    return local


def _gp(draw: random.Random, small: SmallDistrict, layouts: dict[str, Layout]) -> None:
    rows: list[dict[str, object]] = []
    for person in small.people:
        forename, surname, born = _spoil(draw, person, 0.03)
        stays = [(person.uprn, max(person.born, date(2009, 1, 1)))]
        if person.moved and draw.random() < 0.85:
            stays.append((person.moved[1], person.moved[0] + timedelta(days=20)))
        for uprn, since in stays:
            rows.append(
                {
                    "PatientID": _local(small, "gp", "G", person),
                    "NHSNumber": person.nhs,
                    "Forename": forename,
                    "Surname": surname,
                    "DateOfBirth": born,
                    "Sex": "12"["MF".index(person.sex)],
                    "EthnicCategory": "J",
                    "Postcode": postcode(uprn),
                    "AddressLine": address_line(uprn),
                    "UPRN": uprn,
                    "AddressFrom": since,
                    "RegisteredFrom": since,
                    "RecordedDate": since,
                }
            )
    path = small.district.extracts / "gp" / "gp_patients_20090101_20240331.csv"
    write_extract(path, layouts["gp_patients"], rows)


def _school(draw: random.Random, small: SmallDistrict, layouts: dict[str, Layout]) -> None:
    for year in (2020, 2022):
        rows = []
        day = date(year, 10, 6)
        for person in small.people:
            if person.mother is None or not 4 <= year - person.born.year <= 16:
                continue
            steady = random.Random(person.number)  # a school writes a child down once
            forename, surname, born = _spoil(steady, person, 0.05)
            if steady.random() < 0.05:
                surname = steady.choice(SURNAMES)
            small.truth["school", person.upn] = person.number
            rows.append(
                {
                    "UPN": person.upn,
                    "URN": "100001",
                    "Surname": surname,
                    "Forename": forename,
                    "DOB": born,
                    "Sex": person.sex,
                    "Ethnicity": "APKN",
                    "Language": "ENG",
                    "UPRN": person.home_on(day),
                    "Postcode": postcode(person.home_on(day)),
                    "AddressLine": address_line(person.home_on(day)),
                    "EntryDate": date(person.born.year + 5, 9, 1),
                    "CensusDate": day,
                    "SENprovision": "N",
                    "NCyearActual": "1",
                }
            )
        write_extract(
            small.district.extracts / "school" / f"school_census_{year}_autumn.csv",
            layouts["school_census"],
            rows,
        )


def _ae(draw: random.Random, small: SmallDistrict, layouts: dict[str, Layout]) -> None:
    rows = []
    for person in small.people:
        if draw.random() > 0.5:
            continue
        forename, surname, born = _spoil(draw, person, 0.1)
        day = _day(draw, 2018, 2023)
        home = person.uprn if draw.random() < 0.1 else person.home_on(day)
        rows.append(
            {
                "AttendanceID": f"A{len(rows):06d}",
                "LocalPatientID": _local(small, "ae", "E", person),
                "NHSNumber": _number(draw, person.nhs, 0.3),
                "Forename": forename,
                "Surname": surname,
                "PersonBirthDate": born,
                "PersonStatedGender": "12"["MF".index(person.sex)],
                "EthnicCategory": "J",
                "Postcode": postcode(home),
                "AddressLine": address_line(home),
                "ArrivalDate": max(day, person.born),
            }
        )
    path = small.district.extracts / "ae" / "ae_attendances_20180101_20240331.csv"
    write_extract(path, layouts["ae_attendances"], rows)


def _maternity(draw: random.Random, small: SmallDistrict, layouts: dict[str, Layout]) -> None:
    rows = []
    for person in small.people:
        if person.mother is None:
            continue
        mother = small.people[person.mother]
        rows.append(
            {
                "BabyLocalID": _local(small, "maternity", "B", person),
                "BabyNHSNumber": person.nhs,
                "BabyForename": "" if draw.random() < 0.5 else "Baby",
                "BabySurname": mother.surname,
                "BabyBirthDate": person.born,
                "BabySex": "12"["MF".index(person.sex)],
                "BabyEthnicCategory": "J",
                "MotherLocalID": _local(small, "maternity", "M", mother),
                "MotherNHSNumber": _number(draw, mother.nhs, 0.1),
                "MotherForename": mother.forename,
                "MotherSurname": mother.surname,
                "MotherBirthDate": mother.born,
                "MotherEthnicCategory": "J",
                "Postcode": postcode(person.uprn),
                "AddressLine": address_line(person.uprn),
                "UPRN": person.uprn,
                "GestationWeeks": 39,
                "BirthWeightGrams": 3300,
                "BookingWeeks": 9,
                "RecordedDate": person.born,
            }
        )
    path = small.district.extracts / "maternity" / "maternity_births_20090101_20240331.csv"
    write_extract(path, layouts["maternity_births"], rows)


def _care(draw: random.Random, small: SmallDistrict, layouts: dict[str, Layout]) -> None:
    """No names in this return: a pupil number for most, and a birth date."""
    rows = []
    for person in small.people:
        if person.mother is None or draw.random() > 0.1:
            continue
        rows.append(
            {
                "CHILD": _local(small, "ssda903", "C", person),
                "SEX": "12"["MF".index(person.sex)],
                "DOB": person.born,
                "ETHNIC": "APKN",
                "UPN": person.upn if draw.random() < 0.7 else "",
                "MOTHER": "",
            }
        )
    write_extract(small.district.extracts / "ssda903" / "2022-header.csv", layouts["ssda903_header"], rows)


def keys_of(small: SmallDistrict) -> Keys:
    """The keys of the small district."""
    return Keys.from_file(small.district.key_file)
