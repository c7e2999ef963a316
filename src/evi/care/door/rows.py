"""The second lock on PostgreSQL: the database itself shows a request only rows of children it can be tied to.

A view that forgets to ask the door would show children that it must not. So each request of a signed-in
person runs as a database role that sees, in every table with a child in it, only rows of children to whom the
person, a team of theirs or their organisation is tied on that day, or for whom they opened an emergency view.
It is coarser than the agreements: they decide which items; this decides whether there is such a child at all.
The partnership's people who check how information is used are tied to nobody, and run as a role that sees
every row.
Neither role may change the ledger or the tables.

What has no request (loading, background work, the `evi` command) runs as the owner of the tables. SQLite has
no such lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import DatabaseError, connection, models

from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError

if TYPE_CHECKING:
    from evi.care.door.visit import Visit

TIED, EVERY = "evi_tied", "evi_every"
"""The roles: of those who see children that they are tied to, and of those who check."""

OPEN_TABLES = frozenset({"children_tie", "door_breakglass", "door_blockage"})
"""Tables with a child that are not locked: those by which the lock decides, and blockages, which are raised
about children that one can't see."""

LEDGER_TABLES = ("door_accessentry", "door_ledgerhead")
GOVERNANCE, PARTNERSHIP = "governance", "partnership"

_now: ContextVar[str] = ContextVar("row_lock", default="")


def lock(visit: Visit) -> None:
    """From here on the connection sees what this visit's membership may see: one round trip."""
    if connection.vendor != "postgresql":
        return
    membership = visit.membership
    checks = vocabulary().roles[membership.role].purpose == GOVERNANCE
    role = EVERY if checks and membership.organisation.kind == PARTNERSHIP else TIED
    settings = {
        "membership": str(membership.pk),
        "user": str(membership.user_id),
        "organisation": str(membership.organisation_id),
        "day": visit.day.isoformat(),
    }
    said = ", ".join(f"set_config('evi.{name}', '{value}', false)" for name, value in settings.items())
    mine = f"accounts_membership_teams WHERE membership_id = {membership.pk}"
    teams = f"SELECT array_agg(team_id)::text FROM {mine}"
    _become(f"SET ROLE {role}; SELECT {said}, set_config('evi.teams', coalesce(({teams}), ''), false)")


def unlock() -> None:
    """Back to the owner of the tables, at the end of a request."""
    if _now.get():
        _become("")


@contextmanager
def every_row() -> Iterator[None]:
    """See every row for a moment, in a locked request: to find a child for an emergency view."""
    before = _now.get()
    if not before:
        yield
        return
    _become("")
    try:
        yield
    finally:
        _become(before)


def _become(statements: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statements or "RESET ROLE")
    except DatabaseError:
        if statements or connection.in_atomic_block:
            raise
        connection.close()  # a connection that can't be set back is never used again
    _now.set(statements)


def locked_tables() -> dict[str, str]:
    """Every table with a child in it, and the column that holds the child."""
    from evi.care.children.models import Child  # noqa: PLC0415 - apps are loaded first

    found = {Child._meta.db_table: "id"}
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is Child:
                found.setdefault(model._meta.db_table, field.column)
    return {table: column for table, column in found.items() if table not in OPEN_TABLES}


def set_up(**_: Any) -> None:
    """Make the roles, their rights and the policies; called after each migration, changes only what is new.

    Raises:
        EviError: the owner of the tables may not make the roles, and nobody has.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor))
        if not {"children_child", "children_tie", "door_breakglass", *LEDGER_TABLES} <= names:
            return
        _make_roles(cursor)
        cursor.execute(_rights())
        cursor.execute("SELECT tablename FROM pg_policies WHERE policyname = 'evi_tied_children'")
        done = {name for (name,) in cursor.fetchall()}
        for table, column in locked_tables().items():
            if table in names - done:
                cursor.execute(policy(table, column))


def policy(table: str, column: str) -> str:
    """The statements that lock one table."""
    child = f"{table}.{column}"
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; "
        f"CREATE POLICY evi_every_child ON {table} TO {EVERY} USING (true) WITH CHECK (true); "
        f"CREATE POLICY evi_tied_children ON {table} TO {TIED} USING ("
        f"EXISTS (SELECT 1 FROM children_tie t WHERE t.child_id = {child} "
        f"AND t.since <= {_said('day', 'date')} AND (t.until IS NULL OR t.until > {_said('day', 'date')}) "
        f"AND t.organisation_id = {_said('organisation')} AND (t.user_id = {_said('user')} "
        f"OR t.user_id IS NULL AND (t.team_id IS NULL OR t.team_id = ANY ({_said('teams', 'bigint[]')})))) "
        f"OR {child} IN (SELECT b.child_id FROM door_breakglass b "
        f"WHERE b.membership_id = {_said('membership')} AND b.ends_at > now())"
        f") WITH CHECK (true)"
    )


def _said(name: str, kind: str = "bigint") -> str:
    return f"nullif(current_setting('evi.{name}', true), '')::{kind}"


def _make_roles(cursor: Any) -> None:
    for role in (TIED, EVERY):
        cursor.execute("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", [role])
        row = cursor.fetchone()
        if row and row[0]:
            continue
        statements = [*([] if row else [f"CREATE ROLE {role} NOLOGIN"]), f"GRANT {role} TO CURRENT_USER"]
        try:
            for statement in statements:
                cursor.execute(statement)
        except DatabaseError as error:
            raise EviError(
                f"the database's role {role} is not there, and this user may not make it.",
                where="PostgreSQL",
                do=f"As the database's administrator: CREATE ROLE {role} NOLOGIN; GRANT {role} TO the user "
                "that EVI_CARE_DATABASE names.",
            ) from error


def _rights() -> str:
    roles, ledger = f"{TIED}, {EVERY}", ", ".join(LEDGER_TABLES)
    return (
        f"GRANT USAGE ON SCHEMA public TO {roles}; "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {roles}; "
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {roles}; "
        f"REVOKE UPDATE, DELETE ON {ledger} FROM {roles}"
    )
