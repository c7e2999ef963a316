"""The section on three children: what an explanation looks like, under made-up numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evi.index import NOT_ENOUGH_KNOWN, Explanation, explain
from evi.index.explanation import age_text
from evi.reports.blocks import ChildCard, Note, Section, section
from evi.reports.material import KNOWN, Material
from evi.reports.words import feed_in_text, listed

MOST_GAPS = 6
MOST_SHOWN = 12
_SEX = {"F": "girl", "M": "boy"}


def children_section(material: Material, *, show: bool) -> Section:
    """Three children with their reasons, or how to look at one, where children may not be shown.

    Args:
        show: whether single children may stand in this report. A report travels; a child's reasons shouldn't.
    """
    title = "What does one child’s record look like?"
    how = "One child at a time: evi child NUMBER. With every record behind it: evi child NUMBER --trace."
    if not show:
        return section(
            "children",
            title,
            "This report may be passed on, so it shows no single child. Those who are allowed to can see "
            "a child's needs, since when each has been there, which service said so, and what nobody knows.",
            how,
        )
    cards = _cards(material)
    if not cards:
        return section("children", title, "There is no child here to show on this day.", how)
    return section(
        "children",
        title,
        "Numbers stand in for names. The hub never holds a name. For each child you see what is on record, "
        "since when, and which service said so. You also see what nobody knows, and who to ask. There is "
        "never a guess about what will happen to a child.",
        *cards,
        Note(how),
    )


def _joined_up(found: Sequence[Explanation]) -> Explanation | None:
    """The one about whom most services say something: what joining their records is for."""
    return max(
        found, key=lambda each: len({feed for need in each.present for feed in need.feeds}), default=None
    )


def _seen_by_one(found: Sequence[Explanation]) -> Explanation | None:
    """The first whose one need has one feed behind it."""
    return next((each for each in found if each.present and len(each.present[0].feeds) == 1), None)


def _first(found: Sequence[Explanation]) -> Explanation | None:
    return found[0] if found else None


# Heading, query of candidates, choice among them.
_PICKS: tuple[tuple[str, str, Callable[[Sequence[Explanation]], Explanation | None]], ...] = (
    (
        "A child with many needs",
        f"SELECT subject_id FROM children WHERE {KNOWN} AND n_present > 1 "
        "ORDER BY evi DESC, n_present DESC, subject_id LIMIT 12",
        _joined_up,
    ),
    (
        "A child of whom not enough is known",
        f"""SELECT subject_id FROM children WHERE band = '{NOT_ENOUGH_KNOWN}' AND n_assessable > 0
            ORDER BY n_present DESC, completeness, subject_id LIMIT 1""",
        _first,
    ),
    (
        "A child with one need that only one service sees",
        f"""SELECT subject_id FROM children WHERE {KNOWN} AND n_present = 1
            ORDER BY completeness DESC, subject_id LIMIT 8""",
        _seen_by_one,
    ),
)


def _cards(material: Material) -> list[ChildCard]:
    cards = []
    for heading, query, choose in _PICKS:
        found = [
            explain(material.district, subject_id, material.day, catalogue=material.catalogue)
            for (subject_id,) in material.rows(query)
        ]
        if chosen := choose(found):
            cards.append(card_of(heading, chosen))
    return cards


def card_of(heading: str, explained: Explanation) -> ChildCard:
    """An explanation as a card: no area, no school, no address, and months rather than days."""
    about = ", ".join(
        part
        for part in (
            f"Child {explained.subject_id}",
            age_text(explained.age_months) if explained.age_years else "under one year old",
            _SEX.get(explained.sex or ""),
        )
        if part
    )
    present = tuple(
        (
            need.title,
            f"since {need.since:%B %Y}",
            f"from {listed([feed_in_text(feed) for feed in need.feeds])}" if need.feeds else "",
        )
        for need in explained.present[:MOST_SHOWN]
    )
    if len(explained.present) > MOST_SHOWN:
        present += ((f"and {len(explained.present) - MOST_SHOWN} more", "", ""),)
    return ChildCard(heading, about, _summary(explained), present, _gaps(explained))


def _summary(explained: Explanation) -> str:
    count = f"{explained.n_present} need{'' if explained.n_present == 1 else 's'} on record"
    of = f"{explained.n_assessable} of {explained.n_applicable} questions for this age can be answered"
    if not explained.is_enough_known:
        ask = [feed_in_text(feed) for feed in explained.would_complete[:3]]
        more = f" To know more, ask {listed(ask)}." if ask else ""
        return f"Not enough is known. {count}; only {of}.{more}"
    mark = " (provisional)" if explained.bands_provisional else ""
    text = f"{count}; {of}. Index {explained.evi or 0:.2f}, band “{explained.band}”{mark}."
    low, high = explained.evi_low, explained.evi_high
    if low is not None and high is not None and low < high:
        text += f" If a doubtful match of records is wrong, the index is between {low:.2f} and {high:.2f}."
    return text


def _gaps(explained: Explanation) -> tuple[tuple[str, str], ...]:
    """What is not known, by who to ask, the longest list first."""
    by_service: dict[str, list[str]] = {}
    for gap in explained.not_known:
        by_service.setdefault(gap.who_would_know, []).append(gap.title)
    ordered = sorted(by_service.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:MOST_GAPS]
    return tuple(
        (f"Ask {service}" if service else "Ask", "; ".join(titles[:4]) + (_more(len(titles) - 4)))
        for service, titles in ordered
    )


def _more(n: int) -> str:
    return f"; and {n} more" if n > 0 else ""
