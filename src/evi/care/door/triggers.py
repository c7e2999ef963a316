"""What the database itself refuses of the ledger: changes, deletions, an entry that does not follow the last.

The head is moved on by the database when an entry is put in, and an entry that does not follow the head is
refused; so even a program that forgets the lock can't fork the chain.
"""

from __future__ import annotations

from typing import Any

ENTRY, HEAD = "door_accessentry", "door_ledgerhead"
SAID = "the access ledger is append-only"
FORK = "this entry does not follow the last one of the access ledger"

CREATE = {
    "sqlite": (
        *(
            f"CREATE TRIGGER ledger_no_{what.lower()} BEFORE {what} ON {ENTRY} "
            f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
            for what in ("UPDATE", "DELETE")
        ),
        f"CREATE TRIGGER ledger_follows BEFORE INSERT ON {ENTRY} WHEN NOT EXISTS "
        f"(SELECT 1 FROM {HEAD} WHERE number = NEW.number - 1 AND hash = NEW.before) "
        f"BEGIN SELECT RAISE(ABORT, '{FORK}'); END",
        f"CREATE TRIGGER ledger_moves_on AFTER INSERT ON {ENTRY} "
        f"BEGIN UPDATE {HEAD} SET number = NEW.number, hash = NEW.hash; END",
    ),
    "postgresql": (
        f"CREATE OR REPLACE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$",
        f"CREATE OR REPLACE FUNCTION ledger_follows() RETURNS trigger LANGUAGE plpgsql "
        f"SECURITY DEFINER SET search_path FROM CURRENT AS $$ BEGIN "
        f"UPDATE {HEAD} SET number = NEW.number, hash = NEW.hash "
        f"WHERE number = NEW.number - 1 AND hash = NEW.before; "
        f"IF NOT FOUND THEN RAISE EXCEPTION '{FORK}'; END IF; RETURN NEW; END $$",
        f"CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON {ENTRY} "
        f"FOR EACH ROW EXECUTE FUNCTION ledger_refuses()",
        f"CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON {ENTRY} EXECUTE FUNCTION ledger_refuses()",
        f"CREATE TRIGGER ledger_follows BEFORE INSERT ON {ENTRY} "
        f"FOR EACH ROW EXECUTE FUNCTION ledger_follows()",
    ),
}
"""The statements that set the refusals up, by the kind of database."""

DROP = {
    "sqlite": tuple(
        f"DROP TRIGGER IF EXISTS ledger_{name}" for name in ("no_update", "no_delete", "follows", "moves_on")
    ),
    "postgresql": tuple(
        f"DROP TRIGGER IF EXISTS ledger_{name} ON {ENTRY}" for name in ("no_change", "no_truncate", "follows")
    ),
}
"""The statements that take them away: for going back before the migration, and for tests of tampering."""


def create(connection: Any) -> None:
    """Set the refusals up in a database."""
    run(connection, CREATE)


def drop(connection: Any) -> None:
    """Take them away."""
    run(connection, DROP)


def run(connection: Any, statements: dict[str, tuple[str, ...]]) -> None:
    """Run the statements of this kind of database."""
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
