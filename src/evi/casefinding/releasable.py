"""A work list as a release needs it: the cohort, what each reason rests on, and who holds the child."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from evi.casefinding.concerns import RAISED_BY
from evi.casefinding.life import may_release
from evi.casefinding.places_offered import NO_SCHOOL
from evi.casefinding.rules import Rule, rules_named
from evi.casefinding.wording import SERVICES
from evi.casefinding.worklist import THIS_TERM
from evi.sharing.holders import Holder, holders
from evi.sharing.release import Case, Cohort, Reason, Recipient
from evi.workspace import District, EviError

SURE = 0.95
"""A service holds a child if its record is linked to the child at least this surely."""
CONCERN_ITEMS: Mapping[str, tuple[str, ...]] = {
    "teacher": ("chronology.education",),
    "parent": ("voice",),
    "practitioner": ("chronology.health", "chronology.social-care"),
}
"""What a concern rests on, by who raised it. Which practitioner it was is not known: it could be either."""


@dataclass(frozen=True)
class Releasable:
    """A work list that was read.

    Attributes:
        cases: its children of this term. recipients: every organisation that holds one of them.
    """

    cohort: Cohort
    cases: tuple[Case, ...]
    recipients: tuple[Recipient, ...]


def read_releasable(district: District, folder: Path, today: date) -> Releasable:
    """Read a work list that was written, with the life of its rules as it is now.

    Args:
        folder: of the list: `outputs/casefind/RULE-DAY`, one in `shadow` too, which may not go out.
        today: the day on which its rules must be live and not overdue for review.

    Raises:
        EviError: it is no work list, or the ledger of rules was tampered with.
    """
    said, run = _summary(folder)
    rules = rules_named(said["name"], district)
    day = date.fromisoformat(said["day"])
    cohort = Cohort(
        name=f"{said['name']}-{said['day']}",
        question=said["question"],
        rules=tuple(f"{each['id']} v{each['version']}" for each in said["rules"]),
        run_id=str(run["run"]),
        day=day,
        limits=tuple(said["limits"]),
        why_not=_why_not(district, rules, said, run, max(day, today)),
    )
    held = holders(district.root)
    table = pl.read_parquet(folder / "worklist.parquet").filter(pl.col("state") == THIS_TERM)
    records = _records(district, table, held)
    by_id = {rule.id: rule for rule in rules}
    cases = [
        _case(row, by_id.get(row["rule"] or ""), held, records.get(row["subject_id"], {}))
        for row in table.iter_rows(named=True)
    ]
    return Releasable(cohort, tuple(cases), _recipients(cases, held))


def _summary(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        said = dict(json.loads((folder / "summary.json").read_text(encoding="utf-8")))
        run = dict(json.loads((folder / "release.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EviError(
            "this is no work list.",
            where=str(folder),
            do="Name a folder that `evi casefind RULE` wrote, such as outputs/casefind/RULE-DAY.",
            exit_code=2,
        ) from error
    return said, run


def _why_not(
    district: District, rules: Sequence[Rule], said: Mapping[str, Any], run: Mapping[str, Any], day: date
) -> str:
    """Why the list may not go out: its rules now, and what they were when it was made."""
    now = may_release(district, rules, day)
    if not now.allowed:
        return now.words
    made_of = {(each["id"], each["digest"]) for each in said["rules"]}
    if made_of != {(rule.id, rule.digest) for rule in rules}:
        return "it was made by another text of its rules than the one that is live; make the list again"
    if not run["released"]:
        return f"when it was made, {run['why_not']}; make the list again"
    return ""


def _records(
    district: District, table: pl.DataFrame, held: Mapping[str, Holder]
) -> dict[int, dict[str, list[str]]]:
    """By subject and feed, the codes of the records that are surely this child's."""
    people = pl.read_parquet(district.spine / "people.parquet")
    mine = people.filter(
        pl.col("subject_id").is_in(table["subject_id"].to_list())
        & pl.col("feed").is_in([feed for feed, each in held.items() if each.loaded])
        & (pl.col("probability") >= SURE)
    ).sort("probability", descending=True)
    found: dict[int, dict[str, list[str]]] = {}
    for subject, feed, person in mine.select("subject_id", "feed", "person").iter_rows():
        found.setdefault(subject, {}).setdefault(feed, []).append(str(person))
    return found


def _case(
    row: Mapping[str, Any], rule: Rule | None, held: Mapping[str, Holder], records: Mapping[str, list[str]]
) -> Case:
    holding: dict[str, list[tuple[str, str]]] = {}
    for feed, holder in held.items():  # in the order in which services are believed
        for code in records.get(feed, ()):
            if not holder.each_place:
                holding.setdefault(holder.code, []).append((feed, code))
            elif row["school"] != NO_SCHOOL:
                holding.setdefault(holder.code_at(row["school"]), []).append((feed, code))
    return Case(
        reasons=tuple(Reason(text, items_of(text, rule, held)) for text in row["reasons"]),
        held={code: tuple(found) for code, found in holding.items()},
        not_known=tuple(Reason(text, _unknown_items(text, rule, held)) for text in row["not_known"]),
        next_step=row["next_step"],
        waiting_since=row["waiting_since"],
    )


def items_of(reason: str, rule: Rule | None, held: Mapping[str, Holder]) -> tuple[str, ...]:
    """The items that a reason rests on; none if that is not known, so that nobody is told.

    A rule's reason rests on everything that the rule reads. One about needs of the index rests on every
    service, since the index reads all of them.
    """
    raised = next((by for by in RAISED_BY if reason.startswith(f"A {by} raised a concern")), None)
    if raised:
        return CONCERN_ITEMS[raised]
    if rule is None:
        return ()
    feeds = list(held) if rule.kind == "indicators" else list(rule.feeds)
    return _items(feeds, held)


def _unknown_items(text: str, rule: Rule | None, held: Mapping[str, Holder]) -> tuple[str, ...]:
    """What a line about the unknown would tell of: the service that it names, else what the rule reads."""
    named = [feed for feed, service in SERVICES.items() if text.endswith(f": {service}")]
    return _items(named or (rule.feeds if rule else ()), held)


def _items(feeds: Iterable[str], held: Mapping[str, Holder]) -> tuple[str, ...]:
    feeds = tuple(feeds)
    if not all(feed in held for feed in feeds):
        return ()
    return tuple(sorted({held[feed].item for feed in feeds}))


def _recipients(cases: Iterable[Case], held: Mapping[str, Holder]) -> tuple[Recipient, ...]:
    steady = {each.code: each for each in held.values() if not each.each_place}
    placed = next((each for each in held.values() if each.each_place), None)
    codes = sorted({code for case in cases for code in case.held})
    made = []
    for code in codes:
        holder = steady.get(code) or placed
        if holder is not None:
            name = holder.name if code in steady else holder.name_at(code)
            made.append(Recipient(code, holder.kind, name))
    return tuple(made)
