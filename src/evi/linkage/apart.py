"""Records that can't be one person, whatever links them: twins.

Where one feed holds two people of one birth date and surname at one home, they are twins, and records of
other feeds at that home are one or the other. By themselves two with contradicting forenames score near even
odds, and a chain of links through a third record could join them; so they are named to the clustering, which
refuses every link that would. Where no feed holds two, a forename that contradicts is mostly one person put
down badly (on the ONS census and register, in 470 pairs of 24,043): that is left to the model. Two records of
one feed (two births, two entries of one roll) are kept apart by the feed itself.
"""

from __future__ import annotations

import duckdb
import numpy as np

from evi.linkage.clusters import Ints
from evi.linkage.deterministic import agreements
from evi.linkage.queries import columns_that_hold_something

MOST_AT_A_HOME = 50  # more records of one birth date and surname at one home: an institution or a default


def twins(con: duckdb.DuckDBPyConnection) -> tuple[Ints, Ints]:
    """Pairs of components of `nodes` that hold twins, each pair once, lower component first.

    Two records with one birth date, surname and home, at which some feed holds two such
    people; forenames that contradict (no spelling, sound, start, second name or slip in common); and no NHS
    number or UPN in common.
    """
    columns = columns_that_hold_something(con, "people")
    if not {"fn", "sn", "dob", "h1"} <= columns:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    forename, _ = agreements(set(columns))
    homes = ", ".join(f"h{i}" for i in range(1, 5) if f"h{i}" in columns)
    shared = [f"coalesce(c.{name} = m.{name}, false)" for name in ("nhs", "upn") if name in columns]
    rows = con.execute(
        f"""WITH spots AS (
            SELECT DISTINCT rec, feed, dob, sn, unnest([{homes}]) AS spot FROM people
            WHERE fn IS NOT NULL AND sn IS NOT NULL AND dob IS NOT NULL),
        counted AS (
            SELECT *, count(*) OVER (PARTITION BY dob, sn, spot, feed) AS in_feed FROM spots
            WHERE spot IS NOT NULL),
        kept AS (
            SELECT * FROM counted
            QUALIFY max(in_feed) OVER (PARTITION BY dob, sn, spot) > 1
                AND count(*) OVER (PARTITION BY dob, sn, spot) <= {MOST_AT_A_HOME}),
        pairs AS (
            SELECT DISTINCT a.rec AS one, b.rec AS other FROM kept a JOIN kept b USING (dob, sn, spot)
            WHERE a.rec < b.rec)
        SELECT DISTINCT least(x.comp, y.comp) AS l, greatest(x.comp, y.comp) AS r
        FROM pairs JOIN people c ON c.rec = one JOIN people m ON m.rec = other
        JOIN nodes x ON x.rec = one JOIN nodes y ON y.rec = other
        WHERE x.comp <> y.comp AND {forename} = 2
          AND NOT ({" OR ".join(shared) or "false"})
        ORDER BY ALL"""
    ).fetchnumpy()
    return np.asarray(rows["l"], np.int64), np.asarray(rows["r"], np.int64)
