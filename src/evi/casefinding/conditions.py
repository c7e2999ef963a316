"""Conditions that rules look for: which events record them, and what the truth of a district calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from evi.workspace import EviError

FILE = Path(__file__).parent / "conditions.yaml"


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        id, title: as rules name it, and in plain words.
        need: its name in `truth/needs.parquet`; empty where the truth has no such need, and only
            what services recorded can be looked at.
        recorded: codes of the events by which a service records it; `/*` stands for every code below.
        recognition: whether the truth says when each child was referred and assessed.
    """

    id: str
    title: str
    need: str
    recorded: tuple[str, ...]
    recognition: bool


@cache
def conditions() -> Mapping[str, Condition]:
    """The conditions that can be scored, by id, from `conditions.yaml`."""
    table = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: Condition(
            name,
            row["title"],
            row.get("need", ""),
            tuple(row["recorded"]),
            bool(row.get("recognition", False)),
        )
        for name, row in table.items()
    }


def condition_named(name: str) -> Condition:
    """One condition.

    Raises:
        EviError: it is none of those whose truth or recording is known.
    """
    found = conditions()
    if name not in found:
        raise EviError(
            f"nothing says who has “{name}”, so a rule that looks for it can't be judged.",
            where="the rule's condition",
            do=f"Those that can be: {', '.join(sorted(found))}.",
            exit_code=2,
        )
    return found[name]
