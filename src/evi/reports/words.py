"""The report's words: what feeds, bands and numbers are called for a reader of ten."""

from __future__ import annotations

from collections.abc import Sequence

from evi.index.disclosure import Shown, share, shown

FEEDS = {
    "school": "Schools",
    "eyfsp": "Checks at age five (EYFSP)",
    "sen2": "Special needs team (SEN2)",
    "ssd": "Social care: contacts and early help",
    "cin": "Social care: children in need",
    "ssda903": "Social care: children in care",
    "csds": "Child health clinics",
    "mhsds": "Mental health services",
    "maternity": "Maternity",
    "gp": "GPs",
    "ae": "A&E",
    "police": "Police",
    "housing": "Housing",
    "fire": "Fire service",
}
"""What each feed is called on the page; a feed that isn't here is called by its id."""


def feed_name(feed: str) -> str:
    """What a feed is called on the page."""
    return FEEDS.get(feed, feed)


def feed_in_text(feed: str) -> str:
    """What a feed is called within a sentence."""
    name = feed_name(feed)
    return name if name[:2].isupper() else name[0].lower() + name[1:]


def listed(names: Sequence[str], *, last: str = "and") -> str:
    """Names in a sentence.

    >>> listed(["GPs", "police", "housing"])
    'GPs, police and housing'
    """
    return f" {last} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def in_a_hundred(part: float, whole: float) -> str:
    """A share as so many in every 100, from rounded counts; in words where it can't be printed.

    >>> in_a_hundred(121, 1000), in_a_hundred(4, 1000)
    ('12 in every 100', 'too few to show')
    """
    found = share(shown(part), shown(whole))
    if found is None:
        return "too few to show"
    return "fewer than 1 in every 100" if found < 0.01 else f"{found * 100:.0f} in every 100"


def share_text(part: Shown, whole: Shown) -> str:
    """A share as a percentage, from counts as printed."""
    found = share(part, whole)
    if found is None:
        return "not shown"
    return f"{found:.1%}" if found < 0.1 else f"{found:.0%}"


def months_text(days: float) -> str:
    """A length of time in words.

    >>> months_text(20), months_text(100), months_text(800)
    ('20 days', '3 months', '2 years 2 months')
    """
    if days < 45:
        return f"{days:.0f} day{'' if round(days) == 1 else 's'}"
    months = round(days / 30.44)
    if months < 24:
        return f"{months} months"
    years, rest = divmod(months, 12)
    return f"{years} years" + (f" {rest} month{'' if rest == 1 else 's'}" if rest else "")
