"""Write gathered children into Care, all at once; a second load adds what is new and ends what has ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

import polars as pl
from django.db import transaction
from django.utils import timezone

from evi.care.accounts.models import Organisation, Team
from evi.care.children.models import Child, Entry, LocalRecord, Tie, set_name_keys
from evi.care.findings.models import PerhapsSame
from evi.care.loading.joining import Gathered
from evi.sharing.holders import Holder
from evi.workspace import SILENT, Progress

BATCH = 1_000
NOON = time(12)
"""The hour of what a service tells by its day alone."""
LOADED = "from the service's own records"
"""Why a tie that a load made is there; a load ends only its own."""
_FIELDS = {
    "given_name": "forename",
    "family_name": "surname",
    "birth_date": "date_of_birth",
    "sex": "sex",
    "language": "language",
    "address": "address",
    "postcode": "postcode",
    "nhs_number": "nhs_number",
    "upn": "upn",
}
_BLINDS = ("nhs_blind", "upn_blind", "born_blind", "same_blind")
TieKey = tuple[int, int, int | None, str, date]


@dataclass
class Filled:
    """What a load did: rows by what they are."""

    counts: dict[str, int] = field(default_factory=dict)


def fill(gathered: Gathered, held: Mapping[str, Holder], day: date, progress: Progress = SILENT) -> Filled:
    """Write everything, or nothing.

    Args:
        day: the day of the records; no tie begins after today.
    """
    today = timezone.localdate()
    filled = Filled()
    with transaction.atomic(), progress.task("Filling Care", 6) as advance:
        organisations = _organisations(gathered, held)
        advance(1)
        children = _children(gathered, filled)
        advance(1)
        filled.counts["records"] = _records(gathered, children, organisations)
        advance(1)
        filled.counts["ties"] = _ties(gathered, held, children, organisations, today)
        advance(1)
        filled.counts["entries"] = _entries(gathered, held, children, organisations)
        advance(1)
        filled.counts["perhaps_the_same"] = _doubts(gathered, children)
        advance(1)
    return filled


def _organisations(gathered: Gathered, held: Mapping[str, Holder]) -> dict[str, Organisation]:
    """Organisations by code; those that are not there yet are made, with their teams."""
    rows = pl.concat(
        [table.select("organisation", "name", "kind") for table in (gathered.records, gathered.rolls)]
    ).unique("organisation")
    found = {each.code: each for each in Organisation.objects.all()}
    wanted = {code: (name, kind) for code, name, kind in rows.iter_rows()}
    wanted |= {h.code: (h.name, h.kind) for h in held.values() if not h.each_place}
    for code, (name, kind) in sorted(wanted.items()):
        if code not in found:
            found[code] = Organisation.objects.create(code=code, name=name, kind=kind)
    return found


def _children(gathered: Gathered, filled: Filled) -> dict[int, Child]:
    """A child for each number: the one that holds one of its records already, or a new one."""
    there = _there(gathered)
    new: list[Child] = []
    changed: list[Child] = []
    children: dict[int, Child] = {}
    for row in gathered.children.iter_rows(named=True):
        said: dict[str, Any] = {name: row[column] or "" for name, column in _FIELDS.items()}
        said |= {"birth_date": row["date_of_birth"], "sex": (row["sex"] or "")[:1]}
        child = there.get(row["child"])
        if child is None:
            child = Child(**said)
            new.append(child)
        elif _takes(child, said):
            changed.append(child)
        children[row["child"]] = child
    for child in (*new, *changed):
        child.set_blinds()
    Child.objects.bulk_create(new, batch_size=BATCH)
    Child.objects.bulk_update(changed, [*_FIELDS, *_BLINDS, "updated_at"], batch_size=BATCH)
    set_name_keys([*new, *changed])
    filled.counts |= {"children": len(children), "new_children": len(new), "changed_children": len(changed)}
    return children


def _there(gathered: Gathered) -> dict[int, Child]:
    """The child of each number that Care holds already, by its first record that is known."""
    known = {(row[0], row[1]): row[2] for row in LocalRecord.objects.values_list("feed", "code", "child_id")}
    if not known:
        return {}
    keys: dict[int, int] = {}
    for number, feed, code in gathered.records.select("child", "feed", "code").iter_rows():
        if number not in keys and (feed, str(code)) in known:
            keys[number] = known[feed, str(code)]
    held = Child.objects.in_bulk(list(set(keys.values())))
    return {number: held[key] for number, key in keys.items()}


def _takes(child: Child, said: Mapping[str, Any]) -> bool:
    """Take over what a service says now, where it says something; whether anything changed."""
    changed = {name: value for name, value in said.items() if value and getattr(child, name) != value}
    for name, value in changed.items():
        setattr(child, name, value)
    if changed:
        child.updated_at = timezone.now()
    return bool(changed)


def _records(
    gathered: Gathered, children: Mapping[int, Child], organisations: Mapping[str, Organisation]
) -> int:
    """The services' local records. One that moved (another school) belongs to where the child is now."""
    there = {(each.feed, each.code): each for each in LocalRecord.objects.all()}
    new, moved = [], []
    for number, feed, code, place in gathered.records.select(
        "child", "feed", "code", "organisation"
    ).iter_rows():
        organisation, known = organisations[place], there.get((feed, str(code)))
        if known is None:
            new.append(
                LocalRecord(child=children[number], organisation=organisation, feed=feed, code=str(code))
            )
        elif known.organisation_id != organisation.pk:
            known.organisation = organisation
            moved.append(known)
    LocalRecord.objects.bulk_create(new, batch_size=BATCH)
    LocalRecord.objects.bulk_update(moved, ["organisation"], batch_size=BATCH)
    return len(new)


def _ties(
    gathered: Gathered,
    held: Mapping[str, Holder],
    children: Mapping[int, Child],
    organisations: Mapping[str, Organisation],
    today: date,
) -> int:
    """Ties by roll, class and caseload; those of an earlier load that no longer hold end today."""
    wanted = {key: until for key, until in _wanted(gathered, held, children, organisations, today)}
    there = {
        (each.child_id, each.organisation_id, each.team_id, each.kind, each.since): each
        for each in Tie.objects.filter(why=LOADED)
    }
    new = [
        Tie(
            child_id=child,
            organisation_id=organisation,
            team_id=team,
            kind=kind,
            since=since,
            until=until,
            why=LOADED,
        )
        for (child, organisation, team, kind, since), until in wanted.items()
        if (child, organisation, team, kind, since) not in there
    ]
    changed = []
    for key, each in there.items():
        until = wanted[key] if key in wanted else min(each.until or today, today)
        if until != each.until:
            each.until = until
            changed.append(each)
    Tie.objects.bulk_create(new, batch_size=BATCH)
    Tie.objects.bulk_update(changed, ["until"], batch_size=BATCH)
    return len(new)


def _wanted(
    gathered: Gathered,
    held: Mapping[str, Holder],
    children: Mapping[int, Child],
    organisations: Mapping[str, Organisation],
    today: date,
) -> Iterator[tuple[TieKey, date | None]]:
    teams = {(each.organisation_id, each.name): each for each in Team.objects.all()}
    rows = gathered.rolls.select("child", "organisation", "year", "since", "until").iter_rows()
    for number, place, year, since, until in rows:
        child, organisation = children[number].pk, organisations[place].pk
        joined = min(since, today)
        yield (child, organisation, None, "on-roll", joined), until
        if year:
            name = class_name(year)
            team = teams.get((organisation, name))
            if team is None:
                team = teams[organisation, name] = Team.objects.create(
                    organisation_id=organisation, name=name
                )
            yield (child, organisation, team.pk, "teaches", joined), until
    for number, feed, since, until in gathered.cases.iter_rows():
        organisation = organisations[held[feed].code].pk
        yield (children[number].pk, organisation, None, "on-caseload", min(since, today)), until


def class_name(year: str) -> str:
    """The team that teaches a year group.

    >>> class_name("3"), class_name("R"), class_name("N1")
    ('Year 3', 'Reception', 'Nursery')
    """
    if year.isdigit():
        return f"Year {year}"
    return {"R": "Reception", "X": "Mixed years"}.get(year, "Nursery")


def _entries(
    gathered: Gathered,
    held: Mapping[str, Holder],
    children: Mapping[int, Child],
    organisations: Mapping[str, Organisation],
) -> int:
    """Entries of the chronology that are not there yet; one whose text or end changed is put right."""
    there = {
        (each.child_id, each.item, each.code, each.happened_on): each
        for each in Entry.objects.filter(author=None).exclude(code="")
    }
    new: list[Entry] = []
    changed: list[Entry] = []
    now = timezone.now()
    schools = dict(gathered.rolls.select("child", "organisation").iter_rows())
    rows = gathered.entries.select(
        "child", "feed", "place", "item", "code", "title", "text", "day", "ended", "known_at"
    ).iter_rows()
    for number, feed, place, item, code, title, text, day, ended, known_at in rows:
        holder, child = held[feed], children[number]
        source = organisations.get(holder.code_at(place or "")) or organisations[schools[number]]
        known = there.get((child.pk, item, code, day))
        if known is None:
            new.append(
                Entry(
                    child=child, item=item, nature=Entry.FACT, happened_on=day, ended_on=ended,
                    title=title[:200], text=text, code=code, source=source, author_name=source.name,
                    recorded_at=min(datetime.combine(known_at or day, NOON, UTC), now),
                )
            )  # fmt: skip
        elif (known.ended_on, known.title, known.text) != (ended, title[:200], text):
            known.ended_on, known.title, known.text = ended, title[:200], text
            changed.append(known)
    Entry.objects.bulk_create(new, batch_size=BATCH)
    Entry.objects.bulk_update(changed, ["ended_on", "title", "text"], batch_size=BATCH)
    return len(new)


def _doubts(gathered: Gathered, children: Mapping[int, Child]) -> int:
    """Pairs of children that may be one; a pair that a person has looked at is not asked again."""
    there = set(PerhapsSame.objects.values_list("child_id", "other_id"))
    pairs = [(children[a], children[b], feed) for a, b, feed in gathered.doubts.iter_rows()]
    new = {
        (a.pk, b.pk): PerhapsSame(child=a, other=b, feed=feed)
        for a, b, feed in pairs
        if a.pk != b.pk and (a.pk, b.pk) not in there
    }
    PerhapsSame.objects.bulk_create(new.values(), batch_size=BATCH)
    return len(new)
