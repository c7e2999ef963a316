"""`explain`: one child on one day, from the same steps as everyone's index, run on that child alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

import duckdb

from evi.index.catalogue import LARGE_ADDRESS, Catalogue, Entry
from evi.index.children import child_steps, state_steps
from evi.index.evidence import Evidence, read_evidence
from evi.index.explanation import (
    AbsentNeed,
    Context,
    Explanation,
    Home,
    Housemate,
    NotKnown,
    PresentNeed,
    join,
)
from evi.index.registry import read_catalogue
from evi.index.sources import at_folder, open_sources
from evi.index.steps import load_catalogue, load_table, run_steps
from evi.workspace import District, EviError, quote


def explain(
    district: District, subject_id: int, day: date, *, trace: bool = False, catalogue: Catalogue | None = None
) -> Explanation:
    """Explain one child's index: what is present and why, what is not known, and who would know.

    Args:
        trace: also list the records behind each answer.
        catalogue: indicators and bands other than the district's registry.

    Raises:
        EviError: nobody has that id, or they are not a child known to the district on that day.
    """
    catalogue = catalogue or read_catalogue(district)
    con = open_sources(district, only=subject_id)
    try:
        load_catalogue(con, catalogue)
        run_steps(con, state_steps(day))
        ages = con.execute("SELECT age_months FROM child_at").fetchall()
        if not ages:
            raise _not_in_the_index(con, subject_id, day)
        states = con.execute(
            """SELECT indicator, present, since FROM state_at JOIN own USING (position) ORDER BY position"""
        ).fetchall()
        known = {indicator for indicator, _present, _since in states}
        unknown = [entry for entry in catalogue.applicable(ages[0][0]) if entry.id not in known]
        covered = {feed for (feed,) in con.execute("SELECT feed FROM covered_at").fetchall()}
        would_complete = _completing(unknown, covered)
        load_table(
            con,
            "child_lists",
            {"subject_id BIGINT": [subject_id], "would_complete VARCHAR[]": [would_complete]},
        )
        run_steps(con, child_steps(day, catalogue))
        child = _child(con)
        links = dict(con.execute("SELECT feed, probability FROM linked ORDER BY feed").fetchall())
        present = {indicator: since for indicator, is_present, since in states if is_present}
        evidence = read_evidence(district, con, subject_id, day, present, trace=trace)
        home = _home(con, child, day)
        context = _context(district, con, catalogue, child, day)
    finally:
        con.close()
    return Explanation(
        subject_id=subject_id,
        date=day,
        **{name: child[name] for name in _TAKEN},
        bands_provisional=catalogue.bands.provisional,
        present=tuple(
            _present(catalogue, indicator, since, evidence[indicator], links)
            for indicator, since in present.items()
        ),
        absent=tuple(_absent(catalogue[name]) for name, is_present, _since in states if not is_present),
        not_known=tuple(
            NotKnown(e.id, e.title, e.domain, e.feeds, _why(e.feeds, e.every_feed, covered), e.who_would_know)
            for e in unknown
        ),
        would_complete=tuple(would_complete),
        links=links,
        home=home,
        context=context,
        domain_titles=dict(catalogue.domains),
    )


_TAKEN = (
    "age_months",
    "sex",
    "ethnicity",
    "school",
    "n_present",
    "n_assessable",
    "n_applicable",
    "band",
    "evi",
    "evi_low",
    "evi_high",
)
"""Fields of an explanation that the child's row of the index gives as they are."""


def _completing(unknown: Iterable[Entry], covered: set[str]) -> list[str]:
    """The feeds that do not cover the child, by how many of the unknown answers they would give."""
    answers = Counter(feed for entry in unknown for feed in entry.feeds if feed not in covered)
    return sorted(answers, key=lambda feed: (-answers[feed], feed))


def _child(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    found = con.execute("SELECT * FROM child_index")
    names = [column[0] for column in found.description or ()]
    return dict(zip(names, found.fetchall()[0], strict=True))


def _not_in_the_index(con: duckdb.DuckDBPyConnection, subject_id: int, day: date) -> EviError:
    born = con.execute("SELECT birth_month, kind FROM subjects").fetchall()
    if not born:
        what = "nobody here has this id."
    elif born[0][1] == "home":
        what = "this is the id of an address, not of a child."
    elif born[0][0] is not None and (day.year - born[0][0].year) * 12 + day.month - born[0][0].month >= 216:
        what = f"this person is not under 18 on {day}."
    else:
        what = f"no service here knows this child on {day}."
    return EviError(
        what, where=str(subject_id), do="Ids are in the children table of index/at-<date>.", exit_code=2
    )


def _present(
    catalogue: Catalogue, indicator: str, since: date, evidence: Evidence, links: dict[str, float]
) -> PresentNeed:
    entry = catalogue[indicator]
    behind = [links[feed] for feed in evidence.feeds if feed in links]
    return PresentNeed(
        indicator,
        entry.title,
        entry.domain,
        since,
        evidence.feeds or entry.feeds,
        evidence.reason,
        entry.who_would_know,
        min(behind) if behind else None,
        evidence.events,
    )


def _absent(entry: Entry) -> AbsentNeed:
    return AbsentNeed(entry.id, entry.title, entry.domain)


def _why(feeds: tuple[str, ...], every: bool, covered: set[str]) -> str:
    """Why an indicator can't be answered, in words."""
    missing = [feed for feed in feeds if feed not in covered]
    if not missing or (not every and len(missing) < len(feeds)):
        return "The service knows this child, but has not recorded what is needed to say."
    names = join(missing) if every else join(missing).replace(" and ", " or ")
    return f"No record from {names} covers this child on that day."


def _home(con: duckdb.DuckDBPyConnection, child: dict[str, Any], day: date) -> Home | None:
    home = child["household_id"]
    if home is None:
        return None
    there = f"start <= DATE '{day}' AND (\"end\" IS NULL OR \"end\" > DATE '{day}')"
    since = con.execute(f"SELECT max(start) FROM residence WHERE home = {home} AND {there}").fetchall()[0][0]
    people = con.execute(
        f"""SELECT subject_id, datediff('month', birth_month, DATE '{day}') // 12, relation
            FROM (SELECT DISTINCT subject_id FROM everyones_residence WHERE home = {home} AND {there})
            JOIN everyone USING (subject_id)
            LEFT JOIN (SELECT other_id AS subject_id, min(relation) AS relation
                       FROM relations GROUP BY other_id) USING (subject_id)
            WHERE subject_id <> {child["subject_id"]} ORDER BY birth_month, subject_id"""
    ).fetchall()
    mates = tuple(Housemate(*row) for row in people)
    return Home(home, since, child["lsoa"], mates, len(mates) + 1 > LARGE_ADDRESS)


def _context(
    district: District, con: duckdb.DuckDBPyConnection, catalogue: Catalogue, child: dict[str, Any], day: date
) -> tuple[Context, ...]:
    """School and area indicators that apply, from the tables of the day where they have been made."""
    rates = at_folder(district, day) / "rates.parquet"
    if not rates.is_file() or not catalogue.of_places:
        return ()
    places = [(kind, child[kind]) for kind in ("school", "lsoa") if child[kind] is not None]
    wanted = " OR ".join(f"(place_kind = '{kind}' AND place = {quote(str(place))})" for kind, place in places)
    if not wanted:
        return ()
    counts = {
        (kind, indicator): (n, of)
        for kind, indicator, n, of in con.execute(
            f"SELECT place_kind, indicator, n_present + n_beyond, n_assessable + n_beyond "
            f"FROM read_parquet({quote(str(rates))}) WHERE {wanted}"
        ).fetchall()
    }
    found = []
    for entry in catalogue.of_places:
        n, of = counts.get((entry.rate_among, entry.rate_of), (0, 0))
        if of >= max(entry.minimum_children, 1) and entry.applies_at(child["age_months"]):
            kind = {"school": "school", "lsoa": "area"}[entry.rate_among]
            found.append(Context(entry.title, kind, n, of, n * 1000 >= entry.rate_at_least * of))
    return tuple(found)
