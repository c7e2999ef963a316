"""Who has what on one day, as arrays: the form in which pairs and combinations are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt

from evi.index.arrow import columns
from evi.index.catalogue import Catalogue
from evi.index.children import state_steps
from evi.index.states import number_children
from evi.index.steps import load_catalogue, run_steps

Flags = npt.NDArray[np.bool_]
NEVER = np.int32(2**31 - 1)


@dataclass(frozen=True)
class Matrix:
    """Children by indicators on one day.

    Attributes:
        catalogue: indicators, in the order of the columns.
        subjects: subject ids, ascending: the rows.
        age_years: age of each child in whole years.
        household: the home of each child, or 0 where it isn't known.
        lsoa, school: where each child lives and learns; None where it isn't known.
        present, assessable: children × indicators. Here only those whom a feed covers are assessable, and
            `present` is within `assessable`: a need that is known in spite of no coverage has no one to be
            compared with, and would make needs look joined that aren't.
        first_day: children × indicators, the first day on which it was ever present (days since 1970), or
            `NEVER`.
    """

    catalogue: Catalogue
    subjects: npt.NDArray[np.int64]
    age_years: npt.NDArray[np.int64]
    household: npt.NDArray[np.int64]
    lsoa: npt.NDArray[np.object_]
    school: npt.NDArray[np.object_]
    present: Flags
    assessable: Flags
    first_day: npt.NDArray[np.int32]

    @property
    def n_children(self) -> int:
        """How many children."""
        return len(self.subjects)

    @property
    def strata(self) -> list[npt.NDArray[np.int64]]:
        """Rows of the children of each year of age: chance is judged among children of one age."""
        return [np.flatnonzero(self.age_years == age) for age in np.unique(self.age_years)]


def matrix_at(con: duckdb.DuckDBPyConnection, day: date, catalogue: Catalogue) -> Matrix:
    """Read the matrix of `day` from a session of `open_sources`."""
    load_catalogue(con, catalogue)
    run_steps(con, state_steps(day))
    number_children(con)
    rows = columns(
        con,
        "SELECT subject_id, age_months // 12 AS age, coalesce(household_id, 0) AS household, lsoa, school "
        "FROM numbered ORDER BY row",
    )
    shape = (len(rows["subject_id"]), len(catalogue.own))
    present, assessable = np.zeros(shape, bool), np.zeros(shape, bool)
    cells = columns(
        con, "SELECT row, position, present FROM state_at JOIN numbered USING (subject_id) WHERE covered"
    )
    assessable[cells["row"], cells["position"]] = True
    yes = np.asarray(cells["present"], bool)
    present[cells["row"][yes], cells["position"][yes]] = True
    first_day = np.full(shape, NEVER, np.int32)
    firsts = columns(
        con,
        f"""SELECT row, position, datediff('day', DATE '1970-01-01', min(true_from))::INTEGER AS day
            FROM spans JOIN own USING (indicator) JOIN numbered USING (subject_id)
            WHERE true_from <= DATE '{day}' GROUP BY row, position""",
    )
    first_day[firsts["row"], firsts["position"]] = firsts["day"]
    return Matrix(
        catalogue,
        rows["subject_id"],
        rows["age"].astype(np.int64),
        rows["household"],
        rows["lsoa"],
        rows["school"],
        present,
        assessable,
        first_day,
    )
