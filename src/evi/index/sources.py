"""The tables that the index reads, as views of one DuckDB session."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from evi.workspace import District, EviError, connect, quote

HOME_SUBJECT = "-({home} & 4611686018427387903) - 1"
"""The subject id of a home whose keyed code is `home`: what records that name only an address are about."""

_SHAPES = {
    "subjects": "subject_id BIGINT, birth_month DATE, sex VARCHAR, ethnicity VARCHAR, kind VARCHAR",
    "spans": "subject_id BIGINT, indicator VARCHAR, true_from DATE, true_to DATE",
    "beyond": "subject_id BIGINT, indicator VARCHAR, true_from DATE, true_to DATE",
    "covered": "subject_id BIGINT, needs VARCHAR, true_from DATE, true_to DATE",
    "needs": "indicator VARCHAR, needs VARCHAR",
    "residence": 'subject_id BIGINT, home BIGINT, lsoa VARCHAR, start DATE, "end" DATE',
    "enrolment": 'subject_id BIGINT, school VARCHAR, start DATE, "end" DATE',
    "coverage": 'subject_id BIGINT, feed VARCHAR, start DATE, "end" DATE, known_at DATE',
    "relations": "subject_id BIGINT, relation VARCHAR, other_id BIGINT, probability DOUBLE",
    "people": "feed VARCHAR, person BIGINT, subject_id BIGINT, probability DOUBLE",
    "areas": "lsoa VARCHAR, lsoa_name VARCHAR, ward VARCHAR, ward_name VARCHAR, imd_decile INTEGER",
}
_NEEDED = {"subjects": "load", "spans": "index", "beyond": "index", "covered": "index", "needs": "index"}


def paths(district: District) -> dict[str, Path]:
    """Where each table of the session is read from."""
    records, index = district.records, district.index
    return {
        "subjects": records / "subjects.parquet",
        "spans": index / "spans.parquet",
        "beyond": index / "beyond.parquet",
        "covered": index / "covered.parquet",
        "needs": index / "needs.parquet",
        "residence": records / "residence.parquet",
        "enrolment": records / "enrolment.parquet",
        "coverage": records / "coverage.parquet",
        "relations": district.spine / "relations.parquet",
        "people": district.spine / "people.parquet",
        "areas": district.geography / "areas.csv",
    }


def open_sources(district: District, *, only: int | None = None) -> duckdb.DuckDBPyConnection:
    """A session with a view for each table; one that this district doesn't have is there, and empty.

    A district of two feeds may well have no homes, schools or map. It can't have no people and no spans.

    Args:
        only: limit every table about people to this one, so that the same steps explain one child;
            `everyone` and `everyones_residence` are then the tables with nobody left out, and there are
            no `areas`, since a CSV takes long to open.

    Raises:
        EviError: the people or the spans have not been made.
    """
    # One child is answered before a second thread would be of use.
    con = connect(scratch=district.scratch, threads=None if only is None else 1)
    for name, path in paths(district).items():
        if name == "areas" and only is not None:
            continue
        if path.is_file():
            reader = "read_csv" if path.suffix == ".csv" else "read_parquet"
            source = f"{reader}({quote(str(path))})"
        elif name in _NEEDED:
            con.close()
            raise EviError(
                "it has not been made yet.", where=str(path), do=f"Run `evi {_NEEDED[name]}`, or `evi run`."
            )
        else:
            con.execute(f"CREATE TABLE no_{name} ({_SHAPES[name]})")
            source = f"no_{name}"
        of_one = only is not None and "subject_id BIGINT" in _SHAPES[name]
        con.execute(
            f"CREATE VIEW {name} AS SELECT * FROM {source}"
            + (f" WHERE subject_id = {only}" if of_one else "")
        )
        if name in ("subjects", "residence"):
            con.execute(f"CREATE VIEW {EVERYONE[name]} AS SELECT * FROM {source}")
    return con


EVERYONE = {"subjects": "everyone", "residence": "everyones_residence"}
"""Views that `only` leaves whole: a home is understood by who else lives in it."""


def at_folder(district: District, day: date) -> Path:
    """Where the index of a day is."""
    return district.index / f"at-{day}"


def event_files(district: District) -> list[Path]:
    """The files of the event store, in subject order; none where it has not been made."""
    return sorted((district.records / "events").glob("*.parquet"))
