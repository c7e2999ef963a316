"""The passport on paper: what goes on it, and the PDF, on two pages if the words fit there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from django.template.loader import render_to_string
from django.utils import translation

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.passports.models import CHILD
from evi.care.passports.parts import parts
from evi.care.passports.reading import Reading, Shown
from evi.workspace import EviError

STYLE = Path(__file__).parents[1] / "assets" / "paper.css"
PAGES = 2
DENSITIES = ("large", "roomy", "close", "tight")
"""Sizes of type that are tried until the passport fits on two pages, from 11.5 down to 8.5 points."""

_SENTENCE = re.compile(r"(?<=[.!?۔؟])\s+|\n+")


def contents(visit: Visit, child: Child, reading: Reading, shown: Sequence[Shown]) -> dict[str, object]:
    """What the templates of the print view and the PDF need."""
    filled = [each for each in shown if each.revisions]
    return {
        "child": child,
        "reading": reading,
        "shown": filled,
        "empty": [each for each in shown if not each.revisions],
        "known": parts(),
        "printed_on": visit.day,
        "printed_by": visit.user.name,
        "printed_role": visit.membership.role,
        "sentences": sentences,
        "blocks": blocks,
        "direction_of": direction_of,
        "child_voice": CHILD,
        "density": "roomy",
    }


def sentences(text: str) -> list[str]:
    """A text in its sentences, one a line for easy reading; no word is changed.

    >>> sentences("I like cats. They purr!\\nAnd dogs")
    ['I like cats.', 'They purr!', 'And dogs']
    """
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """A text in its paragraphs: the direction of each (`ltr` or `rtl`), and its lines.

    A browser finds the direction by itself; the library that makes the PDF has to be told.

    >>> blocks("One\\ntwo\\n\\nThree")
    [('ltr', ['One', 'two']), ('ltr', ['Three'])]
    """
    parts_of = [part.strip() for part in text.split("\n\n")]
    return [(direction_of(part), part.split("\n")) for part in parts_of if part]


def direction_of(text: str) -> str:
    """The direction of a text: that of its first letter that has one (the rule of HTML's `dir=auto`)."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def as_pdf(context: Mapping[str, object]) -> bytes:
    """A tagged PDF (PDF/UA); the largest type with which it fits on two pages, if one does.

    Raises:
        EviError: the library for text layout (Pango) is not on this machine.
    """
    try:
        from weasyprint import CSS, HTML  # noqa: PLC0415 - half a second, for those who print only
    except (ImportError, OSError) as error:
        raise EviError(
            "PDF files can't be made on this machine: Pango is not installed.",
            do="Install Pango (on Debian and Ubuntu: libpango-1.0-0 and libpangoft2-1.0-0).",
        ) from error
    style = CSS(string=STYLE.read_text(encoding="utf-8"))
    document = None
    for density in DENSITIES[:1] if context["easy"] else DENSITIES:
        text = render_to_string(
            "passports/pdf.html",
            {**context, "density": density, "language_now": translation.get_language()},
            using="jinja2",
        )
        document = HTML(string=text, url_fetcher=_fetch_nothing).render(
            stylesheets=[style], pdf_variant="pdf/ua-1"
        )
        if len(document.pages) <= PAGES:
            break
    made: bytes = document.write_pdf(pdf_variant="pdf/ua-1")  # type: ignore[union-attr]
    return made


def _fetch_nothing(url: str, *_args: object, **_more: object) -> NoReturn:
    """Nothing on the page comes from an address; whatever asks for one is refused."""
    raise ValueError("no address is fetched for a PDF")
