"""The index of every child on one day, as SQL steps over spans.

A child is in the index on a day if they are under 18 and known to the district that day: covered by a
feed, living at an address, on a school's roll, or with an indicator that is present or assessable. A
child who has left, and whom no service here covers any more, is not.

The index is the electronic Frailty Index's: indicators present, divided by indicators assessable, all of
equal weight (Clegg 2016, https://doi.org/10.1093/ageing/afw039). An indicator counts as assessable where
it is present or where the feeds it needs cover the child that day; only those for the child's age count.
"""

from __future__ import annotations

from datetime import date

from evi.index.catalogue import DOUBTFUL_LINK, NOT_ENOUGH_KNOWN, Catalogue
from evi.index.steps import Step
from evi.workspace import quote

ADULT_MONTHS = 216


def latest_at(table: str, columns: str, order: str, day: date) -> str:
    """The row of `table` that holds for each subject on `day`: the one begun last, ties by `order`."""
    return (
        f"SELECT subject_id, {columns} FROM {table} "
        f"WHERE start <= DATE '{day}' AND (\"end\" IS NULL OR \"end\" > DATE '{day}') "
        f"QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY start DESC, {order}) = 1"
    )


def child_steps(day: date, catalogue: Catalogue) -> list[Step]:
    """The steps from `state_at` to `child_index`, one row a child.

    Needs `child_lists(subject_id, would_complete)`: the feeds that would answer what is not known.
    """
    return [*_counts(catalogue), *_doubt(), _child_index(day, catalogue)]


def state_steps(day: date) -> list[Step]:
    """The steps from spans to `child_at` and `state_at`: who is in the index, and what is known of them."""
    open_on = f"true_from <= DATE '{day}' AND (true_to IS NULL OR true_to > DATE '{day}')"
    age = f"datediff('month', birth_month, DATE '{day}')"
    return [
        Step(
            "home_at",
            "where each person lives",
            latest_at("residence", "home AS household_id, lsoa", "home DESC", day),
        ),
        Step("school_at", "the roll each child is on", latest_at("enrolment", "school", "school DESC", day)),
        Step(
            "covered_at",
            "the feeds that cover each person",
            f"SELECT DISTINCT subject_id, feed FROM coverage "
            f"WHERE start <= DATE '{day}' AND (\"end\" IS NULL OR \"end\" > DATE '{day}')",
        ),
        Step(
            "present_at",
            "indicators present on the day; spans of one child and indicator never overlap",
            f"""SELECT subject_id, position, group_no, true_from AS since
                FROM spans JOIN own USING (indicator) WHERE {open_on}""",
        ),
        Step(
            "group_at",
            "groups of needs covered on the day",
            f"""SELECT subject_id, group_no FROM covered JOIN own_groups USING (needs) WHERE {open_on}""",
        ),
        Step(
            "open_at",
            "indicators that are present, or that somebody could tell",
            """SELECT p.subject_id, p.position, true AS present, g.group_no IS NOT NULL AS covered, since
               FROM present_at AS p
               LEFT JOIN group_at AS g ON g.subject_id = p.subject_id AND g.group_no = p.group_no
               UNION ALL
               SELECT g.subject_id, o.position, false, true, NULL
               FROM group_at AS g JOIN own AS o ON o.group_no = g.group_no
               ANTI JOIN present_at AS p ON p.subject_id = g.subject_id AND p.position = o.position""",
        ),
        Step(
            "child_at",
            "children known to the district",
            f"""SELECT subject_id, {age} AS age_months, sex, ethnicity,
                       h.lsoa, s.school, h.household_id
                FROM subjects LEFT JOIN home_at AS h USING (subject_id)
                LEFT JOIN school_at AS s USING (subject_id)
                WHERE kind <> 'home' AND birth_month <= DATE '{day}' AND {age} < {ADULT_MONTHS}
                  AND (h.household_id IS NOT NULL OR s.school IS NOT NULL
                       OR subject_id IN (SELECT subject_id FROM covered_at)
                       OR subject_id IN (SELECT subject_id FROM open_at))""",
        ),
        Step(
            "state_at",
            "child and indicator, where it is present or assessable and for the child's age",
            """SELECT subject_id, position, domain_no, present, covered, since
               FROM open_at JOIN child_at USING (subject_id) JOIN own USING (position)
               WHERE age_months >= age_from AND age_months < age_to""",
        ),
    ]


def _counts(catalogue: Catalogue) -> list[Step]:
    by_domain = ",\n".join(
        f"count(*) FILTER (present AND domain_no = {number})::SMALLINT AS {domain}_present, "
        f"count(*) FILTER (domain_no = {number})::SMALLINT AS {domain}_assessable"
        for number, domain in enumerate(catalogue.domain_ids)
    )
    return [
        Step(
            "counted",
            "indicators present and assessable of each child, in all and by domain",
            f"""SELECT subject_id, count(*) FILTER (present)::SMALLINT AS n_present,
                       count(*)::SMALLINT AS n_assessable, {by_domain}
                FROM state_at GROUP BY subject_id""",
        ),
        Step(
            "applicable",
            "how many indicators there are for a child of each age",
            """SELECT age_months, count(position)::SMALLINT AS n_applicable
               FROM (SELECT DISTINCT age_months FROM child_at)
               LEFT JOIN own ON age_months >= age_from AND age_months < age_to GROUP BY age_months""",
        ),
    ]


def _doubt() -> list[Step]:
    return [
        Step(
            "linked",
            "the weakest link of each child to each feed",
            """SELECT subject_id, feed, min(probability) AS probability
               FROM people SEMI JOIN child_at USING (subject_id) GROUP BY subject_id, feed""",
        ),
        Step(
            "behind",
            "smallest link probability among the feeds that can stand behind what is present",
            """SELECT subject_id, min(probability) AS link_probability
               FROM (SELECT subject_id, indicator FROM state_at JOIN own USING (position) WHERE present)
               JOIN own_feeds USING (indicator) JOIN linked USING (subject_id, feed) GROUP BY subject_id""",
        ),
        Step(
            "rests_on",
            "for children with a doubtful link: which feeds answer each indicator",
            f"""SELECT s.subject_id, s.position, s.present, o.every_feed, f.feed,
                       coalesce(l.probability, 1) < {DOUBTFUL_LINK} AS doubtful
                FROM state_at AS s
                SEMI JOIN (SELECT subject_id FROM linked WHERE probability < {DOUBTFUL_LINK}) AS d
                  ON d.subject_id = s.subject_id
                JOIN own AS o ON o.position = s.position
                JOIN own_feeds AS f ON f.indicator = o.indicator
                LEFT JOIN linked AS l ON l.subject_id = s.subject_id AND l.feed = f.feed
                LEFT JOIN covered_at AS c ON c.subject_id = s.subject_id AND c.feed = f.feed
                WHERE l.feed IS NOT NULL OR c.feed IS NOT NULL""",
        ),
        Step(
            "falls",
            "what each scenario takes away: one doubtful feed is another child's, or all of them are",
            """SELECT subject_id, scenario, position, any_value(present) AS present
               FROM (SELECT r.subject_id, r.position, r.present, r.every_feed, s.scenario,
                            r.doubtful AND (s.scenario = '*' OR r.feed = s.scenario) AS wrong
                     FROM rests_on AS r
                     JOIN (SELECT DISTINCT subject_id, feed AS scenario FROM rests_on WHERE doubtful
                           UNION ALL SELECT DISTINCT subject_id, '*' FROM rests_on WHERE doubtful) AS s
                       ON s.subject_id = r.subject_id)
               GROUP BY subject_id, scenario, position
               HAVING CASE WHEN any_value(every_feed) THEN bool_or(wrong) ELSE bool_and(wrong) END""",
        ),
        Step(
            "doubted",
            "the index of each child if doubtful links are wrong, at its least and its most",
            """SELECT subject_id, max(lost_present) AS n_doubtful,
                      min((n_present - lost_present) / (n_assessable - lost)) AS least,
                      max((n_present - lost_present) / (n_assessable - lost)) AS most
               FROM (SELECT subject_id, scenario, count(*) AS lost,
                            count(*) FILTER (present) AS lost_present
                     FROM falls GROUP BY subject_id, scenario)
               JOIN counted USING (subject_id) WHERE n_assessable > lost GROUP BY subject_id""",
        ),
    ]


def _child_index(day: date, catalogue: Catalogue) -> Step:
    bands = catalogue.bands
    above = "".join(
        f"WHEN n_present / n_assessable >= {cut!r}::DOUBLE THEN {quote(name)} "
        for cut, name in sorted(zip(bands.cuts, bands.names[1:], strict=True), reverse=True)
    )
    by_domain = ", ".join(
        f"coalesce({domain}_{what}, 0)::SMALLINT AS {domain}_{what}"
        for domain in catalogue.domain_ids
        for what in ("present", "assessable")
    )
    return Step(
        "child_index",
        "one row a child",
        f"""SELECT c.subject_id, DATE '{day}' AS date, age_months::SMALLINT AS age_months, sex, ethnicity,
                   lsoa, school, household_id,
                   coalesce(n_present, 0)::SMALLINT AS n_present,
                   coalesce(n_assessable, 0)::SMALLINT AS n_assessable, n_applicable,
                   coalesce(n_assessable, 0) / nullif(n_applicable, 0) AS completeness,
                   CASE WHEN n_assessable > 0 THEN n_present / n_assessable END AS evi,
                   CASE WHEN coalesce(n_assessable, 0) = 0
                          OR n_assessable < {bands.minimum_share!r}::DOUBLE * n_applicable
                        THEN '{NOT_ENOUGH_KNOWN}'
                        {above} ELSE {quote(bands.names[0])} END AS band,
                   least(n_present / n_assessable, least) AS evi_low,
                   greatest(n_present / n_assessable, most) AS evi_high,
                   coalesce(n_doubtful, 0)::SMALLINT AS n_doubtful, link_probability,
                   would_complete, {by_domain}
            FROM child_at AS c JOIN applicable USING (age_months)
            LEFT JOIN counted USING (subject_id) LEFT JOIN behind USING (subject_id)
            LEFT JOIN doubted USING (subject_id) JOIN child_lists USING (subject_id)""",
    )
