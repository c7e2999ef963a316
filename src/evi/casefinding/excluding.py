"""Children who are on a pathway already: with which reason, and since when."""

from __future__ import annotations

from evi.casefinding.known import Known
from evi.casefinding.rules import Exclusion, Rule
from evi.workspace import quote


def find_excluded(known: Known, rule: Rule) -> None:
    """Make the table `excluded`: subject_id, exclusion (the first of the rule that holds), since.

    A child waits once, as on a waiting list: an end on or after the newest referral closes all of them.
    """
    parts = [
        f"""SELECT {place} AS place, {quote(each.id)} AS exclusion, subject_id, since
        FROM ({_query(known, each)})"""
        for place, each in enumerate(rule.exclusions)
    ]
    nobody = """SELECT CAST(NULL AS INTEGER) AS place, CAST(NULL AS VARCHAR) AS exclusion,
        CAST(NULL AS BIGINT) AS subject_id, CAST(NULL AS DATE) AS since WHERE false"""
    known.table(
        "excluded",
        f"""SELECT subject_id, arg_min(exclusion, place) AS exclusion, arg_min(since, place) AS since
        FROM ({" UNION ALL ".join([nobody, *parts])}) GROUP BY subject_id""",
    )


def _query(known: Known, exclusion: Exclusion) -> str:
    """SQL: subject_id, since, of the children to whom one exclusion applies."""
    day = f"DATE '{known.day}'"
    where = [f"on_day <= {day}"]
    if exclusion.text:
        where.append(f"text_value IN ({', '.join(quote(text) for text in exclusion.text)})")
    if exclusion.days is not None:
        where.append(f"on_day > {day} - {exclusion.days}")
    if exclusion.while_open:
        where.append(f"(end_day IS NULL OR end_day > {day})")
    since = "max" if exclusion.while_open or exclusion.days is not None else "min"
    found = f"""SELECT subject_id, {since}(on_day) AS since FROM {known.events(exclusion.codes)}
        WHERE {" AND ".join(where)} GROUP BY subject_id"""
    if not exclusion.ends:
        return found
    return f"""SELECT start.* FROM ({found}) AS start LEFT JOIN (
            SELECT subject_id, max(on_day) AS ended FROM {known.events(exclusion.ends)}
            WHERE on_day <= {day} GROUP BY subject_id) AS stop USING (subject_id)
        WHERE ended IS NULL OR ended < since"""
