"""Increments: new, late, corrected and withdrawn records change the spans of those they touch, no others.

The rows of events that came into the store and those that left it are turned into intervals by the same plan
that builds everything; the kept intervals of the streams and children concerned are changed by them; and the
indicators that read those streams are worked out again for those children. The result is what a rebuild
would write, to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import duckdb
import numpy as np

from evi.indicators.changing import Concerned, applied, who_is_concerned
from evi.indicators.compiler import Evaluation, groups
from evi.indicators.covering import Group, read_coverage
from evi.indicators.extraction import Extraction
from evi.indicators.intervals import Days, Keys, Mask, of_subjects
from evi.indicators.labelled import Labelled, labelled
from evi.indicators.packed import Intervals, Packed, joined, none_of, rows_of
from evi.indicators.people import People, last_days, load_together, number_people
from evi.indicators.plan import Kind, Plan, Stream, streams_of
from evi.indicators.registry import Indicator, Registry
from evi.indicators.sources import Store
from evi.indicators.spans import (
    SpanFiles,
    build_spans,
    index_folder,
    registry_of,
    session,
    state_of,
    write_days,
)
from evi.indicators.state import State, Writer
from evi.records import changes_since, store_state
from evi.workspace import SILENT, District, Progress, StageResult, quote


@dataclass(frozen=True)
class Changes:
    """Rows of the event store that are there now and were not (`added`), or were and are not (`removed`).

    Both are SQL that reads rows with the store's columns; empty: there are none. A correction is three rows:
    the old version leaves with no `known_until` and comes back with one, and the new version comes.
    """

    added: str = ""
    removed: str = ""

    @classmethod
    def in_files(cls, added: Sequence[Path] = (), removed: Sequence[Path] = ()) -> Changes:
        """Changes that are in files of their own."""
        return cls(_reads(added), _reads(removed))


def _reads(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(quote(str(path)) for path in paths)}])" if paths else ""


def refresh_spans(district: District, progress: Progress = SILENT) -> StageResult:
    """Bring a district's spans up to date in the cheapest way that there is.

    Nothing is done if neither store nor registry changed since the spans were written; if the records room
    can tell what changed they are updated; else they are built.
    """
    files, plan = SpanFiles(index_folder(district, None)), Plan.of(registry_of(district))
    state, now = State.open(files.state, plan), store_state(district)
    if state is None or not state.store or not all(path.is_file() for path in files.all):
        return build_spans(district, progress, registry=plan.registry)
    if state.store == now:
        return StageResult("spans", skipped=True)
    changes = changes_since(district, state.store)
    if changes is None:
        return build_spans(district, progress, registry=plan.registry)
    return update_spans(
        district, Changes.in_files([changes.added], [changes.removed]), progress, registry=plan.registry
    )


def update_spans(
    source: District | Path,
    changes: Changes,
    progress: Progress = SILENT,
    *,
    registry: Registry | None = None,
    out: Path | None = None,
) -> StageResult:
    """Bring the spans up to date with a store that has changed since they were written.

    Changes of people, homes and coverage are found by comparing with what the last build saw; those of events
    are given. Without a usable state (another registry, a first run) everything is built.

    Args:
        source: a district, or a folder that holds what `records/` does, as it is now.
        changes: the rows of events that changed.
        progress, registry, out: as for `build_spans`.

    Raises:
        EviError: a removed row was never there; the spans must be rebuilt.
    """
    store, files = Store.of(source), SpanFiles(index_folder(source, out))
    plan = Plan.of(registry or registry_of(source))
    state = State.open(files.state, plan)
    if state is None or not all(path.is_file() for path in files.all):
        return build_spans(source, progress, registry=plan.registry, out=files.folder)
    with session(source) as con, progress.task("Update of spans", len(plan.kinds) + 1) as advance:
        sources = store.hashes()
        people = number_people(con, store, plan.registry, homes=plan.reaches_home)
        same = state.has_same(sources, "subjects") and state.has_same(sources, "coverage")
        coverage = state.coverage if same else read_coverage(con, store, people)
        concerned = who_is_concerned(con, plan, state, people, coverage, sources)
        renewal = _Renewal(plan, state, concerned)
        if plan.reaches_home:
            changed = " UNION ".join(
                f"SELECT subject_id FROM {events}" for events in (changes.added, changes.removed) if events
            )
            load_together(con, where=f"subject_id IN ({changed})" if changed else "false")
        saved = Writer(files.state, plan, people, sources, state)
        for kind in plan.kinds:
            delta = _delta(con, plan, people, store, kind, changes, concerned)
            saved.append(renewal.apply(state.intervals(kind), delta))
            advance(1)
        rows = _rewrite(files, Evaluation(plan, people, coverage), renewal, saved)
        saved.finish(coverage, con)
        saved.stand(state_of(source))
        advance(1)
    return StageResult("spans", rows)


@dataclass(frozen=True)
class _Delta:
    """What one kind of interval gains and loses."""

    added: Intervals
    removed: Intervals


def _delta(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    people: People,
    store: Store,
    kind: Kind,
    changes: Changes,
    concerned: Concerned,
) -> _Delta:
    """The intervals of the changed rows; those of people who are read again whole come from the store."""
    found = []
    until = last_days(people, plan.registry)
    for events in (changes.added, changes.removed):
        if not events:
            found.append(none_of(kind))
            continue
        rows = con.execute(f"SELECT DISTINCT code FROM {events} ORDER BY 1").fetchall()
        codes = [str(code) for (code,) in rows]
        intervals = Extraction(con, plan, people, until, events, codes).of(kind)
        found.append(intervals.take(~concerned.reread(plan, intervals)))
    added, removed = found
    if concerned.any_reread:
        here = "WHERE subject_id IN (SELECT subject_id FROM again_read)"
        events = f"(SELECT * FROM read_parquet({quote(store.by_code)}) {here})"
        again = Extraction(con, plan, people, until, events, store.codes(con), together="again_together").of(
            kind
        )
        added = joined([added, again.take(concerned.reread(plan, again))])
    return _Delta(added, removed)


class _Renewal:
    """Which children's intervals changed in which streams, and the intervals as they now are."""

    def __init__(self, plan: Plan, then: State, concerned: Concerned) -> None:
        self.plan, self.then, self.concerned = plan, then, concerned
        self._now: dict[Kind, Intervals] = {}
        self._changed: dict[Stream, Keys] = {}

    def apply(self, then: Intervals, delta: _Delta) -> Intervals:
        """The intervals of one kind as they are now."""
        kind = then.kind
        kept, dropped = self.concerned.carried_over(self.plan, then)
        now, touched = applied(kept, delta.added, delta.removed)
        touched = np.union1d(touched, dropped)
        streams = [stream for stream in self.plan.streams if stream.kind == kind]
        numbers = (touched >> np.uint64(24)).astype(np.int64)
        edges = np.searchsorted(numbers, np.arange(len(streams) + 1))
        for stream, a, b in zip(streams, edges[:-1], edges[1:], strict=True):
            self._changed[stream] = (touched[a:b] & np.uint64((1 << 24) - 1)).astype(np.int64)
        self._now[kind] = now
        return now

    def children(self, indicator: Indicator) -> Mask:
        """The children whose spans of the indicator may have changed."""
        mask = self.concerned.everything.copy()
        for stream in streams_of(indicator):
            mask[self._changed[stream]] = True
        return mask

    def covered(self, group: Group) -> Mask:
        """The children whose covered days of the group may have changed."""
        mask = self.concerned.everything.copy()
        for feed in group.feeds:
            mask |= self.concerned.covered.get(feed, False)
        if group.required_stream is not None:
            mask[self._changed[group.required_stream]] = True
        return mask

    def needed(self, kind: Kind, masks: Mapping[Indicator, Mask]) -> Intervals:
        """The intervals of one kind that are needed to work out each indicator for its children."""
        streams = [stream for stream in self.plan.streams if stream.kind == kind]
        readers: dict[Stream, list[Mask]] = {stream: [] for stream in streams}
        for indicator, mask in masks.items():
            for stream in dict.fromkeys(streams_of(indicator)):
                if stream.kind == kind:
                    readers[stream].append(mask)
        wanted: list[Packed] = [
            (np.uint64(number << 24) | np.flatnonzero(reduce(np.logical_or, masks_)).astype(np.uint64))
            for number, masks_ in enumerate(readers.values())
            if masks_
        ]
        intervals = self._now[kind]
        return intervals.take(rows_of(intervals, np.concatenate(wanted))) if wanted else none_of(kind)


def _rewrite(files: SpanFiles, evaluation: Evaluation, renewal: _Renewal, saved: Writer) -> dict[str, int]:
    stored, by_group = evaluation.plan.registry.stored, groups(evaluation.plan)
    group_masks = {group: renewal.covered(group) for group in by_group}
    masks = {i: renewal.children(i) | group_masks[Group.of(i)] for i in stored}
    masks = {indicator: mask for indicator, mask in masks.items() if bool(mask.any())}
    evaluation.chosen = reduce(np.logical_or, masks.values(), np.zeros(len(evaluation.people), np.bool_))
    for kind in evaluation.plan.kinds:
        streams = [stream for stream in evaluation.plan.streams if stream.kind == kind]
        evaluation.take(streams, renewal.needed(kind, masks), masks)
    spans = {i: of_subjects(evaluation.spans(i), mask) for i, mask in masks.items()}
    beyond = {i: evaluation.beyond(i, days) for i, days in spans.items()}
    covered = {
        group: of_subjects(evaluation.covered(indicator), group_masks[group])
        for group, indicator in by_group.items()
        if bool(group_masks[group].any())
    }
    by_id = {indicator.id: mask for indicator, mask in masks.items()}
    by_name = {group.name: mask for group, mask in group_masks.items() if group in covered}
    then = renewal.then
    names = [indicator.id for indicator in stored]

    def patched(
        name: str, labels: Sequence[str], fresh: Mapping[str, Days], of: Mapping[str, Mask]
    ) -> Labelled:
        old = then.days(name)
        days = ((label, renewal.concerned.renumbered_days(old.of(label))) for label in labels)
        return labelled((label, _replaced(d, of.get(label), fresh.get(label))) for label, d in days)

    return write_days(
        files,
        evaluation.people,
        saved,
        spans=patched("spans", names, {i.id: d for i, d in spans.items()}, by_id),
        covered=patched(
            "covered", [g.name for g in by_group], {g.name: d for g, d in covered.items()}, by_name
        ),
        beyond=patched("beyond", names, {i.id: d for i, d in beyond.items()}, by_id),
    )


def _replaced(days: Days, mask: Mask | None, fresh: Days | None) -> Days:
    """The days with those of the children in the mask replaced."""
    if mask is None or fresh is None:
        return days
    kept = of_subjects(days, ~mask)
    place = np.searchsorted(kept.starts, fresh.starts)
    return Days(np.insert(kept.starts, place, fresh.starts), np.insert(kept.ends, place, fresh.ends))
