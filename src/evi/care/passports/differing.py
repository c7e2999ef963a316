"""What is different between two texts, word by word, and the merge of two changes of one text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, GONE, NEW = "same", "gone", "new"
MOST_PAIRS = 4_000_000
"""Pairs of words up to which texts are compared by words; longer ones are compared by sentences."""

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_SENTENCES = re.compile(r"[^.!?\n]*[.!?]*\s*\n*")


@dataclass(frozen=True)
class Piece:
    """A stretch of text: in both (`same`), only in the earlier (`gone`), or only in the later (`new`)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Difference:
    """Two texts side by side: `before` has same and gone pieces, `after` same and new ones."""

    before: tuple[Piece, ...]
    after: tuple[Piece, ...]

    @property
    def any(self) -> bool:
        """Whether they differ."""
        return any(piece.kind != SAME for piece in (*self.before, *self.after))


def difference(before: str, after: str) -> Difference:
    """The two texts in pieces; the pieces of each side joined are that text again."""
    old, new = _tokens(before, after)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in _changes(old, new):
        if kind == "equal":
            _add(left, SAME, old[a:b])
            _add(right, SAME, new[c:d])
        else:
            _add(left, GONE, old[a:b])
            _add(right, NEW, new[c:d])
    return Difference(tuple(left), tuple(right))


def merged(base: str, mine: str, theirs: str) -> str | None:
    """Both changes of `base` in one text; None if they touch the same words, so that a person must choose."""
    if theirs in (mine, base):
        return mine
    if mine == base:
        return theirs
    old, ours, others = (_WORDS.findall(text) for text in (base, mine, theirs))
    if len(old) * max(len(ours), len(others)) > MOST_PAIRS:
        return None
    edits = [*_edits(old, ours), *_edits(old, others)]
    edits.sort(key=lambda edit: (edit[0], edit[1]))
    made: list[str] = []
    at = 0
    for before, edit in zip([None, *edits], edits, strict=False):
        if edit == before:
            continue
        start, end, text = edit
        if before is not None and start <= before[1]:
            return None
        made += [*old[at:start], text]
        at = end
    return "".join([*made, *old[at:]])


def _edits(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, str]]:
    return [
        (a, b, "".join(new[c:d]))
        for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes()
        if kind != "equal"
    ]


def _tokens(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) * len(new) > MOST_PAIRS:
        return [_ for _ in _SENTENCES.findall(before) if _], [_ for _ in _SENTENCES.findall(after) if _]
    return old, new


def _changes(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """The steps from one to the other; what they begin and end with alike is set aside first."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    steps = SequenceMatcher(None, old[start : len(old) - end], new[start : len(new) - end]).get_opcodes()
    moved = [(kind, a + start, b + start, c + start, d + start) for kind, a, b, c, d in steps]
    return [
        ("equal", 0, start, 0, start),
        *moved,
        ("equal", len(old) - end, len(old), len(new) - end, len(new)),
    ]


def _add(pieces: list[Piece], kind: str, tokens: Sequence[str]) -> None:
    text = "".join(tokens)
    if not text:
        return
    if pieces and pieces[-1].kind == kind:
        text = pieces.pop().text + text
    pieces.append(Piece(kind, text))
