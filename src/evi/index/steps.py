"""SQL as named steps: each is a table that can be read on its own when a number looks wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from evi.index.catalogue import Catalogue


@dataclass(frozen=True)
class Step:
    """One temporary table: its name, what it holds in a sentence, and the query that makes it."""

    name: str
    holds: str
    sql: str

    def __str__(self) -> str:
        return f"-- {self.name}: {self.holds}\n{self.sql.strip()}"


def run_steps(con: duckdb.DuckDBPyConnection, steps: Iterable[Step]) -> None:
    """Make each step's table in turn; a table of the same name is replaced."""
    for step in steps:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {step.name} AS {step.sql}")


def load_catalogue(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Put the indicators of the child's own index into a session of `open_sources`.

    Makes `own(position, indicator, domain, domain_no, group_no, scope, age_from, age_to, every_feed)`,
    `own_domains(domain_no, domain)`, `own_groups(group_no, needs)`,
    `own_feeds(indicator, feed)`, `own_codes(indicator, pattern, stem)` (`stem`: what the codes of a pattern
    that ends in `*` begin with), and `of_places(indicator, place_kind, rate_of, rate_at_least, minimum)`.
    """
    own, of_places = catalogue.own, catalogue.of_places
    read = [(entry.id, code) for entry in own for code in entry.codes]
    pairs = [(entry.id, feed) for entry in own for feed in entry.feeds]
    domains = {domain: number for number, domain in enumerate(catalogue.domain_ids)}
    groups = dict(con.execute("SELECT indicator, needs FROM needs").fetchall())
    group_numbers = {needs: number for number, needs in enumerate(sorted(set(groups.values())))}
    load_table(
        con, "own_domains", {"domain_no BIGINT": list(domains.values()), "domain VARCHAR": list(domains)}
    )
    load_table(
        con,
        "own_groups",
        {"group_no BIGINT": list(group_numbers.values()), "needs VARCHAR": list(group_numbers)},
    )
    load_table(
        con,
        "own",
        {
            "position BIGINT": list(range(len(own))),
            "indicator VARCHAR": [entry.id for entry in own],
            "domain VARCHAR": [entry.domain for entry in own],
            "domain_no BIGINT": [domains[entry.domain] for entry in own],
            "group_no BIGINT": [group_numbers.get(groups.get(entry.id, ""), -1) for entry in own],
            "scope VARCHAR": [entry.scope for entry in own],
            "age_from BIGINT": [entry.age_from for entry in own],
            "age_to BIGINT": [entry.age_to for entry in own],
            "every_feed BOOLEAN": [entry.every_feed for entry in own],
        },
    )
    load_table(
        con,
        "own_feeds",
        {
            "indicator VARCHAR": [name for name, _feed in pairs],
            "feed VARCHAR": [feed for _name, feed in pairs],
        },
    )
    load_table(
        con,
        "own_codes",
        {
            "indicator VARCHAR": [name for name, _code in read],
            "pattern VARCHAR": [code for _name, code in read],
            "stem VARCHAR": [code[:-1] if code.endswith("*") else "" for _name, code in read],
        },
    )
    load_table(
        con,
        "of_places",
        {
            "indicator VARCHAR": [entry.id for entry in of_places],
            "place_kind VARCHAR": [entry.rate_among for entry in of_places],
            "rate_of VARCHAR": [entry.rate_of or "" for entry in of_places],
            "rate_at_least BIGINT": [entry.rate_at_least for entry in of_places],
            "minimum BIGINT": [entry.minimum_children for entry in of_places],
        },
    )


def load_table(con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, Sequence[object]]) -> None:
    """Make a temporary table of a few rows from lists; a table of the same name is replaced.

    Args:
        columns: by name and type, such as `"position BIGINT"`.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({', '.join(columns)})")
    listed = ", ".join(f"unnest(?::{column.rsplit(' ', 1)[1]}[])" for column in columns)
    con.execute(f"INSERT INTO {name} SELECT {listed}", list(columns.values()))
