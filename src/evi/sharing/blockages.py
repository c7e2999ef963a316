"""Blockages: a refusal that harms is decided by somebody, and by somebody higher the longer it waits.

The stages are data (`blockages.yaml`). Nothing here knows where blockages are kept or which days are working
days: `evi.care.door` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median

from evi.sharing.vocabulary import vocabulary
from evi.workspace import EviError
from evi.workspace.declared import check_against, read_yaml

FILE = Path(__file__).parent / "blockages.yaml"
SCHEMA = Path(__file__).parent / "blockages.schema.json"
OWN, BOTH, DISTRICT = "own", "both", "district"
CHANGED, SAID_NO = "agreement", "no"
"""How a blockage is closed: an agreement changed and now permits, or somebody said no and why."""


@dataclass(frozen=True)
class Stage:
    """Who decides from how many working days after it was raised. `whose`: own, both or district."""

    key: str
    title: str
    after_working_days: int
    roles: tuple[str, ...]
    whose: str


@dataclass(frozen=True)
class Stages:
    """The stages in their order, and the roles that may decide at any."""

    always: tuple[str, ...]
    stages: Mapping[str, Stage]

    @property
    def first(self) -> Stage:
        """Where every blockage begins."""
        return next(iter(self.stages.values()))

    def after(self, key: str) -> Stage | None:
        """The stage that follows; None after the last."""
        order = list(self.stages.values())
        place = order.index(self.stages[key]) + 1
        return order[place] if place < len(order) else None

    def at(self, working_days: int) -> Stage:
        """The stage that a blockage is at, so many working days after it was raised.

        >>> stages().at(0).key, stages().at(4).key, stages().at(40).key
        ('raised', 'guardian', 'partnership')
        """
        return [stage for stage in self.stages.values() if stage.after_working_days <= working_days][-1]


@dataclass(frozen=True)
class Case:
    """What the board's statistics count of one blockage. `closed_on`: None while it is open."""

    item: str
    stage: str
    opened_on: date
    closed_on: date | None = None
    closed_how: str = ""


@dataclass(frozen=True)
class Figures:
    """What the board sees: counts, and days from raising to closing (median), or None if none was closed."""

    raised: int
    open: int
    by_stage: Mapping[str, int]
    by_item: Mapping[str, int]
    closed_how: Mapping[str, int]
    median_days: float | None
    oldest_open_days: int | None


def figures(cases: Iterable[Case], today: date) -> Figures:
    """Statistics of blockages: open ones by stage, all by item, closed ones by how and how fast."""
    cases = list(cases)
    waiting = [case for case in cases if case.closed_on is None]
    took = [(case.closed_on - case.opened_on).days for case in cases if case.closed_on is not None]
    return Figures(
        raised=len(cases),
        open=len(waiting),
        by_stage={key: sum(case.stage == key for case in waiting) for key in stages().stages},
        by_item=dict(Counter(case.item for case in cases).most_common()),
        closed_how={how: sum(case.closed_how == how for case in cases) for how in (CHANGED, SAID_NO)},
        median_days=float(median(took)) if took else None,
        oldest_open_days=max(((today - case.opened_on).days for case in waiting), default=None),
    )


@cache
def stages() -> Stages:
    """The shipped stages.

    Raises:
        EviError: the file breaks its schema, names a role that there isn't, or its days don't rise from 0.
    """
    table = read_yaml(FILE)
    check_against(table, SCHEMA, str(FILE))
    made = {key: Stage(key, **(row | {"roles": tuple(row["roles"])})) for key, row in table["stages"].items()}
    days = [stage.after_working_days for stage in made.values()]
    if days[0] != 0 or days != sorted(set(days)):
        raise EviError("the stages' days must rise, from 0 on.", where=str(FILE), exit_code=2)
    named = {role for stage in made.values() for role in stage.roles} | set(table["always"])
    if unknown := named - set(vocabulary().roles):
        raise EviError(f"no role is called {', '.join(sorted(unknown))}.", where=str(FILE), exit_code=2)
    return Stages(tuple(table["always"]), made)
