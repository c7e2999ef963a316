"""What a person wrote or pasted, cleaned in one place before it is kept.

No word is lost: letters, digits, punctuation, emoji and line breaks stay. What goes is what nobody can read:
markup that came along with a paste, control characters, characters that turn the direction of other people's
text round, and code points that are no characters. Nothing here makes text safe for a page: templates escape.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Any

from django import forms

NOTE_LIMIT = 20_000
"""Characters in a note: twice the longest that a service sends."""
LINE_LIMIT = 200

_INLINE = (
    "a abbr b body button caption center cite code col colgroup del details em embed fieldset font form "
    "frame head html i iframe img input ins label legend link main mark math meta nav object option picture "
    "q s script select small source span strike strong style sub summary sup svg tbody td template "
    "textarea tfoot th thead title tt u video xml"
)
_BREAKS = (
    "address article aside blockquote br dd div dl dt figure footer h1 h2 h3 h4 h5 h6 header hr li ol p pre "
    "section table tr ul"
)
_BREAKING = frozenset(_BREAKS.split())
_MARKUP = re.compile(
    rf"</?(?P<name>{'|'.join(f'{_INLINE} {_BREAKS}'.split())}|[owvmx]:[a-z]{{1,20}}|st1:[a-z]{{1,20}})"
    r"(?=[\s/>])[^<>]{0,2000}>|<[!?][a-z\[][^<>]{0,2000}>",
    re.IGNORECASE,
)
_HIDDEN = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"), ("<xml", "</xml>"))
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_TURNERS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0x206A, 0x2070)])
"""Embedding, override and isolate characters: unclosed ones turn round the text that follows them."""
_UNSEEN = dict.fromkeys(
    [0x00AD, 0x200B, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB]
)
_WORD_BULLETS = dict.fromkeys([0xF0A7, 0xF0B7, 0xF0D8, 0xF0FC], "•")
_FROM_CP1252 = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x85, 0x8D, 0x8F, 0x90, 0x9D)
}
"""Quotes and dashes of Windows that were read as if they were Latin-1."""
_TABLE = {**_TURNERS, **_UNSEEN, **_WORD_BULLETS, **_FROM_CP1252}
_FLAG, _TAG_FIRST, _TAG_LAST = "\U0001f3f4", 0xE0020, 0xE007F


def clean_text(text: str | None) -> str:
    """`text` as it is kept: NFC, `\\n` between lines, no more than one empty line, nothing unreadable.

    Markup is taken for markup only if its name is one of HTML's or Word's, so that `<3` and `x < y` stay; if
    there was any, `&amp;` and its like are turned back into what they stand for.
    """
    made = _LINE_ENDS.sub("\n", text or "")
    made = _without_markup(made)
    made = _SPACES.sub(" ", made.translate(_TABLE))
    made = unicodedata.normalize("NFC", "".join(_readable(made)))
    lines = [re.sub(r"[ \t]+$", "", line) for line in made.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def clean_line(text: str | None) -> str:
    """`clean_text` on one line, with single spaces: for names and titles."""
    return " ".join(clean_text(text).split())


def _without_markup(text: str) -> str:
    if "<" not in text:
        return text.replace("&nbsp;", " ")
    bare = text
    for start, end in _HIDDEN:
        bare = _without_hidden(bare, start, end)
    bare = _MARKUP.sub(_instead, bare)
    return text.replace("&nbsp;", " ") if bare == text else html.unescape(bare)


def _instead(found: re.Match[str]) -> str:
    name = (found["name"] or "").lower()
    if name in ("td", "th"):
        return " "
    if name == "li" and not found[0].startswith("</"):
        return "\n• "
    return "\n" if name in _BREAKING else ""


def _without_hidden(text: str, start: str, end: str) -> str:
    """Without the parts that a browser never shows; one that never ends stays, as text."""
    lower, kept, at = text.lower(), [], 0
    if len(lower) != len(text):
        return text
    while (begin := lower.find(start, at)) >= 0 and (close := lower.find(end, begin)) >= 0:
        kept.append(text[at:begin])
        at = close + len(end)
    return "".join([*kept, text[at:]]) if at else text


def _readable(text: str) -> Any:
    """Each character that can be read; half of a pair becomes the mark for a character that was lost."""
    in_flag = False
    for char in text:
        code = ord(char)
        if _TAG_FIRST <= code <= _TAG_LAST:
            if in_flag:
                yield char
            continue
        in_flag = char == _FLAG
        if 0xD800 <= code <= 0xDFFF:
            yield "\ufffd"
        elif char in "\n\t" or not (unicodedata.category(char) == "Cc" or _no_character(code)):
            yield char


def _no_character(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or 0xE0000 <= code <= 0xE00FF


class NoteField(forms.CharField):
    """A note of many lines in a form, cleaned; its limit is told in the reader's words."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", NOTE_LIMIT)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str:
        """The text, cleaned."""
        return clean_text(None if value is None else str(value))


class LineField(forms.CharField):
    """One line in a form, cleaned."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", LINE_LIMIT)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str:
        """The line, cleaned."""
        return clean_line(None if value is None else str(value))
