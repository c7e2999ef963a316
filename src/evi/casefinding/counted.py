"""Scores that are no total of items: a share, checks never seen, needs present, places that miss a record."""

from __future__ import annotations

import numpy as np
import polars as pl

from evi.casefinding.known import Known
from evi.casefinding.rules import Rule
from evi.indicators import DOMAINS, evaluate_at, registry_of
from evi.indicators.registry import make_registry
from evi.workspace import EviError, quote


def read_counts(known: Known, rule: Rule) -> None:
    """Make the table `scored` of a rule that reads no items.

    Columns: subject_id, score, problem, assessed_on, low (what was found, in words), amount (sessions that a
    share is of), missing (what is not known).
    """
    {"share": _share, "missed": _missed, "indicators": _indicators, "places": _places}[rule.kind](known, rule)


def _share(known: Known, rule: Rule) -> None:
    """One sum over another in the last days; too small a whole gives no answer."""
    said, day = rule.score, f"DATE '{known.day}'"
    window = f"on_day <= {day} AND on_day > {day} - {said['days']}"
    known.table(
        "scored",
        f"""SELECT subject_id,
            CASE WHEN amount >= {said["minimum"]} THEN coalesce(part, 0) / amount END AS score,
            CASE WHEN amount < {said["minimum"]} THEN 'too_little' END AS problem, newest AS assessed_on,
            CAST([] AS VARCHAR[]) AS low, amount, CAST([] AS VARCHAR[]) AS missing
        FROM (SELECT subject_id, sum(value) AS amount, max(on_day) AS newest
              FROM {known.events(said["to"])} WHERE {window} GROUP BY subject_id)
        LEFT JOIN (SELECT subject_id, sum(value) AS part FROM {known.events(said["of"])}
                   WHERE {window} GROUP BY subject_id) USING (subject_id)""",
    )


def _missed(known: Known, rule: Rule) -> None:
    """How many kinds of check were never seen, of children whom a feed covered all through those ages."""
    said = rule.score
    low, high = said["watched_months"]
    seen = [
        f"""SELECT subject_id, {quote(what)} AS what FROM {known.events(codes)}
        WHERE on_day <= DATE '{known.day}'"""
        for what, codes in said["seen"].items()
    ]
    every = "[" + ", ".join(quote(what) for what in said["seen"]) + "]"
    known.table(
        "scored",
        f"""SELECT child.subject_id,
            CASE WHEN watched OR never = [] THEN CAST(len(never) AS DOUBLE) END AS score,
            CASE WHEN NOT watched AND never <> [] THEN 'not_watched' END AS problem,
            CAST(birth_month + to_months({high}) AS DATE) AS assessed_on,
            CASE WHEN watched THEN never ELSE CAST([] AS VARCHAR[]) END AS low,
            CAST(NULL AS DOUBLE) AS amount, CAST([] AS VARCHAR[]) AS missing
        FROM (SELECT child.*,
                list_filter({every}, lambda what: NOT list_contains(coalesce(done, []), what)) AS never,
                {" AND ".join(_covered_at(known, feed, age) for feed in rule.feeds for age in (low, high))}
                AS watched
              FROM child LEFT JOIN (SELECT subject_id, list(DISTINCT what) AS done
                FROM ({" UNION ALL ".join(seen)}) GROUP BY subject_id) USING (subject_id)) AS child""",
    )


def _covered_at(known: Known, feed: str, age: int) -> str:
    """SQL: whether a feed covered the child at an age in months."""
    when = f"CAST(birth_month + to_months({age}) AS DATE)"
    return f"""child.subject_id IN (SELECT c.subject_id FROM {known.file("coverage.parquet")} c
        JOIN child USING (subject_id) WHERE feed = {quote(feed)} AND start <= {when}
          AND ("end" IS NULL OR "end" >= {when}) AND known_at <= DATE '{known.day}')"""


def _indicators(known: Known, rule: Rule) -> None:
    """In how many domains a need of the index is present on the day, where enough of them can be judged."""
    registry = registry_of(known.district)
    chosen = rule.score["indicators"]
    stored = {each.id: each for each in registry.stored}
    unknown = [] if chosen == "all" else [name for name in chosen if name not in stored]
    if unknown:
        raise EviError(f"there is no indicator named {unknown[0]}.", where=f"rule {rule.id}", exit_code=2)
    asked = list(stored.values()) if chosen == "all" else [stored[name] for name in chosen]
    states = evaluate_at(known.district, known.day, registry=make_registry(asked))
    ages = known.frame("SELECT subject_id, age_months FROM child")
    rows = pl.DataFrame({"subject_id": states.subject_ids, "row": np.arange(len(states.subject_ids))})
    rows = rows.join(ages, on="subject_id").sort("subject_id")
    matrix, age = states.matrix[rows["row"].to_numpy()], rows["age_months"].to_numpy()[:, None]
    windows = np.array([stored[name].age_months for name in states.indicators])
    of_age = (windows[:, 0] <= age) & (age < windows[:, 1])
    domains = np.array([stored[name].domain for name in states.indicators])
    names = [name for name in DOMAINS if name in domains]
    held = np.stack([(matrix == 2)[:, domains == name].any(axis=1) for name in names], axis=1)
    frame = pl.DataFrame(
        {
            "subject_id": rows["subject_id"],
            "n_present": held.sum(axis=1).astype(float),
            "share": ((matrix != 0) & of_age).sum(axis=1) / np.maximum(of_age.sum(axis=1), 1),
            "low": [[DOMAINS[names[i]].lower() for i in row.nonzero()[0]] for row in held],
        },
        schema_overrides={"low": pl.List(pl.String)},
    )
    known.con.register("needs_frame", frame.to_arrow())
    enough = rule.score["assessable_share"]
    known.table(
        "scored",
        f"""SELECT subject_id, CASE WHEN share >= {enough} THEN n_present END AS score,
            CASE WHEN share < {enough} THEN 'too_little' END AS problem, DATE '{known.day}' AS assessed_on,
            low, CAST(NULL AS DOUBLE) AS amount, CAST([] AS VARCHAR[]) AS missing
        FROM needs_frame SEMI JOIN child USING (subject_id)""",
    )
    known.con.unregister("needs_frame")


def make_places(known: Known, rule: Rule) -> None:
    """Make the table `place_of` (subject_id, id, title, place, held, since): each place that covers a child
    on the day, at the ages at which it would record the condition, and whether it does.
    """
    parts: list[str] = []
    for place in rule.score["places"]:
        low, high = place.get("age_months", (0, 1200))
        day = f"DATE '{known.day}'"
        knows = f"SELECT subject_id FROM covered WHERE feed = {quote(place['feed'])}"
        if "knows" in place:
            knows = f"""SELECT subject_id FROM {known.events(place["knows"])}
                WHERE on_day <= {day} AND (end_day IS NULL OR end_day > {day})"""
        parts.append(
            f"""SELECT child.subject_id, {quote(place["id"])} AS id, {quote(place["title"])} AS title,
                {len(parts)} AS place, since IS NOT NULL AS held, since
            FROM child LEFT JOIN (SELECT subject_id, min(on_day) AS since FROM {known.events(place["codes"])}
                WHERE on_day <= {day} GROUP BY subject_id) USING (subject_id)
            WHERE since IS NOT NULL OR (age_months >= {low} AND age_months < {high}
                AND child.subject_id IN ({knows}))"""
        )
    known.table("place_of", " UNION ALL ".join(parts))


def _places(known: Known, rule: Rule) -> None:
    """In how many services that would record the condition it is missing, where another has it."""
    make_places(known, rule)
    said = "title || ' (since ' || strftime(since, '%-d %B %Y') || ')'"
    known.table(
        "scored",
        f"""SELECT subject_id, CASE WHEN n < 2 THEN NULL WHEN n_held = 0 THEN 0.0
                ELSE CAST(n - n_held AS DOUBLE) END AS score,
            CASE WHEN n < 2 THEN 'one_place' END AS problem, newest AS assessed_on,
            ['recorded by: ' || array_to_string(coalesce(has, []), ', '),
             'not recorded by: ' || array_to_string(coalesce(lacks, []), ', ')] AS low,
            CAST(NULL AS DOUBLE) AS amount, CAST([] AS VARCHAR[]) AS missing
        FROM (SELECT subject_id, count(*) AS n, count(*) FILTER (held) AS n_held, max(since) AS newest,
                list({said} ORDER BY place) FILTER (held) AS has,
                list(title ORDER BY place) FILTER (NOT held) AS lacks
              FROM place_of GROUP BY subject_id)""",
    )
