"""Each child's answers as lists, and what would complete them: by arrays, since lists are slow in SQL."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.index.catalogue import Catalogue
from evi.index.steps import columns

EPOCH = "DATE '1970-01-01'"


def number_children(con: duckdb.DuckDBPyConnection) -> int:
    """Make `numbered`: the children of `child_at` by subject id, with a `row` from 0; returns how many."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS "
        "SELECT *, row_number() OVER (ORDER BY subject_id) - 1 AS row FROM child_at"
    )
    return int(con.execute("SELECT count(*) FROM numbered").fetchall()[0][0])


def load_lists(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Make `child_lists` from `state_at`: for each child `present`, `since`, `assessable`, `covered` and
    `would_complete`, the feeds that would answer what is not known, the most useful first.
    """
    n, own = number_children(con), catalogue.own
    state = np.zeros((n, len(own)), np.int8)
    since = np.zeros((n, len(own)), np.int32)
    cells = columns(
        con,
        f"""SELECT row, position, present, coalesce(datediff('day', {EPOCH}, since), 0)::INTEGER AS since
            FROM state_at JOIN numbered USING (subject_id)""",
    )
    at = cells["row"], cells["position"]
    state[at] = 1 + cells["present"].astype(np.int8)
    since[at] = cells["since"]
    who = columns(con, "SELECT subject_id, age_months FROM numbered ORDER BY row")
    names = np.array([entry.id for entry in own], object)
    feeds = sorted({feed for entry in own for feed in entry.feeds})
    covers = _covered(con, n, feeds)
    lists = pa.table(
        {
            "subject_id": pa.array(who["subject_id"]),
            "present": _lists(state == 2, names),
            "since": _lists(state == 2, since),
            "assessable": _lists(state > 0, names),
            "would_complete": _completing(catalogue, feeds, who["age_months"], state, covers),
        }
    )
    con.register("incoming", lists)
    con.execute("CREATE OR REPLACE TEMP TABLE child_lists AS SELECT * FROM incoming")
    con.unregister("incoming")


def _covered(con: duckdb.DuckDBPyConnection, n: int, feeds: list[str]) -> npt.NDArray[np.bool_]:
    """Children by feeds: whether the feed covers the child on the day."""
    found = np.zeros((n, len(feeds)), bool)
    for place, feed in enumerate(feeds):
        rows = columns(
            con, f"SELECT row FROM covered_at JOIN numbered USING (subject_id) WHERE feed = '{feed}'"
        )["row"]
        found[rows, place] = True
    return found


def _completing(
    catalogue: Catalogue,
    feeds: list[str],
    ages: npt.NDArray[Any],
    state: npt.NDArray[np.int8],
    covers: npt.NDArray[np.bool_],
) -> pa.Array[Any]:
    """For each child the feeds that do not cover it, by how many of its unknown answers they would give."""
    own = catalogue.own
    fits = np.array(
        [[e.age_from <= age < e.age_to for e in own] for age in range(int(ages.max(initial=0)) + 1)]
    )
    reads = np.array([[feed in entry.feeds for feed in feeds] for entry in own], np.float32)
    reads = reads.reshape(len(own), len(feeds))
    missing = fits.reshape(-1, len(own))[ages] & (state == 0)
    answers = missing.astype(np.float32) @ reads
    answers[covers] = 0
    order = np.argsort(-answers, axis=1, kind="stable")
    useful = np.take_along_axis(answers, order, axis=1) > 0
    return _lists(useful, np.array(feeds, object)[order] if feeds else order)


def _lists(chosen: npt.NDArray[np.bool_], values: npt.NDArray[Any]) -> pa.Array[Any]:
    """A list a row of the values of the chosen columns, in the order of the columns.

    Args:
        values: one a column, or one a cell; whole numbers are days since 1970.
    """
    ends = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int32)
    flat = values[chosen] if values.ndim == 2 else values[np.nonzero(chosen)[1]]
    inner: Any = pa.array(flat, pa.string()) if flat.dtype == object else pa.array(flat).cast(pa.date32())
    offsets: Any = pa.array(ends)
    return pa.ListArray.from_arrays(offsets, inner)
