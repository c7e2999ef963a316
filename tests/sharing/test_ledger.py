"""The ledger's chain: what a check finds, whatever was done to it and wherever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evi.sharing.ledger import NOTHING, Anchor, Entry, Head, entry_hash, verify
from evi.workspace import EviError

START = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)


def follows(head: Head, actor: str = "someone") -> Entry:
    made = Entry(
        number=head.number + 1,
        at=START + timedelta(seconds=head.number),
        actor=actor,
        role="senco",
        organisation="hill-school",
        action="view",
        child="bcdf",
        permitted=("plan",),
        refused=(),
        purpose="direct-support",
        decision="permitted",
        agreement="school-health",
        clause="1",
        rules="abc",
        note="",
        before=head.hash,
    )
    return replace(made, hash=entry_hash(made))


def chain(length: int, start: Head = NOTHING, actor: str = "someone") -> list[Entry]:
    made: list[Entry] = []
    for _ in range(length):
        start = Head(made[-1].number, made[-1].hash) if made else start
        made.append(follows(start, actor))
    return made


def head_of(entries: list[Entry]) -> Head:
    return Head(entries[-1].number, entries[-1].hash) if entries else NOTHING


def anchor_at(entries: list[Entry], number: int) -> Anchor:
    return Anchor(number, entries[number - 1].hash, START)


CHAIN = chain(12)


@given(st.integers(0, 12), st.sets(st.integers(1, 12)))
def test_a_chain_that_nobody_touched_has_no_fault(length, anchored):
    entries = CHAIN[:length]
    anchors = [anchor_at(entries, number) for number in anchored if number <= length]
    found = verify(iter(entries), head_of(entries), anchors)
    assert (found.fault, found.entries, found.anchors) == (None, length, len(anchors))


@given(st.integers(1, 12), st.sampled_from(["note", "actor", "child", "purpose", "permitted", "at", "hash"]))
def test_an_edit_is_found_where_it_was_made(number, field):
    new = {"permitted": ("plan", "index"), "at": START - timedelta(days=1)}.get(field, "f" * 64)
    entries = [replace(each, **{field: new}) if each.number == number else each for each in CHAIN]
    found = verify(entries, head_of(CHAIN)).fault
    assert found is not None
    assert (found.kind, found.number) == ("edited", number)


@given(st.integers(1, 11))
def test_an_edit_with_its_hash_made_anew_is_found_at_the_next_entry(number):
    edited = replace(CHAIN[number - 1], note="nothing to see")
    edited = replace(edited, hash=entry_hash(edited))
    found = verify([*CHAIN[: number - 1], edited, *CHAIN[number:]], head_of(CHAIN)).fault
    assert found is not None
    assert (found.kind, found.number) == ("rewritten", number + 1)


@given(st.integers(1, 11), st.integers(1, 11))
def test_deleted_entries_are_named(first, more):
    last = min(first + more - 1, 11)
    found = verify([each for each in CHAIN if not first <= each.number <= last], head_of(CHAIN)).fault
    assert found is not None
    assert (found.kind, found.number) == ("deleted", first)


@given(st.integers(1, 11), st.integers(2, 12))
def test_entries_that_change_places_are_found_at_the_first(first, second):
    first, second = sorted((first, second))
    if first == second:
        return
    entries = list(CHAIN)
    entries[first - 1] = replace(CHAIN[second - 1], number=first)
    entries[second - 1] = replace(CHAIN[first - 1], number=second)
    found = verify(entries, head_of(CHAIN)).fault
    assert found is not None
    assert (found.kind, found.number) == ("moved", first)


@given(st.integers(0, 11), st.booleans())
def test_a_cut_end_is_found_by_the_head_and_by_an_anchor(length, head_cut_too):
    kept = CHAIN[:length]
    if head_cut_too:
        found = verify(kept, head_of(kept), [anchor_at(CHAIN, 12)]).fault
    else:
        found = verify(kept, head_of(CHAIN)).fault
    assert found is not None
    assert (found.kind, found.number) == ("truncated", length + 1)


@given(st.integers(1, 12))
def test_a_chain_written_anew_to_its_end_is_found_by_an_anchor_alone(number):
    start = Head(number - 1, CHAIN[number - 2].hash) if number > 1 else NOTHING
    anew = [*CHAIN[: number - 1], *chain(13 - number, start, actor="somebody else")]
    assert verify(anew, head_of(anew)).fault is None
    found = verify(anew, head_of(anew), [anchor_at(CHAIN, 12)]).fault
    assert found is not None
    assert (found.kind, found.number) == ("rewritten", 12)


def test_an_entry_put_in_and_a_lost_head_are_found():
    found = verify([*CHAIN[:5], CHAIN[4], *CHAIN[5:]], head_of(CHAIN)).fault
    assert found is not None
    assert (found.kind, found.number) == ("inserted", 5)
    added = verify([*CHAIN, follows(head_of(CHAIN))], head_of(CHAIN)).fault
    assert added is not None
    assert added.kind == "inserted"
    lost = verify(CHAIN, None).fault
    assert lost is not None
    assert "head is gone" in lost.sentence


def test_an_anchor_is_printed_as_a_line_that_can_be_read_back():
    anchor = Anchor(7, CHAIN[6].hash, START)
    assert anchor.line() == f"eVI ledger 7 {CHAIN[6].hash} 2026-05-03T09:30:00.000000Z"
    assert Anchor.of_line(anchor.line()) == anchor
    for line in ("eVI ledger", anchor.line() + " x", anchor.line().replace("2026", "yes")):
        with pytest.raises(EviError, match="not an anchor"):
            Anchor.of_line(line)
