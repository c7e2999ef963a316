"""Reads a file that came from outside: by what it holds and not by its name, with limits, first of all.

A file of another program is hostile until it is read: it can be huge, nested a million deep, say the same
thing twice so that two readers disagree, or hold characters that databases and screens choke on.
"""

from __future__ import annotations

import json
import re
from typing import Any

from evi.care.exchange.faults import BadFileError

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 40
"""A passport's own document is 12 deep."""

_BEGINNINGS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip, a Word file or a spreadsheet"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel file"),
    (b"{\\rtf", "a rich-text document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed file"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"<", "XML or a web page"),
)
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
"""Control characters, halves of characters, and marks that turn the direction of text round unseen."""


def read_json(content: bytes) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        BadFileError: it is too big, is something else (which it names), is not UTF-8, is no JSON object, is
            nested too deep, says one key twice, or holds characters that no text needs.
    """
    if len(content) > MAX_BYTES:
        raise BadFileError(f"it is too big: at most {MAX_BYTES // 1024 // 1024} MB can be read.")
    bare = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not bare:
        raise BadFileError("it is empty.")
    for beginning, kind in _BEGINNINGS:
        if bare.startswith(beginning):
            raise BadFileError(
                f"it is {kind}, not JSON.", do="Ask the sender for the FHIR R4 or support plan file as JSON."
            )
    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError:
        raise BadFileError("it is not UTF-8 text.", do="Ask the sender to save it as UTF-8.") from None
    _check_depth(text)
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except BadFileError:
        raise
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadFileError(f"it is not JSON{line}.") from None
    if not isinstance(found, dict):
        raise BadFileError("it is JSON, but not one document.")
    _check_text(found)
    return found


def _check_depth(text: str) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadFileError(f"it is nested too deep: at most {MAX_DEPTH} levels can be read.")
        elif sign in "]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadFileError("one of its objects says the same key twice, so it can be read in two ways.")
    return made


def _no_constant(name: str) -> Any:
    raise BadFileError("it holds a number that is none (NaN or infinity).")


def _check_text(value: Any) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, str) and _UNFIT.search(each):
            raise BadFileError("it holds control characters or marks that hide the direction of text.")
