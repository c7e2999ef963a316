"""Any two tables of people, linked in memory under throw-away keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from evi.encoding import Coder, Keys, encode_identities
from evi.encoding.columns import Column, arrow
from evi.encoding.columns import compute as pc
from evi.encoding.people import BIRTH_PARTS
from evi.linkage.people import CODES, NEAR, add_forms
from evi.linkage.quality import audit, audit_warnings
from evi.linkage.queries import table_of
from evi.linkage.resolve import Options, Resolution, resolve
from evi.workspace import SILENT, EviError, Progress, connect

ROLES = frozenset(
    {"id", "forename", "middle_names", "surname", "date_of_birth", *BIRTH_PARTS, "sex", "postcode", "address"}
    | {"uprn", "nhs_number", "upn", "reference", "email", "phone", "town"}
)
_ROWS_AT_ONCE = 250_000


@dataclass(frozen=True)
class LinkedTables:
    """What `link_tables` found.

    Attributes:
        pairs: `left_id`, `right_id`, `probability`; one table linked to itself has left before right.
        clusters: `table` ("left" or "right"), `id`, `cluster`, `probability`.
        resolution: the model, the plan, the blocks and the counts.
        warnings: what the audit, which needs no truth, says that a person should read.
    """

    pairs: pa.Table
    clusters: pa.Table
    resolution: Resolution
    warnings: tuple[str, ...] = ()


def link_tables(
    left: pa.Table,
    right: pa.Table | None,
    columns: Mapping[str, str | list[str]],
    *,
    right_columns: Mapping[str, str | list[str]] | None = None,
    threshold: float | None = None,
    one_per_table: bool = True,
    keys: Keys | None = None,
    names: tuple[str, str] = ("left", "right"),
    progress: Progress = SILENT,
) -> LinkedTables:
    """Link two tables of people, or find repeats in one.

    Args:
        left, right: the tables; `right` None to find repeats in `left`.
        columns: role (`id`, `forename`, `surname`, `date_of_birth`, `sex`, `postcode`, `address`, …: see
            `ROLES`) to the column, or columns joined by a blank, that hold it; for `left`, and for `right`
            unless `right_columns` says otherwise.
        threshold: the probability from which records are one person; by default the planner's choice.
        one_per_table: a table holds one record per person (only where there are two tables).
        keys: keys to encode under; fresh ones that nobody keeps by default.
        names: what errors call the two tables.

    Raises:
        EviError: a role or column is not there, or an id stands twice in one table.
    """
    con = connect()
    sides = [(left, columns)] if right is None else [(left, columns), (right, right_columns or columns)]
    ids = load_observations(con, sides, Coder(keys or Keys.throw_away()), names)
    options = Options(threshold=threshold, one_per_feed=right is not None and one_per_table)
    resolution = resolve(con, options, progress)
    con.register("ids", ids)
    said = audit_warnings(audit(con, resolution, resolution.plan.threshold))
    pairs = _pairs(con)
    if not pairs.num_rows:
        said.append("No two records have enough in common to be one person, so nothing was linked.")
    return LinkedTables(pairs, _cluster_table(con), resolution, tuple(said))


def load_observations(
    con: duckdb.DuckDBPyConnection,
    sides: Sequence[tuple[pa.Table, Mapping[str, str | list[str]]]],
    coder: Coder,
    names: Sequence[str] = ("left", "right"),
) -> pa.Table:
    """Encode tables into `observations`, as `resolve` wants it, so many rows at a time.

    Args:
        sides: each table with its map of roles to columns.
        names: what errors call the tables.

    Returns:
        `rec`, `table` ("left" or "right") and `id` of every row, in order.
    """
    con.execute("DROP TABLE IF EXISTS observations; DROP TABLE IF EXISTS near_forms")
    named, start = [], 0
    for feed, (table, roles) in enumerate(sides):
        named.append(_ids(table, roles, names[feed]))
        for low in range(0, max(1, len(table)), _ROWS_AT_ONCE):
            part = table.slice(low, _ROWS_AT_ONCE)
            add_observations(con, _observations(names[feed], part, roles, coder, start + low, feed))
        start += len(table)
    return pa.table(
        {
            "rec": pa.array(range(start), pa.int32()),
            "table": pa.array(
                [name for name, (t, _) in zip(("left", "right"), sides, strict=False) for _ in range(len(t))]
            ),
            "id": pa.concat_arrays(named),
        }
    )


def add_observations(con: duckdb.DuckDBPyConnection, encoded: pa.Table) -> None:
    """Add encoded rows to `observations`, and the near forms of their names to `near_forms`."""
    con.register("given", encoded)
    rows = f"SELECT * EXCLUDE ({', '.join(f'{name}_del' for name in NEAR)}) FROM given"
    con.execute(f"CREATE TABLE IF NOT EXISTS observations AS {rows} LIMIT 0")
    con.execute(f"INSERT INTO observations {rows}")
    add_forms(con, "given")
    con.unregister("given")


def _observations(
    name: str,
    table: pa.Table,
    roles: Mapping[str, str | list[str]],
    coder: Coder,
    start: int,
    feed: int,
) -> pa.Table:
    unknown = sorted(set(roles) - ROLES)
    if unknown:
        raise EviError(
            f"no such role: {', '.join(unknown)}.", where=name, do=f"Roles are {', '.join(sorted(ROLES))}."
        )
    values = {role: _column(table, names, name) for role, names in roles.items() if role != "id"}
    made = encode_identities(values, coder)
    rows = len(table)
    observations: pa.Table = arrow.table(
        {
            "rec": pa.array(range(start, start + rows), pa.int32()),
            "feed": pa.array([feed] * rows, pa.int8()),
            "seen": pa.nulls(rows, pa.date32()),
            "times": pa.array([1] * rows, pa.int64()),
        }
        | {column: made[column] for column in (*CODES, *(f"{name}_del" for name in NEAR))}
    )
    return observations


def _column(table: pa.Table, names: str | list[str], where: str) -> Column:
    wanted = [names] if isinstance(names, str) else names
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise EviError(
            f"it has no column {', '.join(missing)}.",
            where=where,
            do=f"Put the map of columns right. Its columns are {', '.join(table.column_names)}.",
        )
    arrays = [table[name].combine_chunks() for name in wanted]
    if len(arrays) == 1:
        plain = arrays[0]
        if pa.types.is_temporal(plain.type):
            return plain
        plain = plain.cast(pa.string())
        return pc.if_else(pc.equal(pc.utf8_trim_whitespace(plain), ""), None, plain)
    texts = [pc.fill_null(array.cast(pa.string()), "") for array in arrays]
    joined = pc.utf8_trim_whitespace(pc.binary_join_element_wise(*texts, " "))
    return pc.if_else(pc.equal(joined, ""), None, joined)


def _ids(table: pa.Table, roles: Mapping[str, str | list[str]], where: str) -> Column:
    if "id" not in roles:
        return pa.array([str(row) for row in range(len(table))])
    ids = _column(table, roles["id"], where).cast(pa.string())
    seen: dict[str | None, int] = {}
    for row, name in enumerate(ids.to_pylist(), 1):
        if name is None or name in seen:
            raise EviError(
                f"row {row:,} has no id."
                if name is None
                else f"rows {seen[name]:,} and {row:,} have one id.",
                where=where,
                do="Give each row an id of its own, or leave `id` out of the map: rows are then numbered.",
            )
        seen[name] = row
    return ids


def _pairs(con: Any) -> pa.Table:
    """Every scored pair of a probability from 0.01, both ends named."""
    return table_of(
        con,
        """SELECT l.id AS left_id, r.id AS right_id, p AS probability
        FROM links JOIN ids l ON l.rec = rec_l JOIN ids r ON r.rec = rec_r
        UNION ALL
        SELECT l.id, r.id, n.probability FROM nodes n JOIN nodes m ON m.comp = n.comp AND m.rec < n.rec
        JOIN ids l ON l.rec = m.rec JOIN ids r ON r.rec = n.rec
        ORDER BY 3 DESC, 1, 2""",
    )


def _cluster_table(con: Any) -> pa.Table:
    return table_of(
        con,
        """SELECT i.table, i.id, c.cluster, c.probability FROM resolved c JOIN ids i USING (rec)
        ORDER BY c.cluster, i.rec""",
    )
