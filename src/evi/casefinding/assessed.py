"""What the results of an assessment add up to: a score of one whole assessment, or why there is none.

A missing item is not counted as zero, and a result of a framework that the rule doesn't read is not read.
"""

from __future__ import annotations

from evi.casefinding.known import Known
from evi.casefinding.results import read_results
from evi.casefinding.rules import Rule
from evi.workspace import EviError, quote

ANY_AGE = (0, 1200)


def read_assessments(known: Known, rule: Rule) -> None:
    """Make the table `scored` of a rule that reads items, one row a child with any result.

    Columns: subject_id, score, problem, assessed_on, framework, missing (words of items without a result),
    low (words of items below their cut), n_low, n_items.

    Raises:
        EviError: the results of the children of the rule's ages are of other frameworks only.
    """
    assessment = rule.reads
    if assessment is None:
        raise EviError("it reads no assessment.", where=f"rule {rule.id}")
    read_results(known, assessment, rule.assessed_age_months or ANY_AGE)
    _refuse_other_frameworks(known, rule)
    known.values(
        "wanted",
        {"code": "VARCHAR", "cut": "DOUBLE", "place": "INTEGER"},
        [(code, rule.cuts.get(code), place) for place, code in enumerate(rule.items)],
    )
    known.table(
        "added",
        """SELECT subject_id, sum(value) AS total, count(*) AS n, bool_or(disagree) AS disagree,
            count(*) FILTER (value < cut) AS n_low, bit_or(bit) FILTER (value < cut) AS low,
            bit_or(bit) AS found
        FROM chosen JOIN (SELECT number, cut, CAST(1 AS BIGINT) << place AS bit
            FROM wanted JOIN item USING (code)) USING (number)
        GROUP BY subject_id""",
    )
    _score(known, rule)


def _refuse_other_frameworks(known: Known, rule: Rule) -> None:
    rows = known.con.execute(
        "SELECT DISTINCT framework FROM newest SEMI JOIN child USING (subject_id) WHERE NOT mixed ORDER BY 1"
    ).fetchall()
    found = [str(name) for (name,) in rows]
    if found and not set(found) & set(rule.frameworks):
        raise EviError(
            f"it reads the framework {' or '.join(rule.frameworks)} only, and every result of "
            f"children of its ages is of {' or '.join(found)}. Results of two frameworks are not comparable.",
            where=f"rule {rule.id}",
            do=f"Use the rule of the family {rule.family} that reads the framework {found[0]}.",
            exit_code=WRONG_FRAMEWORK,
        )


WRONG_FRAMEWORK = 3
"""Exit code of the refusal to read another framework's results."""


def _score(known: Known, rule: Rule) -> None:
    """Make the table `scored`. A child whose assessment lacks an item of the rule gets no score at all."""
    score = "total" if rule.kind == "sum" else "n_low"
    whole = {name: _mask(rule, name) for name in rule.frameworks}
    items = " ".join(f"WHEN {quote(name)} THEN {mask}" for name, mask in whole.items())
    lacking = "items & ~coalesce(found, 0)"
    words = "[" + ", ".join(quote(each) for each in rule.items.values()) + "]"
    known.table(
        "scored",
        f"""SELECT subject_id, CASE WHEN problem IS NULL THEN CAST({score} AS DOUBLE) END AS score, problem,
            on_day AS assessed_on,
            CASE WHEN problem = 'both_frameworks' THEN NULL ELSE framework END AS framework,
            CASE WHEN problem = 'items_missing' THEN {_named(words, lacking)} END AS missing,
            CASE WHEN low > 0 THEN {_named(words, "low")} ELSE CAST([] AS VARCHAR[]) END AS low,
            n_low, bit_count(items) AS n_items
        FROM (SELECT *, CASE WHEN mixed THEN 'both_frameworks'
                    WHEN items IS NULL THEN 'other_framework'
                    WHEN disagree THEN 'disagree'
                    WHEN coalesce(found, 0) <> items THEN 'items_missing' END AS problem
              FROM (SELECT newest.*, added.* EXCLUDE (subject_id, n),
                        CASE framework {items} END AS items
                    FROM newest LEFT JOIN added USING (subject_id)))
        UNION ALL BY NAME
        SELECT subject_id, min(fault) AS problem FROM result
        WHERE fault IS NOT NULL AND fault <> 'unknown_code'
          AND subject_id NOT IN (SELECT subject_id FROM newest) GROUP BY subject_id""",
    )


def _named(words: str, mask: str) -> str:
    """SQL: the words whose bits are set, in the order of the rule's items."""
    return f"list_filter({words}, lambda word, place: (({mask}) >> (place - 1)) & 1 = 1)"


def _mask(rule: Rule, framework: str) -> str:
    """SQL: the bits of the rule's items of one framework."""
    reads = rule.reads
    bits = [
        place for place, code in enumerate(rule.items) if reads and code in reads.frameworks[framework].items
    ]
    return f"CAST({sum(1 << place for place in bits)} AS BIGINT)"
