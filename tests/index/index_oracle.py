"""The index of one day in plain Python: slow, obvious, and what the SQL is compared with."""

from __future__ import annotations

from datetime import date

from index_district import Tables

from evi.index.catalogue import DOUBTFUL_LINK, Catalogue, Entry


def months(born: date, day: date) -> int:
    return (day.year - born.year) * 12 + day.month - born.month


def is_open(start: date, end: date | None, day: date) -> bool:
    return start <= day and (end is None or day < end)


def latest(rows: list[tuple], subject: int, day: date) -> tuple | None:
    found = [row for row in rows if row[0] == subject and is_open(row[-2], row[-1], day)]
    return max(found, key=lambda row: (row[-2], row[1]), default=None)


def index_of(tables: Tables, catalogue: Catalogue, day: date) -> dict[int, dict]:
    """Each child of the index of a day, with what `children.parquet` should say of them."""
    return {
        row[0]: child for row in tables.subjects if (child := _child(tables, catalogue, row, day)) is not None
    }


def _child(tables: Tables, catalogue: Catalogue, subject: tuple, day: date) -> dict | None:
    who, born, kind = subject[0], subject[1], subject[-1]
    if kind == "home" or not 0 <= months(born, day) < 216:
        return None
    age = months(born, day)
    home, school = latest(tables.residence, who, day), latest(tables.enrolment, who, day)
    covered = {f for s, f, start, end, _known in tables.coverage if s == who and is_open(start, end, day)}
    needs = dict(tables.needs)
    present = {i for s, i, start, end in tables.spans if s == who and is_open(start, end, day)}
    groups = {g for s, g, start, end in tables.covered if s == who and is_open(start, end, day)}
    answered = {e.id for e in catalogue.own if e.id in present or needs[e.id] in groups}
    if not (home or school or covered or answered):
        return None
    fitting = [e for e in catalogue.own if e.applies_at(age)]
    has = [e for e in fitting if e.id in present]
    asked = [e for e in fitting if e.id in answered]
    links: dict[str, float] = {}
    for feed, _person, owner, chance in tables.people:
        if owner == who:
            links[feed] = min(chance, links.get(feed, 1.0))
    behind = [links[f] for e in has for f in e.feeds if f in links]
    low, high, doubtful = _doubt(has, asked, links, covered)
    missing = [e for e in fitting if e not in asked]
    wanted = {f for e in missing for f in e.feeds if f not in covered}
    return {
        "age_months": age,
        "lsoa": home[2] if home else None,
        "household_id": home[1] if home else None,
        "school": school[1] if school else None,
        "n_present": len(has),
        "n_assessable": len(asked),
        "n_applicable": len(fitting),
        "evi": len(has) / len(asked) if asked else None,
        "band": catalogue.bands.of(len(has), len(asked), len(fitting)),
        "domains": {
            d: (sum(e.domain == d for e in has), sum(e.domain == d for e in asked))
            for d in catalogue.domain_ids
        },
        "link_probability": min(behind) if behind else None,
        "evi_low": low,
        "evi_high": high,
        "n_doubtful": doubtful,
        "would_complete": sorted(wanted, key=lambda f: (-sum(f in e.feeds for e in missing), f)),
    }  # fmt: skip


def _doubt(has: list[Entry], asked: list[Entry], links: dict[str, float], covered: set[str]) -> tuple:
    """The index at its least and most if one doubtful feed, or all of them, are another child's."""
    if not asked:
        return None, None, 0
    doubtful = sorted(feed for feed, chance in links.items() if chance < DOUBTFUL_LINK)
    figures, most_lost = [len(has) / len(asked)], 0
    for wrong in [{feed} for feed in doubtful] + [set(doubtful)]:
        fallen = [e for e in asked if _falls(e, wrong, links, covered)]
        lost = sum(e in has for e in fallen)
        if len(asked) > len(fallen):
            figures.append((len(has) - lost) / (len(asked) - len(fallen)))
            most_lost = max(most_lost, lost)
    return min(figures), max(figures), most_lost


def _falls(entry: Entry, wrong: set[str], links: dict[str, float], covered: set[str]) -> bool:
    answering = [feed for feed in entry.feeds if feed in links or feed in covered]
    if not answering:
        return False
    return (any if entry.every_feed else all)(feed in wrong for feed in answering)
