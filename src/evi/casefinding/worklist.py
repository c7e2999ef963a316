"""A work list for release: who is worth a professional look this term, because of what, and who is next.

Two routes lead onto it, a rule and a person's concern, and neither goes first: within a school the list takes
them by turns, in proportion to how many came by each. On the rule's side those far past the line come before
those near it, then whoever has waited longest since the assessment; on the other, whoever's concern has
waited longest; what is then equal is decided by lot. No score is a chance of anything, and none is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from evi.casefinding.concerns import NO_CONCERNS, REJECTS, Concern, Concerns
from evi.casefinding.finding import Findings, find
from evi.casefinding.places_offered import NO_SCHOOL, Offered, lot, share_out
from evi.casefinding.rules import Rule
from evi.workspace import District

THIS_TERM, NEXT_TERM, ON_PATHWAY = "this term", "next term", "on a pathway already"
RULE, CONCERN, BOTH = "rule", "concern", "rule and concern"
METHOD = (
    "Places are shared out among schools in proportion to the children on the list, by largest remainder, "
    "never more than a school has children or said it could take. Within a school, rule and concern take "
    "turns in proportion to their numbers; far past the line before near it, then the longest since the "
    "assessment or the concern; what is equal is decided by lot. "
    "Whoever is below the cut stays on the list as next term."
)

TABLE: dict[str, pl.DataType] = {
    "subject_id": pl.Int64(),
    "state": pl.String(),
    "school": pl.String(),
    "place": pl.Int32(),
    "route": pl.String(),
    "rule": pl.String(),
    "rule_version": pl.Int32(),
    "waiting_since": pl.Date(),
    "reasons": pl.List(pl.String()),
    "not_known": pl.List(pl.String()),
    "next_step": pl.String(),
}
"""Columns of `WorkList.table`: `place` is the place within the school."""


@dataclass(frozen=True)
class WorkList:
    """A work list. Every positive of the rule and every child with a usable concern is in `table`, once.

    Attributes:
        table: see `TABLE`, in order of school and place; those on a pathway already come last.
        schools: school, children, this_term, next_term.
        concerns: how many concerns were used, and why others were not.
    """

    findings: Findings
    offered: Offered
    table: pl.DataFrame
    schools: pl.DataFrame
    concerns: Mapping[str, int]

    def of(self, state: str) -> pl.DataFrame:
        """The children of one state."""
        return self.table.filter(pl.col("state") == state)

    def summary(self) -> dict[str, Any]:
        """What stands beside the list: rules, counts, exclusions, what was set aside, and limits."""
        rules, found = self.findings.rules, self.findings
        titles = {each.id: each.title for rule in rules for each in rule.exclusions}
        since = dict(
            found.of("excluded").group_by("exclusion").agg(pl.col("excluded_since").min()).iter_rows()
        )
        return {
            **found.run,
            "question": rules[0].question,
            "titles": [rule.title for rule in rules],
            "next_step": list(rules[0].next_step),
            "limits": list(dict.fromkeys(limit for rule in rules for limit in rule.limits)),
            "review_overdue": [rule.label for rule in rules if rule.review_by < found.day],
            "answers": found.counts["answer"],
            "not_assessable": found.counts["not_assessable"],
            "excluded": [
                {"id": name, "title": titles.get(name, name), "children": count, "earliest": since[name]}
                for name, count in found.counts["exclusion"].items()
            ],
            "results_set_aside": found.rejects.to_dicts(),
            "outside_ages": found.outside_age,
            "concerns": dict(self.concerns),
            "on_the_list": {state: self.of(state).height for state in (THIS_TERM, NEXT_TERM, ON_PATHWAY)},
            "routes": {
                route: self.table.filter(pl.col("route") == route).height for route in (RULE, CONCERN, BOTH)
            },
            "places_offered": self.offered.places,
            "term": self.offered.term,
            "method": METHOD,
            "schools": self.schools.to_dicts(),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One flat row a child, for a table or a CSV file."""
        return [
            row | {name: "; ".join(row[name]) for name in ("reasons", "not_known")}
            for row in self.table.iter_rows(named=True)
        ]


def make_worklist(
    district: District, findings: Findings, concerns: Concerns = NO_CONCERNS, offered: Offered | None = None
) -> WorkList:
    """Make a work list of a rule's positives and of people's concerns.

    Args:
        concerns: those about the condition of the rule; see `read_concerns`.
        offered: places of this term; without it, everybody is this term's.

    Raises:
        EviError: nothing is loaded.
    """
    offered = offered or Offered()
    raised: dict[int, list[Concern]] = {}
    for concern in concerns.concerns:
        raised.setdefault(concern.subject_id, []).append(concern)
    everyone = _with_others(district, findings, set(raised))
    wanted = everyone.filter((pl.col("answer") == "positive") | pl.col("subject_id").is_in(list(raised)))
    children = [
        _child(findings, row, raised.get(row["subject_id"], [])) for row in wanted.iter_rows(named=True)
    ]
    seed = f"{findings.name}|{findings.day}"
    listed = _in_turn([child for child in children if child["state"] != ON_PATHWAY], seed)
    counts: dict[str, int] = {}
    for child in listed:
        counts[child["school"]] = counts.get(child["school"], 0) + 1
    given = share_out(counts, offered, seed)
    for child in listed:
        child["state"] = THIS_TERM if child["place"] <= given[child["school"]] else NEXT_TERM
    rest = sorted(
        (c for c in children if c["state"] == ON_PATHWAY), key=lambda c: (c["school"], c["subject_id"])
    )
    table = pl.DataFrame(
        [{name: child.get(name) for name in TABLE} for child in (*listed, *rest)], schema=TABLE, orient="row"
    )
    schools = pl.DataFrame(
        [
            {"school": school, "children": count, THIS_TERM: given[school], NEXT_TERM: count - given[school]}
            for school, count in sorted(counts.items())
        ],
        schema={"school": pl.String, "children": pl.Int64, THIS_TERM: pl.Int64, NEXT_TERM: pl.Int64},
    )
    said = {"used": len(concerns), **{name: concerns.rejects.get(name, 0) for name in REJECTS}}
    return WorkList(findings, offered, table, schools, said)


def _with_others(district: District, findings: Findings, raised: set[int]) -> pl.DataFrame:
    """The findings, and what is known of children with a concern who are outside the rule's ages."""
    lacking = raised - set(findings.table["subject_id"].to_list())
    if not lacking:
        return findings.table
    widened = [replace(rule, age_months=(0, 216)) for rule in findings.rules]
    others = find(district, widened, findings.day).table
    return pl.concat([findings.table, others.filter(pl.col("subject_id").is_in(list(lacking)))])


def _child(findings: Findings, row: Mapping[str, Any], raised: Sequence[Concern]) -> dict[str, Any]:
    """One child of the list, not yet in its place."""
    rule = findings.rule_of(row["rule"])
    by_rule = row["answer"] == "positive" and rule.age_months[0] <= row["age_months"] < rule.age_months[1]
    days = [concern.raised_on for concern in raised] + ([row["assessed_on"]] if by_rule else [])
    reasons = (list(row["reasons"]) if by_rule else []) + [concern.words for concern in raised]
    state = ""
    if row["answer"] == "excluded":
        state = ON_PATHWAY
        held = next(each for each in rule.exclusions if each.id == row["exclusion"])
        since: date = row["excluded_since"]
        when = f"{'since' if held.days is None else 'on'} {since.day} {since:%B %Y}"
        reasons.append(f"Already on a pathway: {held.reason} ({when})")
    return {
        "subject_id": row["subject_id"],
        "state": state,
        "school": row["school"] or NO_SCHOOL,
        "route": BOTH if by_rule and raised else RULE if by_rule else CONCERN,
        "rule": row["rule"] if by_rule else None,
        "rule_version": rule.version if by_rule else None,
        "waiting_since": min((day for day in days if day is not None), default=findings.day),
        "reasons": reasons,
        "not_known": list(row["missing"]),
        "next_step": rule.next_step[0],
        "far": by_rule and is_far(rule, row["margin"], row["line"]),
        "by_rule": by_rule,
        "raised_on": min((concern.raised_on for concern in raised), default=None),
        "assessed_on": row["assessed_on"] or findings.day,
    }


def _in_turn(children: Sequence[dict[str, Any]], seed: str) -> list[dict[str, Any]]:
    """Children by school, each school in the order of the module's rule, with their places."""
    ordered: list[dict[str, Any]] = []
    for school in sorted({child["school"] for child in children}):
        here = [child for child in children if child["school"] == school]
        chance = {child["subject_id"]: lot(seed, child["subject_id"]) for child in here}
        rules = sorted(
            (child for child in here if child["by_rule"]),
            key=lambda c: (not c["far"], c["assessed_on"], chance[c["subject_id"]]),
        )
        concerns = sorted(
            (child for child in here if child["raised_on"]),
            key=lambda c: (c["raised_on"], chance[c["subject_id"]]),
        )
        turn: dict[int, float] = {}
        for queue in (rules, concerns):
            for number, child in enumerate(queue):
                at = (number + 0.5) / len(queue)
                turn[child["subject_id"]] = min(at, turn.get(child["subject_id"], at))
        here = sorted(here, key=lambda c: (turn[c["subject_id"]], chance[c["subject_id"]]))
        ordered += [child | {"place": number} for number, child in enumerate(here, 1)]
    return ordered


def is_far(rule: Rule, margin: float, line: float) -> bool:
    """Whether a score is at least half of the way from the line to the furthest score that there can be."""
    n_items = len(rule.items) // max(1, len(rule.frameworks))
    reads = rule.reads
    lowest = min(each.low for each in reads.frameworks.values()) if reads else 0.0
    furthest = {
        "sum": n_items * lowest,
        "below": float(n_items),
        "share": 1.0,
        "missed": float(len(rule.score.get("seen", ()))),
        "indicators": 10.0,
        "places": float(len(rule.score.get("places", ())) - 1),
    }[rule.kind]
    return margin >= abs(furthest - line) / 2
