"""What is said of a child: reasons and what is not known, in plain words, never a chance of a condition."""

from __future__ import annotations

from collections.abc import Mapping

from evi.casefinding.rules import Rule
from evi.workspace import quote

PROBLEMS: Mapping[str, str] = {
    "no_result": "no result is held",
    "items_missing": "some results are missing",
    "both_frameworks": "results of two frameworks are held, and one of them must be wrong",
    "other_framework": "assessed by a framework that this rule does not read",
    "disagree": "two results of one assessment disagree",
    "unknown_value": "its results have a value that the framework does not have",
    "before_birth": "its results are dated before the child was born",
    "in_the_future": "its results are dated after this day",
    "wrong_age": "its results are dated at an age at which this assessment is not made",
    "too_little": "too little is recorded to say",
    "not_watched": "the service that would know has no records of the child at the ages when it is due",
    "one_place": "fewer than two services that would record it hold records of the child",
}
"""Why a child is not assessable."""

SERVICES: Mapping[str, str] = {
    "csds": "community health services",
    "gp": "general practice",
    "school": "school census and attendance",
    "cin": "children's social care",
    "sen2": "the SEN team",
    "mhsds": "mental health services",
    "eyfsp": "early years profile",
    "maternity": "maternity",
    "ssd": "children's social care",
    "ssda903": "children looked after",
    "ae": "emergency department",
    "housing": "housing",
    "police": "police",
    "fire": "fire service",
}
"""Feeds, as people call the services behind them."""

DAY = "strftime({}, '%-d %B %Y')"


def reasons_sql(rule: Rule) -> str:
    """SQL: the list of reasons of a positive, from the columns of `scored`."""
    line = "CAST(CAST(line AS DECIMAL(9, 2)) AS VARCHAR)"
    line = (
        f"regexp_replace({line}, '\\.?0+$', '')"
        if rule.threshold.value % 1
        else "CAST(CAST(line AS INTEGER) AS VARCHAR)"
    )
    count = "CAST(CAST(score AS INTEGER) AS VARCHAR)"
    when = DAY.format("assessed_on")
    named = "array_to_string(low, ', ')"
    if rule.kind == "sum":
        expected = f"'Below the expected level in ' || n_low || ' of ' || n_items || ': ' || {named}"
        return f"""list_filter(['The total of ' || n_items || ' goals is ' || {count}
            || ' (assessed ' || {when} || '); this rule looks at totals under ' || {line},
            CASE WHEN n_low > 0 THEN {expected} END],
            lambda said: said IS NOT NULL)"""
    if rule.kind == "below":
        what = "the expected level" if rule.reads and rule.reads.one_per_child else "the cut-off"
        said = f"'Below {what} in ' || {count} || ' of ' || n_items || ' (assessed ' || {when}"
        return f"[{said} || '): ' || {named}]"
    if rule.kind == "share":
        return f"""['Missed ' || CAST(CAST(round(score * 100) AS INTEGER) AS VARCHAR)
            || ' of every 100 sessions in the {rule.score["days"]} days to ' || {when}
            || ' (' || CAST(CAST(amount AS INTEGER) AS VARCHAR)
            || ' sessions recorded)']"""
    if rule.kind == "missed":
        said = f"'No ' || what || ' is recorded, and it was due by ' || {when}"
        return f"list_transform(low, lambda what: {said})"
    if rule.kind == "places":
        return "list_transform(low, lambda said: upper(said[1:1]) || said[2:])"
    return f"['Needs in ' || {count} || ' parts of life are recorded now: ' || array_to_string(low, '; ')]"


def missing_sql(rule: Rule) -> str:
    """SQL: what is not known of a child: why there is no answer, what is lacking, who has no records."""
    problems = " ".join(f"WHEN {quote(name)} THEN {quote(words)}" for name, words in PROBLEMS.items())
    asked: dict[str, list[str]] = {}
    for feed in dict.fromkeys(feed for exclusion in rule.exclusions for feed in exclusion.feeds):
        asked.setdefault(SERVICES.get(feed, feed), []).append(quote(feed))
    silent = [
        f"""CASE WHEN subject_id NOT IN (SELECT subject_id FROM covered WHERE feed IN ({", ".join(feeds)}))
        THEN {quote(f"no records of this child now from: {service}")} END"""
        for service, feeds in asked.items()
    ]
    parts = ["line_missing", *silent]
    return f"""list_filter(list_concat([CASE problem {problems} END],
        coalesce(missing, []), [{", ".join(parts)}]), lambda said: said IS NOT NULL)"""
