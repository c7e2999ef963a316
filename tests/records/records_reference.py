"""What the store should hold, in plain Python: slow, obvious, and knowing nothing of SQL.

It reads the made-up layouts of `records_district` by hand, and follows docs/records.md row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

from records_district import Inputs

from evi.records.mapping import compile_layouts

Fact = dict[str, Any]
FEEDS = {"t_sen": "school", "t_case": "care", "t_place": "homes"}


def facts_of(layout: str, row: Fact) -> list[Fact | None]:
    """What each event of a layout makes of one row: None if the row doesn't give it."""
    if layout == "t_sen":
        supported, need = row["Provision"] == "K", row["Need"]
        place = None if row["School"] is None else f"school:{row['School']}"
        roll = fact("EDU/ROLL", "child", row["Entered"], end=row.get("Leaving"), place=place)
        support = fact("EDU/SEN/SUPPORT", "child", row["Listed"]) if supported else None
        told = supported and need is not None
        code = f"EDU/SEN/NEED/{need.upper()}" if need else ""
        return [roll, support, fact(code, "child", row["Listed"], text=row["Provision"]) if told else None]
    if layout == "t_case":
        closed, opened = row.get("Closed"), row["Opened"]
        first = fact("CSC/REFERRAL", "child", opened, end=closed, value=row.get("Cost"), text=row.get("Kind"))
        second = fact("CSC/CLOSED", "child", closed, known=closed) if closed else None
        unwell = row.get("MotherUnwell") is True
        return [first, second, fact("HEALTH/MATERNAL/UNWELL", "mother", opened) if unwell else None]
    place = None if row["home"] is None else f"home:{row['home']}"
    damp = fact("HOUSING/DAMP", None, row["Seen"], place=place) if row["Mould"] else None
    return [damp, fact("FIRE/VISIT", None, row["Seen"], place=place)]


def fact(code: str, role: str | None, time: date, **rest: Any) -> Fact:
    stated = {
        "code": code,
        "role": role,
        "time": time,
        "end": None,
        "value": None,
        "text": None,
        "place": None,
    }
    return {**stated, "known": None, **rest}


def expected_events(inputs: Inputs, salts: dict[tuple[str, int], int]) -> list[tuple[Any, ...]]:
    """Every row of `events`, sorted by their text."""
    links = {(feed, person): (subject, round(chance, 2)) for feed, person, subject, chance in inputs.people}
    found = list(moves(inputs))
    for layout in sorted({layout for layout, _delivery in inputs.payloads}):
        versions = standing_rows(inputs, layout)
        for record in sorted({row["record"] for _delivery, row in versions}):
            said = [(delivery, row) for delivery, row in versions if row["record"] == record]
            for index in range(len(facts_of(layout, said[0][1]))):
                found += slot(layout, index, said, links, salts[layout, index])
    return sorted(found, key=str)


def standing_rows(inputs: Inputs, layout: str) -> list[tuple[str, Fact]]:
    """A layout's rows in order of delivery; in one delivery the last word on a record stands.

    Each row is given the day on which its delivery was complete, as `closed`.
    """
    deliveries = {name: rows for (which, name), rows in inputs.payloads.items() if which == layout and rows}
    order = sorted(deliveries, key=lambda name: (max(row["known_at"] for row in deliveries[name]), name))
    standing = []
    for name in order:
        last: dict[int, tuple[Any, Fact]] = {}
        for number, row in enumerate(deliveries[name]):
            rank = (row["known_at"], number)
            if row["record"] not in last or rank > last[row["record"]][0]:
                last[row["record"]] = (rank, row)
        closed = max(row["known_at"] for row in deliveries[name])
        standing += [(name, {**row, "closed": closed}) for _rank, row in last.values()]
    return standing


def slot(
    layout: str, index: int, said: list[tuple[str, Fact]], links: dict[Any, Any], salt: int
) -> Iterator[tuple[Any, ...]]:
    """The events of one record and one event of its layout: each version until the next word on it."""
    known: list[date] = []
    not_before = date.min
    for _delivery, row in said:
        told = facts_of(layout, row)[index]
        stands = told is not None and not row.get("withdrawn", False)
        stated = (told or {}).get("known") or row["known_at"] if stands else row["known_at"]
        known.append(max(stated, not_before))
        not_before = row["closed"]
    for number, (delivery, row) in enumerate(said):
        told = facts_of(layout, row)[index]
        if told is None:
            continue
        subject, confidence = subject_of(layout, told, row, links)
        if subject is None:
            continue
        later = known[number + 1 :]
        until = max(min(later), known[number]) if later else None
        yield (
            subject, told["time"], told["code"], told["value"], told["text"], known[number], until,
            FEEDS[layout], row["record"] ^ salt, told["place"], told["end"], confidence,
            row.get("withdrawn", False), delivery,
        )  # fmt: skip


def subject_of(layout: str, told: Fact, row: Fact, links: dict[Any, Any]) -> tuple[int | None, float]:
    if told["role"] is None:
        return (None if row["home"] is None else -(row["home"] % 2**62) - 1), 1.0
    return links.get((FEEDS[layout], row.get(f"person_{told['role']}")), (None, 0.0))


def moves(inputs: Inputs) -> Iterator[tuple[Any, ...]]:
    """Starts of a residence elsewhere than the one before; their `record_id` is not told."""
    stays: dict[int, set[tuple[date, int]]] = {}
    for subject, home, _lsoa, start, _end in inputs.households:
        stays.setdefault(subject, set()).add((start, home))
    for subject, dated in stays.items():
        ordered = sorted(dated)
        for (_start, before), (start, home) in pairwise(ordered):
            if home != before:
                yield (
                    subject, start, "PLACE/MOVE", None, None, start, None, "spine", None, f"home:{home}",
                    None, 1.0, False, "spine",
                )  # fmt: skip


def salts_of(layouts: Any) -> dict[tuple[str, int], int]:
    """The salts of every event of the layouts."""
    compiled = compile_layouts(layouts.values())
    return {(name, event.index): event.salt for name, layout in compiled.items() for event in layout.events}
