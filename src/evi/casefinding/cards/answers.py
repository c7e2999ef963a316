"""A district's answers, in its own folder: what only a district can say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from evi.casefinding.cards.forms import questions
from evi.workspace import District, EviError

FILE = Path("casefinding") / "answers.yaml"
NO_ANSWERS = ("todo", "tbc", "tbd", "to be confirmed", "to do", "unknown", "n/a", "-", "?", "xxx")
"""What people write where they mean to answer later."""


def read_answers(district: District, rule: str) -> dict[str, str]:
    """The district's answers for one rule: those for all, and in place of them those under `rules:` for it.

    An empty answer, or one that only promises an answer, is none.

    Raises:
        EviError: the file can't be read, or answers what nobody asked.
    """
    path = district.root / FILE
    if not path.is_file():
        return {}
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        own = (table.pop("rules", None) or {}).get(rule) or {}
        answers = {**_texts(table), **_texts(own)}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise EviError(
            "it can't be read as answers.",
            where=str(path),
            do="It is YAML: `key: text`. `evi casefind card --questions` prints one to fill in.",
            exit_code=2,
        ) from error
    extra = sorted(set(answers) - set(questions()))
    if extra:
        raise EviError(
            f"nobody asked for {', '.join(extra)}.",
            where=str(path),
            do="See `evi casefind card --questions` for what is asked.",
            exit_code=2,
        )
    return {key: text for key, text in answers.items() if not _promises(text)}


def blank_answers() -> str:
    """A file of answers to fill in, as YAML."""
    head = (
        "# What only the district can say about its case-finding. Save as casefinding/answers.yaml.\n"
        "# Use roles, not people's names. Answers under rules: hold for one rule only.\n"
    )
    return head + "".join(f"\n# {text}\n{key}:\n" for key, text in questions().items()) + "\nrules: {}\n"


def _texts(table: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): "" if text is None else str(text) for key, text in table.items()}


def _promises(text: str) -> bool:
    return text.strip().strip(".").lower() in ("", *NO_ANSWERS)
