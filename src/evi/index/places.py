"""Families, schools and small areas on one day, derived from the index of their children."""

from __future__ import annotations

from datetime import date

from evi.index.catalogue import NOT_ENOUGH_KNOWN, Catalogue
from evi.index.intervals import wilson_sql
from evi.index.steps import Step
from evi.workspace import quote

LARGE_ADDRESS = 12
"""An address with more people than this is not treated as one family: it may be a hostel, a refuge, a
children's home, or flats that share one property number. A choice of ours, stated wherever it is used."""

SUPPORTING_FAMILIES_OUTCOMES = 3
"""A family with a need in at least this many of the ten outcomes meets the Supporting Families threshold
(https://www.gov.uk/government/publications/supporting-families-programme-guidance-2022-to-2025)."""


def place_steps(day: date, catalogue: Catalogue) -> list[Step]:
    """The steps from `child_index` to `rates`, `family_index`, `school_index` and `lsoa_index`."""
    return [
        _rates(day),
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
    domains = []
    for domain in catalogue.domain_ids:
        present = f"count(*) FILTER ({domain}_present > 0)"
        answered = f"count(*) FILTER ({domain}_assessable > 0)"
        domains.append(
            f"{present}::INTEGER AS {domain}_n, {answered}::INTEGER AS {domain}_of, "
            f"{present} / nullif({answered}, 0) AS {domain}_rate, "
            f"{wilson_sql(present, answered, 'low')} AS {domain}_low, "
            f"{wilson_sql(present, answered, 'high')} AS {domain}_high"
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
                   quantile_cont(evi, 0.75) FILTER ({known}) AS evi_q3, {bands}, {", ".join(domains)}
            FROM child_index
            LEFT JOIN (SELECT place AS {key}, present_here, assessable_here FROM place_indicators
                       WHERE place_kind = '{key}') USING ({key})
            WHERE {key} IS NOT NULL GROUP BY {key}""",
    )


def _rates(day: date) -> Step:
    rates = []
    for kind, key in (("district", "'district'"), ("school", "school"), ("lsoa", "lsoa")):
        rates.append(
            f"SELECT '{kind}' AS place_kind, {key} AS place, position, "
            "count(*) FILTER (present) AS n_present, count(*) AS n_assessable "
            f"FROM state_at JOIN child_at USING (subject_id) WHERE {key} IS NOT NULL GROUP BY ALL"
        )
    return Step(
        "rates",
        "children with each indicator, of those for whom it is assessable, by place",
        f"""SELECT place_kind, place, DATE '{day}' AS date, indicator, n_present::INTEGER AS n_present,
                   n_assessable::INTEGER AS n_assessable, n_present / n_assessable AS rate,
                   {wilson_sql("n_present", "n_assessable", "low")} AS rate_low,
                   {wilson_sql("n_present", "n_assessable", "high")} AS rate_high
            FROM ({" UNION ALL ".join(rates)}) JOIN own USING (position)""",
    )


def _place_indicators() -> Step:
    """School and area indicators say that a share of the children there is high; they are never stored."""
    return Step(
        "place_indicators",
        "indicators of schools and areas that are present, and that could be told",
        """SELECT place_kind, place,
                  list(o.indicator ORDER BY o.indicator)
                    FILTER (n_present * 1000 >= rate_at_least * n_assessable) AS present_here,
                  list(o.indicator ORDER BY o.indicator) AS assessable_here
           FROM rates AS r JOIN of_places AS o USING (place_kind)
           WHERE r.indicator = o.rate_of AND n_assessable >= minimum GROUP BY place_kind, place""",
    )
