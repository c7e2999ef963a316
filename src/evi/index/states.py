"""Each child's answers as lists, and what would complete them: by arrays, since lists are slow in SQL."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evi.index.arrow import columns, days, lists, names, numbers
from evi.index.catalogue import Catalogue

EPOCH = "DATE '1970-01-01'"


def number_children(con: duckdb.DuckDBPyConnection) -> int:
    """Make `numbered`: the children of `child_at` by subject id, with a `row` from 0; returns how many."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS "
        "SELECT *, row_number() OVER (ORDER BY subject_id) - 1 AS row FROM child_at"
    )
    return int(con.execute("SELECT count(*) FROM numbered").fetchall()[0][0])


def load_lists(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Make `child_lists` from `state_at`: for each child `present`, `since`, `assessable` and
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
    ids = [entry.id for entry in own]
    present, answered = np.nonzero(state == 2), np.nonzero(state > 0)
    feeds = sorted({feed for entry in own for feed in entry.feeds})
    covers = _covered(con, n, feeds)
    made = pa.table(
        {
            "subject_id": numbers(who["subject_id"]),
            "present": lists((state == 2).sum(axis=1), names(present[1], ids)),
            "since": lists((state == 2).sum(axis=1), days(since[present])),
            "assessable": lists((state > 0).sum(axis=1), names(answered[1], ids)),
            "would_complete": _completing(catalogue, feeds, who["age_months"], state, covers),
        }
    )
    con.register("incoming", made)
    con.execute("CREATE OR REPLACE TEMP TABLE child_lists AS SELECT * FROM incoming")
    con.unregister("incoming")


def _covered(con: duckdb.DuckDBPyConnection, n: int, feeds: list[str]) -> npt.NDArray[np.bool_]:
    """Children by feeds: whether the feed covers the child on the day."""
    found = np.zeros((n, len(feeds)), bool)
    rows = columns(con, "SELECT row, feed FROM covered_at JOIN numbered USING (subject_id)")
    for place, feed in enumerate(feeds):
        found[rows["row"][rows["feed"] == feed], place] = True
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
    oldest = int(ages.max(initial=0))
    fits = np.array([[entry.applies_at(age) for entry in own] for age in range(oldest + 1)])
    reads = np.array([[feed in entry.feeds for feed in feeds] for entry in own], np.float32)
    reads = reads.reshape(len(own), len(feeds))
    missing = fits.reshape(-1, len(own))[ages] & (state == 0)
    answers = missing.astype(np.float32) @ reads
    answers[covers] = 0
    order = np.argsort(-answers, axis=1, kind="stable")
    useful = np.take_along_axis(answers, order, axis=1) > 0
    return lists(useful.sum(axis=1), names(order[useful], feeds))
