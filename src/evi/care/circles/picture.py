"""The circle as a picture: the child in the middle, everyone round them; the list beside it says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from evi.care.circles.people import Person

WIDTH = 360
MOST = 10
"""People that the picture shows; more than that are counted in the last place."""
_RADIUS_X, _ROW = 122.0, 24.0
_LETTERS = 17
"""Letters of a name or a part that fit under a person's mark."""


@dataclass(frozen=True)
class Mark:
    """A person in the picture: where, with which letters, and how the mark is drawn.

    `label` is the height of the name, away from the middle so that no line crosses it.
    """

    x: float
    y: float
    label: float
    initials: str
    name: str
    part: str
    family: bool = False
    leads: bool = False


@dataclass(frozen=True)
class Picture:
    """The whole picture, in units of its own; `text` says it in one sentence."""

    width: int
    height: int
    x: float
    y: float
    child: str
    marks: tuple[Mark, ...]
    text: str


def picture(child: str, people: Sequence[Person]) -> Picture:
    """Draw the circle round a child, the lead at the top and on round the clock.

    >>> picture("Amir", []).text
    'Nobody is in the circle round Amir yet.'
    """
    shown = list(people[:MOST] if len(people) <= MOST else people[: MOST - 1])
    places = len(shown) + (len(shown) < len(people))
    radius_y = 80 + _ROW * max(0, places - 4) / 2
    middle_x, middle_y = WIDTH / 2, radius_y + 66
    marks = []
    for number in range(places):
        angle = 2 * math.pi * number / places - math.pi / 2
        x = round(middle_x + _RADIUS_X * math.cos(angle), 1)
        y = round(middle_y + radius_y * math.sin(angle), 1)
        label = y + 35 if y > middle_y - 10 else y - 40
        if number < len(shown):
            marks.append(_mark(shown[number], x, y, label))
        else:
            rest = len(people) - len(shown)
            marks.append(Mark(x, y, label, f"+{rest}", _("%(n)s more") % {"n": rest}, ""))
    height = round(2 * radius_y + 126)
    return Picture(WIDTH, height, middle_x, middle_y, _short(child), tuple(marks), _in_words(child, people))


def _mark(person: Person, x: float, y: float, label: float) -> Mark:
    return Mark(
        x,
        y,
        label,
        initials(person.name),
        _short(person.name),
        _short(person.part or person.organisation),
        person.family,
        person.leads,
    )


def initials(name: str) -> str:
    """The first letters of the first and the last name.

    >>> initials("Sana Mahmood"), initials("Parveen"), initials("")
    ('SM', 'P', '?')
    """
    words = name.split()
    letters = [words[0], *words[1:][-1:]] if words else []
    return "".join(word[0] for word in letters).upper() or "?"


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1].rstrip() + "…"


def _in_words(child: str, people: Sequence[Person]) -> str:
    if not people:
        return _("Nobody is in the circle round %(child)s yet.") % {"child": child}
    names = ", ".join(f"{one.name} ({_('lead')})" if one.leads else one.name for one in people)
    return _("Round %(child)s: %(names)s.") % {"child": child, "names": names}
