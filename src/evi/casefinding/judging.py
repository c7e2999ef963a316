"""Judge a rule: how good it is, beside chance and another rule, for whom it is worse, how sure it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from evi.casefinding.conditions import condition_named
from evi.casefinding.curves import Curve, auc, chance, decision_curve, every_threshold
from evi.casefinding.drawn import draws_made
from evi.casefinding.finding import Findings, find
from evi.casefinding.gap_table import audit
from evi.casefinding.group_rates import group_rates
from evi.casefinding.groups import DIMENSIONS, By, groups
from evi.casefinding.judgement import Assessable, Beside, GroupTable, Judgement, LayerFound
from evi.casefinding.performance import Counts, share
from evi.casefinding.scored import alike, counted, measured, not_assessable, reach, scored
from evi.casefinding.truth import (
    QUESTIONS,
    Layer,
    coded_links,
    has_truth,
    people_in_feeds,
    truth_table,
)
from evi.casefinding.uncertain_links import Combined, combine_shares
from evi.index.intervals import Interval
from evi.linkage.draws import subjects_on_draw
from evi.workspace import SILENT, District, EviError, Progress

BESIDE = "gld"
"""The rule that others are put beside unless told otherwise: a good level of development."""


@dataclass(frozen=True)
class _Read:
    """One spine or draw, read by the rule: findings, truth, and the groups of every child who is asked."""

    findings: Findings
    truth: pl.DataFrame
    groups: pl.DataFrame
    lost: pl.DataFrame


def judge(
    district: District,
    rule: str,
    day: date,
    *,
    by: Sequence[By] = DIMENSIONS,
    layers: Sequence[Layer] | None = None,
    truth: bool = False,
    years: int | None = None,
    draws: int = 0,
    beside: str | None = BESIDE,
    progress: Progress = SILENT,
) -> Judgement:
    """Judge a rule, or a family of rules, on one day.

    Args:
        by: groupings to look at.
        layers: layers of truth; all that can be looked at unless given.
        truth: read the truth of a made-up district; without it, only what services recorded is looked at.
        years: also judge against who is recorded within so many years after the day.
        draws: how many draws of the spine to carry link doubt by (0: none).
        beside: another rule or family to put beside it, or None.

    Raises:
        EviError: no such rule, nobody can say who has what it looks for, nothing is loaded, or fewer draws
            are there than are asked for.
    """
    if draws and not 2 <= draws <= draws_made(district):
        raise EviError(
            f"there are {draws_made(district)} draws of the spine, and at least 2 are needed.",
            where="--draws",
            do="Ask for no more than there are, or run `evi link --draws 20`.",
            exit_code=2,
        )
    sides, steps = _Sides(district, rule, day, years, truth=truth), 3 + draws
    with progress.task(f"Judging {rule}", steps) as advance:
        read = sides.read(None)
        advance(1)
        wanted = tuple(layers) if layers is not None else sides.layers(read)
        found = {layer: scored(read.findings, read.truth, layer) for layer in wanted}
        other, notes = _other(district, beside, rule, day)
        advance(1)
        over = _Draws(wanted, by)
        for number in range(draws):
            over.add(sides.read(subjects_on_draw(district, number)))
            advance(1)
        results = tuple(_layer(layer, rows, read, other, over) for layer, rows in found.items())
        tables = tuple(_table(each, layer, rows, read, over) for layer, rows in found.items() for each in by)
        gaps, among, more = audit(district, read.findings, read.truth, read.groups)
        advance(1)
    counts = read.findings.counts
    knows = sides.links is not None and read.truth["unrecognised"].null_count() < read.truth.height
    return Judgement(
        rule,
        tuple(each.label for each in read.findings.rules),
        sides.condition,
        day,
        years,
        sides.links is not None,
        counts["answer"],
        counts["not_assessable"],
        draws,
        results,
        tables,
        reach(read.findings, read.truth, sides.with_record) if knows else None,
        gaps,
        among,
        (*notes, *more),
    )


class _Sides:
    """What stays the same from draw to draw."""

    def __init__(self, district: District, rule: str, day: date, years: int | None, *, truth: bool) -> None:
        from evi.casefinding.rules import rules_named  # noqa: PLC0415 - to fail before anything is read

        rules = rules_named(rule, district)
        self.district, self.rule, self.day, self.years = district, rule, day, years
        sought = condition_named(rules[0].condition)
        self.condition = sought.id
        if truth and not sought.need:
            raise EviError(
                f"the truth of a made-up district says nothing of {sought.title}.",
                where=rule,
                do="Leave out --truth: the rule can be judged by what services recorded.",
                exit_code=2,
            )
        self.links = coded_links(district) if truth and has_truth(district) else None
        feeds = sorted({feed for each in rules for feed in each.feeds})
        self.with_record = (
            people_in_feeds(district, self.links, feeds)
            if self.links is not None
            else pl.Series("true_person", [], pl.Int64)
        )

    def read(self, people: pl.DataFrame | None) -> _Read:
        findings = find(self.district, self.rule, self.day, people=people)
        if people is not None:  # the spine's subjects that have no record left in this draw are nobody
            kept = findings.table.join(people, on="subject_id", how="semi", maintain_order="left")
            findings = Findings(
                findings.name, self.day, findings.rules, kept, findings.rejects, findings.outside_age
            )
        truth = truth_table(
            self.district,
            self.condition,
            self.day,
            years=self.years,
            people=people,
            links=self.links,
            told=self.links is not None,
        )
        return _Read(
            findings,
            truth,
            groups(self.district, findings.table["subject_id"], self.day, people=people),
            not_assessable(findings, truth, self.with_record),
        )

    def layers(self, read: _Read) -> tuple[Layer, ...]:
        named: dict[Layer, str] = {
            "unrecognised": "unrecognised",
            "recorded_within": "recorded_within",
            "recorded": "recorded",
            "any": "need",
        }
        return tuple(
            layer for layer, column in named.items() if read.truth[column].null_count() < read.truth.height
        )


class _Draws:
    """Counts by draw: overall by layer, and by layer, grouping and group."""

    def __init__(self, layers: Sequence[Layer], by: Sequence[By]) -> None:
        self.layers, self.by = layers, by
        self.overall: defaultdict[Layer, list[Counts]] = defaultdict(list)
        self.group: defaultdict[tuple[Layer, str, str], list[Counts]] = defaultdict(list)
        self.lost: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)

    def add(self, read: _Read) -> None:
        """Count one draw."""
        for layer in self.layers:
            rows = scored(read.findings, read.truth, layer).join(read.groups, on="subject_id", how="left")
            self.overall[layer].append(counted(rows))
            for each in self.by:
                for (name,), some in rows.group_by(each):
                    self.group[layer, each, str(name)].append(counted(some))
        lost = read.lost.join(read.groups, on="subject_id")
        for each in self.by:
            for name, children, gone in lost.group_by(each).agg(pl.len(), pl.col("lost").sum()).iter_rows():
                self.lost[each, str(name)].append((gone, children))


PARTS = {
    "sensitivity": lambda c: (c.tp, c.cases),
    "specificity": lambda c: (c.tn, c.fp + c.tn),
    "ppv": lambda c: (c.tp, c.flagged),
    "npv": lambda c: (c.tn, c.fn + c.tn),
    "flagged": lambda c: (c.flagged, c.n),
    "missed": lambda c: (c.fn, c.cases),
    "wrongly_flagged": lambda c: (c.fp, c.fp + c.tn),
}
"""Which count of which, by figure."""
OVERALL = ("sensitivity", "specificity", "ppv", "npv", "flagged")
OF_GROUPS = ("missed", "wrongly_flagged", "ppv")


def _combined(counts: Sequence[Counts], names: Sequence[str]) -> dict[str, Combined]:
    if len(counts) < 2:
        return {}
    made = {}
    for name in names:
        parts = [PARTS[name](each) for each in counts]
        made[name] = combine_shares([part for part, _ in parts], [whole for _, whole in parts])
    return made


def _layer(layer: Layer, rows: pl.DataFrame, read: _Read, other: Findings | None, over: _Draws) -> LayerFound:
    found = measured(rows)
    near, areas, curves = None, {}, {}
    for rule in sorted(rows["rule"].unique().to_list()):
        mine = rows.filter(pl.col("rule") == rule)
        margin, outcome = mine["margin"].to_numpy().astype(float), mine["outcome"].to_numpy()
        areas[rule] = auc(margin, outcome)
        curves[rule] = _own_scores(every_threshold(margin, outcome), mine)
    decided = {read.findings.name: found.counts}
    if other is not None:
        near, both = _beside(rows, other)
        if near is not None:
            decided = {read.findings.name: near.own.counts, near.name: both}
    return LayerFound(
        layer, QUESTIONS[layer], found, chance(found.counts), near, areas, curves,
        decision_curve(dict(decided)), _combined(over.overall[layer], OVERALL),
    )  # fmt: skip


def _own_scores(curve: Curve, mine: pl.DataFrame) -> Curve:
    """The same curve with the rule's own scores for margins, where each margin is of one score."""
    pairs = mine.select("margin", "score").unique()
    if pairs["margin"].n_unique() < pairs.height:
        return curve
    named = dict(pairs.iter_rows())
    below = pairs.height > 1 and pairs.select(pl.corr("margin", "score")).item() < 0
    scores = np.array([named[margin] for margin in curve.thresholds.tolist()])
    return Curve("at_most" if below else "at_least", scores, curve.tp, curve.fp, curve.cases, curve.others)


def _beside(rows: pl.DataFrame, other: Findings) -> tuple[Beside | None, Counts]:
    upward = [rule.id for rule in other.rules if rule.threshold.direction == "at_least"]
    past = pl.when(pl.col("rule").is_in(upward)).then(pl.col("margin") >= 0).otherwise(pl.col("margin") > 0)
    theirs = other.table.filter(pl.col("score").is_not_null()).select("subject_id", theirs=past)
    both = rows.join(theirs, on="subject_id")
    if both.is_empty():
        return None, Counts(0, 0, 0, 0)
    found = measured(both.with_columns(flagged="theirs"))
    return Beside(other.name, found, measured(both)), found.counts


def _other(
    district: District, beside: str | None, rule: str, day: date
) -> tuple[Findings | None, tuple[str, ...]]:
    if beside is None or beside == rule:
        return None, ()
    try:
        return find(district, beside, day), ()
    except EviError as error:
        return None, (f"Not put beside {beside}: {error.what}",)


def _table(by: By, layer: Layer, rows: pl.DataFrame, read: _Read, over: _Draws) -> GroupTable:
    joined = rows.join(read.groups, on="subject_id", how="left", maintain_order="left")
    rates = group_rates(
        joined[by], joined["flagged"].to_numpy(), joined["outcome"].to_numpy(), alike=alike(joined)
    )
    lost = read.lost.join(read.groups, on="subject_id").group_by(by)
    sums = lost.agg(pl.len(), pl.col("lost").sum(), pl.col("unjoined").sum()).sort(by)
    known = read.truth["true_person"].null_count() < read.truth.height
    assessable = []
    for name, children, gone, unjoined in sums.iter_rows():
        parts = over.lost[by, str(name)]
        drawn = combine_shares([a for a, _ in parts], [b for _, b in parts]) if len(parts) > 1 else None
        assessable.append(
            Assessable(str(name), children, gone, unjoined if known else None, _share(gone, children), drawn)
        )
    linked = {each.group: _combined(over.group[layer, by, each.group], OF_GROUPS) for each in rates}
    return GroupTable(by, layer, rates, tuple(assessable), {k: v for k, v in linked.items() if v})


def _share(part: int, whole: int) -> Interval:
    return share(part, whole)
