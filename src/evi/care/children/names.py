"""Names as they are compared: without case, accents or signs, in words; and the keys by which one is found.

Names are stored encrypted, so a database can't search in them. For each word of a name we store keyed digests
of the word, of the word with any one letter left out, of its first letters and of how it sounds (Metaphone).
Two words that differ by one letter, or by two letters that changed places, share at least one of the first
kind: the symmetric delete method (Garbe 2012, SymSpell). Digests of letter pairs would find more, and would
let somebody who has the database but not the key rebuild names from how often each pair occurs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import jellyfish

from evi.care.fields import keys

WORDS = 8
"""More words than this of one name or question are not looked at."""
LETTERS = 24
"""Letters of a word that count."""
_SHORT = 4
"""From this many letters on a word may have a letter wrong."""
_STARTS = range(3, 8)
"""How many first letters are stored, for somebody who types part of a name."""
_OTHER_LETTERS = str.maketrans(
    {
        **{"ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"},
        **{
            "ي": "ی",
            "ى": "ی",
            "ئ": "ی",
            "ك": "ک",
            "أ": "ا",
            "إ": "ا",
            "آ": "ا",
            "ؤ": "و",
            "ة": "ه",
            "ۃ": "ه",
        },
        **{"ہ": "ه", "ھ": "ه", "ـ": None, "'": None, "’": None, "‘": None, "ʼ": None, "`": None, "ء": None},
    }
)
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> tuple[str, ...]:
    """The words of a name, folded: `Zoë O'Brien-Łuk` gives `zoe`, `obrien`, `luk`.

    Emoji and signs are no words. Letters that Arabic and Urdu write in two ways become one; vowel signs and
    accents go.
    """
    plain = unicodedata.normalize("NFKD", text[:2_000].casefold().translate(_OTHER_LETTERS))
    bare = "".join(char for char in plain if not unicodedata.category(char).startswith(("M", "Cf")))
    found = _WORD.findall(bare.translate(_OTHER_LETTERS))
    return tuple(word[:LETTERS] for word in found[:WORDS])


def folded(*parts: str) -> str:
    """Words of several parts in one text, by which two names are called the same."""
    return " ".join(word for part in parts for word in words(part))


def stored_keys(names: Iterable[str]) -> set[int]:
    """The keys under which a child with these names is stored."""
    return {key for word in _different(names) for key in _keys_of_stored(word)}


def asked_keys(asked: Sequence[str]) -> set[int]:
    """The keys that find children for these folded words."""
    return {key for word in set(asked) for key in _keys_of_asked(word)}


def likeness(asked: Sequence[str], names: Iterable[str]) -> float:
    """How like the folded words are to a child's names, 0 to 1.

    Each word that was asked for takes the stored word that is most like it (no stored word twice); longer
    words count for more, as their letters are what is asked for.
    """
    left = list(_different(names))
    if not asked or not left:
        return 0.0
    total = 0.0
    for word in sorted(asked, key=len, reverse=True):
        best = max(left, key=lambda other: (alike(word, other), other), default=None)
        if best is None:
            continue
        total += alike(word, best) * len(word)
        left.remove(best)
    return total / sum(map(len, asked))


@lru_cache(maxsize=50_000)
def alike(one: str, other: str) -> float:
    """How like two words are: Jaro-Winkler, but 0.9 for a beginning and 0.88 if they sound the same."""
    if one == other:
        return 1.0
    found = jellyfish.jaro_winkler_similarity(one, other)
    if len(one) >= _STARTS.start and other.startswith(one):
        found = max(found, 0.9)
    if _sound(one) and _sound(one) == _sound(other):
        found = max(found, 0.88)
    return float(found)


def _different(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for name in names for word in words(name)))


@lru_cache(maxsize=50_000)
def _sound(word: str) -> str:
    return jellyfish.metaphone(word) if word.isascii() and word.isalpha() else ""


def _near(word: str) -> set[str]:
    """The word, and from four letters on each way to leave one letter out."""
    if len(word) < _SHORT:
        return {word}
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


@lru_cache(maxsize=50_000)
def _keys_of_stored(word: str) -> frozenset[int]:
    starts = {f"start {word[:size]}" for size in _STARTS if size <= len(word)}
    return frozenset(map(_digest, {*(f"near {near}" for near in _near(word)), *starts, *_sounds(word)}))


@lru_cache(maxsize=1_000)
def _keys_of_asked(word: str) -> frozenset[int]:
    starts = {f"start {word}"} if len(word) in _STARTS else set()
    return frozenset(map(_digest, {*(f"near {near}" for near in _near(word)), *starts, *_sounds(word)}))


def _sounds(word: str) -> set[str]:
    sound = _sound(word)
    return {f"sound {sound}"} if len(sound) > 1 else set()


def _digest(text: str) -> int:
    """64 bits of a keyed digest, as a database keeps them: with a sign."""
    made = hmac.digest(keys()[0], b"name\0" + text.encode(), hashlib.sha256)
    return int.from_bytes(made[:8], "big", signed=True)
