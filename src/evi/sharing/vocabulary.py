"""The words that agreements and the application use: roles, relationships, purposes, actions, items.

Each kind of word is a file of `vocabulary/`. A word that is in none of them can't stand in an agreement, a
policy or a question, so a slip of the pen is an error and never a silent refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

FOLDER = Path(__file__).parent / "vocabulary"
SCHEMA = FOLDER / "vocabulary.schema.json"
FAMILY = "family"


@dataclass(frozen=True)
class OrganisationKind:
    """A kind of organisation. `place` and `those` are how sentences name one of it, and its people."""

    key: str
    title: str
    place: str
    those: str
    signs: bool = True


@dataclass(frozen=True)
class Role:
    """A role: its plain title, the purpose that it acts for by default, and the kinds where it is found."""

    key: str
    title: str
    purpose: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Relationship:
    """A kind of tie between a person and a child, with the phrases of sentences about it.

    `kinds` are the organisations where there is such a tie (empty: any).
    """

    key: str
    title: str
    phrase: str
    covers: str
    only_named_items: bool = False
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purpose:
    """What a person looks or writes for.

    Attributes:
        loud: it is told to the data guardian at once.
        own: a family's own right, which what they said about sharing with others does not close.
    """

    key: str
    title: str
    phrase: str
    loud: bool = False
    own: bool = False


@dataclass(frozen=True)
class Action:
    """What can be done; `after_move`: also for a child who has left the district."""

    key: str
    title: str
    phrase: str
    after_move: bool = True


@dataclass(frozen=True)
class Item:
    """A part of what is known of a child.

    Attributes:
        held_by: the kinds of organisation that bring it; empty if it is written here.
        special: health, ethnicity or the like (UK GDPR article 9), or offences.
        near: items that a refusal names as exceptions.
        with_every_share: goes with whatever is shared of a child.
    """

    key: str
    title: str
    group: str
    phrase: str
    special: bool = False
    with_every_share: bool = False
    held_by: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What a family can say about sharing."""

    key: str
    title: str


@dataclass(frozen=True)
class Duty:
    """A page that concerns no one child, and the roles that may open it."""

    key: str
    title: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """All words, each kind by key and in the order of its file."""

    organisations: Mapping[str, OrganisationKind]
    roles: Mapping[str, Role]
    relationships: Mapping[str, Relationship]
    purposes: Mapping[str, Purpose]
    actions: Mapping[str, Action]
    items: Mapping[str, Item]
    wishes: Mapping[str, Wish]
    duties: Mapping[str, Duty]
    fingerprint: str

    def items_matching(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """The items that patterns such as `passport.*` stand for, in the order of the vocabulary.

        Raises:
            EviError: a pattern stands for none.
        """
        patterns = tuple(patterns)
        for pattern in patterns:
            if not any(fnmatchcase(item, pattern) for item in self.items):
                raise EviError(
                    f"no item is called “{pattern}”.", do="`evi agreement list --words` shows all."
                )
        return tuple(item for item in self.items if any(fnmatchcase(item, each) for each in patterns))

    def placements(self) -> list[tuple[str, str]]:
        """Every role with every kind of organisation where it is found, as (role, kind)."""
        return [(role.key, kind) for role in self.roles.values() for kind in role.kinds]


@cache
def vocabulary() -> Vocabulary:
    """The shipped words.

    Raises:
        EviError: a file breaks the schema, or a word refers to one that there isn't.
    """
    tables = {path.stem: _table(path) for path in sorted(FOLDER.glob("*.yaml"))}
    kinds = {key: OrganisationKind(key, **row) for key, row in tables["organisations"].items()}
    anywhere = [key for key, kind in kinds.items() if kind.signs]
    lists = ("kinds", "roles", "held_by", "near")
    for table in tables.values():
        for row in table.values():
            row |= {name: tuple(row[name]) for name in lists if name in row}
    words = Vocabulary(
        organisations=kinds,
        roles={key: Role(key, **({"kinds": tuple(anywhere)} | row)) for key, row in tables["roles"].items()},
        relationships={key: Relationship(key, **row) for key, row in tables["relationships"].items()},
        purposes={key: Purpose(key, **row) for key, row in tables["purposes"].items()},
        actions={key: Action(key, **row) for key, row in tables["actions"].items()},
        items={key: Item(key, **row) for key, row in tables["items"].items()},
        wishes={key: Wish(key, **row) for key, row in tables["wishes"].items()},
        duties={key: Duty(key, **row) for key, row in tables["duties"].items()},
        fingerprint=_fingerprint(),
    )
    _check(words)
    return words


def may_do(role: str, duty: str) -> bool:
    """Whether a role may open a page that concerns no one child.

    Raises:
        EviError: there is no such duty.
    """
    if duty not in vocabulary().duties:
        raise EviError(f"no duty is called “{duty}”.", where="duties.yaml", do="Add it, or correct the page.")
    return role in vocabulary().duties[duty].roles


def _table(path: Path) -> dict[str, dict[str, Any]]:
    table = read_yaml(path)
    check_against(table, SCHEMA, str(path))
    return dict(table)


def _fingerprint() -> str:
    files = sorted(FOLDER.glob("*.yaml"))
    return hashlib.sha256(b"\0".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def _check(words: Vocabulary) -> None:
    referred = (
        [(role.key, kind, words.organisations) for role in words.roles.values() for kind in role.kinds]
        + [(role.key, role.purpose, words.purposes) for role in words.roles.values()]
        + [(tie.key, kind, words.organisations) for tie in words.relationships.values() for kind in tie.kinds]
        + [(item.key, kind, words.organisations) for item in words.items.values() for kind in item.held_by]
        + [(item.key, near, words.items) for item in words.items.values() for near in item.near]
        + [(duty.key, role, words.roles) for duty in words.duties.values() for role in duty.roles]
    )
    for key, word, known in referred:
        if word not in known:
            raise EviError(f"“{key}” refers to “{word}”, which there isn't.", where=str(FOLDER), exit_code=2)
