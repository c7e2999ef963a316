"""Families, schools and small areas on one day, derived from the index of their children."""

from __future__ import annotations

from datetime import date

from evi.index.catalogue import LARGE_ADDRESS, NOT_ENOUGH_KNOWN, Catalogue
from evi.index.intervals import wilson_sql
from evi.index.steps import Step
from evi.workspace import quote

SUPPORTING_FAMILIES_OUTCOMES = 3
"""A family with a need in at least this many of the ten outcomes meets the Supporting Families threshold
(programme guidance 2022 to 2025, chapter 5,
https://www.gov.uk/government/publications/supporting-families-programme-guidance-2022-to-2025)."""


def place_steps(day: date, catalogue: Catalogue) -> list[Step]:
    """The steps from `child_index` to `rates`, `domain_rates` and the indexes of families and places."""
    return [
        *_rates(day),
        _place_indicators(),
        _families(day, catalogue),
        _place("school_index", "school", day, catalogue),
        _place("lsoa_index", "lsoa", day, catalogue),
    ]


def _families(day: date, catalogue: Catalogue) -> Step:
    outcomes = ", ".join(f"max(c.{domain}_present) > 0 AS {domain}_need" for domain in catalogue.domain_ids)
    count = " + ".join(f"{domain}_need::SMALLINT" for domain in catalogue.domain_ids)
    needs = ", ".join(f"{domain}_need" for domain in catalogue.domain_ids)
    known = f"band <> '{NOT_ENOUGH_KNOWN}'"
    return Step(
        "family_index",
        "one row an address with a child; an address of many people is marked, and no threshold is applied",
        f"""WITH people_there AS (
                SELECT household_id, count(*) AS n_people FROM home_at GROUP BY household_id),
            summed AS (
                SELECT household_id, min(c.lsoa) AS lsoa, count(*) AS n_children,
                       count(*) FILTER ({known}) AS n_enough_known, sum(c.n_present) AS n_present,
                       sum(CASE WHEN {known} THEN evi::DECIMAL(12, 9) END)::DOUBLE AS evi_sum, {outcomes}
                FROM child_index AS c WHERE household_id IS NOT NULL GROUP BY household_id)
            SELECT household_id, DATE '{day}' AS date, lsoa,
                   CASE WHEN n_people > {LARGE_ADDRESS} THEN 'large address' ELSE 'family' END
                     AS address_kind,
                   n_children::INTEGER AS n_children, (n_people - n_children)::INTEGER AS n_adults,
                   n_enough_known::INTEGER AS n_enough_known, n_present::INTEGER AS n_present,
                   evi_sum, evi_sum / nullif(n_enough_known, 0) AS evi_mean,
                   ({count})::SMALLINT AS n_outcomes,
                   CASE WHEN n_people <= {LARGE_ADDRESS} THEN ({count}) >= {SUPPORTING_FAMILIES_OUTCOMES} END
                     AS supporting_families, {needs}
            FROM summed JOIN people_there USING (household_id)""",
    )


def _place(name: str, key: str, day: date, catalogue: Catalogue) -> Step:
    known = f"band <> '{NOT_ENOUGH_KNOWN}'"
    bands = ", ".join(
        f'count(*) FILTER (band = {quote(band)})::INTEGER AS "n_{band.replace(" ", "_")}"'
        for band in catalogue.bands.all_names
    )
    domains = ", ".join(
        f"any_value({domain}_{what}) AS {domain}_{what}"
        for domain in catalogue.domain_ids
        for what in ("n", "of", "rate", "low", "high")
    )
    return Step(
        name,
        f"one row a {key}: how many children, how their index is spread, and needs by domain",
        f"""SELECT {key}, DATE '{day}' AS date, count(*)::INTEGER AS n_children,
                   count(*) FILTER ({known})::INTEGER AS n_enough_known,
                   sum(n_present)::INTEGER AS n_present, sum(n_assessable)::INTEGER AS n_assessable,
                   sum(evi::DECIMAL(12, 9)) FILTER ({known})::DOUBLE
                     / nullif(count(*) FILTER ({known}), 0) AS evi_mean,
                   coalesce(any_value(present_here), []) AS place_present,
                   coalesce(any_value(assessable_here), []) AS place_assessable,
                   quantile_cont(evi, 0.25) FILTER ({known}) AS evi_q1,
                   quantile_cont(evi, 0.5) FILTER ({known}) AS evi_median,
                   quantile_cont(evi, 0.75) FILTER ({known}) AS evi_q3, {bands}, {domains}
            FROM child_index
            LEFT JOIN (SELECT place AS {key}, present_here, assessable_here FROM place_indicators
                       WHERE place_kind = '{key}') USING ({key})
            LEFT JOIN ({_pivot(key, catalogue)}) USING ({key})
            WHERE {key} IS NOT NULL GROUP BY {key}""",
    )


def _pivot(key: str, catalogue: Catalogue) -> str:
    """SQL of the rates of domains of one kind of place, a column each."""
    columns = ", ".join(
        f"max({column}) FILTER (domain = {quote(domain)}) AS {domain}_{what}"
        for domain in catalogue.domain_ids
        for what, column in (
            ("n", "n_present"),
            ("of", "n_assessable"),
            ("rate", "rate"),
            ("low", "rate_low"),
            ("high", "rate_high"),
        )
    )
    return f"SELECT place AS {key}, {columns} FROM domain_rates WHERE place_kind = '{key}' GROUP BY place"


def _rates(day: date) -> list[Step]:
    """Shares of children. Only those whom a feed covers are counted, present or not: a need that is known in
    spite of no coverage would otherwise stand among children who were all found for having it."""
    places = (("district", "'district'"), ("school", "school"), ("lsoa", "lsoa"))

    def everywhere(thing: str, source: str) -> str:
        return " UNION ALL ".join(
            f"SELECT '{kind}' AS place_kind, {key} AS place, {thing}, "
            "count(*) FILTER (present AND covered) AS n_present, count(*) FILTER (covered) AS n_assessable, "
            "count(*) FILTER (present AND NOT covered) AS n_beyond "
            f"FROM {source} JOIN child_at USING (subject_id) WHERE {key} IS NOT NULL GROUP BY ALL"
            for kind, key in places
        )

    figures = f"""n_present::INTEGER AS n_present, n_assessable::INTEGER AS n_assessable,
                  n_beyond::INTEGER AS n_beyond, n_present / nullif(n_assessable, 0) AS rate,
                  {wilson_sql("n_present", "n_assessable", "low")} AS rate_low,
                  {wilson_sql("n_present", "n_assessable", "high")} AS rate_high"""
    return [
        Step(
            "rates",
            "children with each indicator, of those whom a feed that can tell covers, by place",
            f"""SELECT place_kind, place, DATE '{day}' AS date, indicator, {figures}
                FROM ({everywhere("position", "state_at")}) JOIN own USING (position)""",
        ),
        Step(
            "domain_at",
            "child and domain: whether a need is present, where a feed that can tell covers the child",
            """SELECT subject_id, domain_no, bool_or(covered) AS covered,
                      CASE WHEN bool_or(covered) THEN bool_or(present AND covered) ELSE bool_or(present) END
                        AS present
               FROM state_at GROUP BY subject_id, domain_no""",
        ),
        Step(
            "domain_rates",
            "children with a need in each domain, of those whom a feed that can tell covers, by place",
            f"""SELECT place_kind, place, DATE '{day}' AS date, domain, {figures}
                FROM ({everywhere("domain_no", "domain_at")}) JOIN own_domains USING (domain_no)""",
        ),
    ]


def _place_indicators() -> Step:
    """School and area indicators say that a share of the children there is high; they are never stored.

    As the registry defines them, they count all children for whom the indicator is assessable.
    """
    return Step(
        "place_indicators",
        "indicators of schools and areas that are present, and that could be told",
        """SELECT place_kind, place,
                  list(o.indicator ORDER BY o.indicator)
                    FILTER ((n_present + n_beyond) * 1000 >= rate_at_least * (n_assessable + n_beyond))
                    AS present_here,
                  list(o.indicator ORDER BY o.indicator) AS assessable_here
           FROM rates AS r JOIN of_places AS o USING (place_kind)
           WHERE r.indicator = o.rate_of AND n_assessable + n_beyond >= minimum
           GROUP BY place_kind, place""",
    )
