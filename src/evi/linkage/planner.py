"""What the engine decides from the data alone, and why, in sentences.

The planner looks at which columns hold something, how full they are and how many values they have. It drops
what tells nobody from anybody, chooses comparisons, blocks, the training sample, the columns whose rare
values count for more, and the threshold. Nothing is set for one data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from evi.linkage.blocking import EVERY_PAIR, FEW_PAIRS, BlockNote, Rule, rules_for
from evi.linkage.comparisons import Comparison, comparisons_for
from evi.linkage.queries import columns_that_hold_something, one_row
from evi.linkage.training import possible_pairs, step_of

EVEN_ODDS = 0.5
_LOOKED_AT = 200_000  # records whose values are counted, at most
_ENOUGH = 50  # fewer values than this say nothing of a column
_UNEVEN = (
    0.9  # rare values matter where two rows agree by more than a tenth oftener than if all were as common
)

# The first column of each bundle of codes, with the columns that go with it, and what it is in words.
_BUNDLES: dict[str, tuple[tuple[str, ...], str]] = {
    "fn": (
        ("fn", "fn_t", "fn_ph", "fn_pre", "fn_x", "fn2", "fn_dob", "full_name_year"),
        "forename",
    ),
    "sn": (
        ("sn", "sn_t", "sn_ph", "sn_pre", "sn_a", "sn_b", "sn_pc", "full_name_year"),
        "surname",
    ),
    "dob": (("dob", "dob_x", "ym", "md", "yd", "birth_year", "fn_dob", "full_name_year"), "birth date"),
    "sex": (("sex",), "sex"),
    "pc": (("pc", "pc_sector", "sn_pc"), "postcode"),
    "addr": (("addr",), "address line"),
    "home": (("home",), "property number"),
    "nhs": (("nhs",), "NHS number"),
    "upn": (("upn",), "pupil number"),
    "ref": (("ref",), "other reference"),
    "email": (("email", "email_user"), "e-mail address"),
    "phone": (("phone",), "telephone number"),
    "town": (("town",), "town"),
}


@dataclass(frozen=True)
class Column:
    """One column as the planner sees it.

    Attributes:
        name: what it is, in words.
        filled: the share of rows that hold something.
        values: how many different values there are (in the rows looked at).
        alike: the chance that two rows that hold something hold the same.
    """

    name: str
    filled: float
    values: int
    alike: float


@dataclass(frozen=True)
class Plan:
    """What was decided.

    Attributes:
        columns: the columns that were looked at, by the first of their codes.
        comparisons: what is compared.
        rules: the rules of blocking.
        sample: one record in so many has its candidate pairs trained on.
        rare_values: columns of which a rare value counts for more.
        threshold: links at or above this probability join records.
        reasons: a sentence for each decision.
        brief: those of them that a person should see at every run.
    """

    columns: dict[str, Column]
    comparisons: tuple[Comparison, ...]
    rules: tuple[Rule, ...]
    sample: int
    rare_values: tuple[str, ...]
    threshold: float
    reasons: tuple[str, ...]
    brief: tuple[str, ...]

    def explain(self, blocks: Sequence[BlockNote] = ()) -> list[str]:
        """The decisions as sentences; `blocks` adds what came of the rules of blocking."""
        return [*self.reasons, *(sentence for note in blocks for sentence in note.explain())]


def drop_what_says_nothing(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, Column], list[str]]:
    """Empty the columns of `observations` that hold one value for everyone; returns what was seen and said.

    A value that everyone has tells nobody from anybody, and as a key of a block it holds everyone.
    """
    seen, said = look(con), []
    for first, column in seen.items():
        if column.values != 1 or column.filled * _rows(con) < _ENOUGH or first in ("nhs", "upn", "ref"):
            continue
        emptied = ", ".join(f"{name} = NULL" for name in _BUNDLES[first][0])
        con.execute(f"UPDATE observations SET {emptied}")
        said.append(
            f"The {column.name} is the same in every row that gives one, so it tells nobody from anybody "
            "and is left out."
        )
    return seen, said


def _rows(con: duckdb.DuckDBPyConnection) -> int:
    return int(one_row(con, "SELECT count(*) FROM observations")[0])


def look(con: duckdb.DuckDBPyConnection) -> dict[str, Column]:
    """How full each column of `observations` is, and how its values are spread, in a sample drawn by hash."""
    filled = columns_that_hold_something(con, "observations")
    step = max(1, _rows(con) // _LOOKED_AT)
    seen = {}
    for first, (_, name) in _BUNDLES.items():
        key = "coalesce(dob, ym, md, yd, birth_year)" if first == "dob" else first
        if first not in filled and not (first == "dob" and {"ym", "md", "yd", "birth_year"} & filled):
            continue
        rows, held, values, alike = one_row(
            con,
            f"""WITH counted AS (
                SELECT {key} AS value, count(*) AS n FROM observations WHERE hash(rec) % {step} = 0
                GROUP BY value)
            SELECT sum(n), sum(n) FILTER (value IS NOT NULL), count(value),
                   sum(n * (n - 1.0)) FILTER (value IS NOT NULL) FROM counted""",
        )
        held = int(held or 0)
        seen[first] = Column(
            name, held / max(1, rows or 0), int(values), float(alike or 0) / max(1, held * (held - 1))
        )
    return seen


def plan(
    con: duckdb.DuckDBPyConnection,
    columns: frozenset[str],
    filled: frozenset[str],
    seen: tuple[dict[str, Column], list[str]],
    *,
    one_per_feed: bool,
    threshold: float | None,
) -> Plan:
    """Decide.

    Args:
        columns: columns of `people` that hold something.
        filled: columns of `variants` that hold something.
        seen: what `drop_what_says_nothing` gave.
        one_per_feed: a feed holds one record per person.
        threshold: the caller's, or None for the planner's own.
    """
    looked, said = seen
    comparisons, rules = comparisons_for(columns), rules_for(filled)
    records = int(one_row(con, "SELECT count(*) FROM people")[0])
    possible = possible_pairs(con, one_per_feed=one_per_feed)
    # Between feeds that share few people, pairs with nothing rare in common would mislead the training.
    if rules and not one_per_feed and possible <= FEW_PAIRS:
        rules = (EVERY_PAIR,)
    sample = step_of(records)
    rare = tuple(
        name
        for name in sorted({level.term for each in comparisons for level in each.levels if level.term})
        if _has_rare_values(looked.get(_bundle_of(name)))
    )
    comparisons = tuple(_with_terms(each, rare) for each in comparisons)
    chosen = EVEN_ODDS if threshold is None else threshold
    given, *missing = _on_columns(looked)
    brief = [*missing, *said, *_on_comparisons(comparisons, columns, one_per_feed)]
    decided = [_on_training(records, sample, one_per_feed), _on_rare_values(rare, looked)]
    decided = [sentence for sentence in (*decided, _on_threshold(threshold)) if sentence]
    reasons = (given, *brief, _on_rules(rules, possible), *decided)
    return Plan(looked, comparisons, rules, sample, rare, chosen, reasons, (*brief, *decided))


def _with_terms(comparison: Comparison, rare: Sequence[str]) -> Comparison:
    """The comparison with frequencies used in the columns `rare` only."""
    levels = [level if level.term in rare else replace(level, term="") for level in comparison.levels]
    return replace(comparison, levels=tuple(levels))


def _bundle_of(column: str) -> str:
    return next((first for first, (codes, _) in _BUNDLES.items() if column in codes), column)


def _has_rare_values(column: Column | None) -> bool:
    """Whether two rows agree more often than they would if all values were as common."""
    return column is not None and column.values > 1 and 1 / column.values < _UNEVEN * column.alike


def _on_columns(looked: dict[str, Column]) -> list[str]:
    given = ", ".join(
        f"{column.name} ({column.filled:.0%} filled, {column.values:,} values)" for column in looked.values()
    )
    said = [f"Columns that hold something: {given}." if given else "No column holds anything to compare."]
    missing = [_BUNDLES[first][1] for first in ("nhs", "upn") if first not in looked]
    if missing:
        said.append(
            f"There is no {' and no '.join(missing)}, so no link is certain by number"
            + (" alone." if len(missing) == 1 else ".")
        )
    return said


def _on_comparisons(
    comparisons: Sequence[Comparison], columns: frozenset[str], one_per_feed: bool
) -> list[str]:
    said = []
    places = {"h1": "home", "p1": "postcode", "addr": "address line"}
    where = [word for column, word in places.items() if column in columns]
    if "sn" in columns and where:
        said.append(
            f"{', '.join(['Surname', *where[:-1]])} and {where[-1]} are compared together, because a family "
            "shares them all: as separate facts they would make one person of two siblings."
        )
        said.append(
            "Forename and birth date are weighed by what strangers have in common: a home, a neighbourhood, "
            "or neither."
        )
    elif where or "sn" in columns:
        said.append(
            f"{'Surname' if 'sn' in columns else ' and '.join(where).capitalize()} is compared by itself: "
            + ("there is no place" if "sn" in columns else "there is no surname")
            + " to compare with it."
        )
    rest = [each.name for each in comparisons if each.name not in ("family_place", "forename", "birth_date")]
    if rest:
        said.append(f"Also compared: {', '.join(rest)}.")
    said.append(
        "A feed holds one record of a person, so a record has at most one partner in another feed."
        if one_per_feed
        else "One table is searched for repeats, so a person may have any number of records in it."
    )
    return said


def _on_rules(rules: Sequence[Rule], possible: int) -> str:
    if rules == (EVERY_PAIR,):
        return f"All {possible:,} pairs are compared, since they are few."
    named = "; ".join(rule.name for rule in rules)
    return f"Pairs are sought by {len(rules)} rules, those whose columns hold something: {named}."


def _on_training(records: int, sample: int, one_per_feed: bool) -> str:
    drawn = f"one record in {sample:,}" if sample > 1 else "every record"
    strangers = "measured on pairs inside one feed" if one_per_feed else "estimated with the matches"
    return (
        f"Learned from the candidate pairs of {drawn} of {records:,}. "
        f"Agreement among strangers is {strangers}."
    )


def _on_rare_values(rare: Sequence[str], looked: dict[str, Column]) -> str:
    names = sorted({looked[_bundle_of(name)].name for name in rare})
    return f"A rare value counts for more in {', '.join(names)}." if names else ""


def _on_threshold(threshold: float | None) -> str:
    if threshold is None:
        return (
            f"Records are one person from a probability of {EVEN_ODDS:g}: with nothing said of which is "
            "worse, a missed and a false link count the same."
        )
    return f"Records are one person from a probability of {threshold:g}, as asked."
