"""A judgement as it may be printed: counts by the house rule, and no share that rests on few children.

See `evi.index.disclosure`. A share is given where neither those counted nor the rest are few; shares of 5,000
children or more to a tenth of a percent, of fewer to a whole percent, so that no share gives a hidden count
away. In a made-up district, where nobody can be picked out, everything can be shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from evi.casefinding.curves import Chance, Curve, DecisionCurve
from evi.casefinding.group_rates import FLOORS, Figure, GroupRates
from evi.casefinding.judgement import Assessable, GroupTable, Judgement, LayerFound
from evi.casefinding.performance import Counts, Performance, share
from evi.casefinding.recognition import Gap
from evi.casefinding.scored import Reach
from evi.casefinding.uncertain_links import Combined
from evi.index.disclosure import SMALLEST_SHOWN, shown, shown_parts
from evi.index.intervals import Interval

Row = dict[str, object]
FINE_FROM = 5_000
"""Shares of so many children are given to a tenth of a percent."""
SHARES = ("sensitivity", "specificity", "ppv", "npv", "flagged")


def printable(found: Judgement, *, everything: bool = False) -> Row:
    """The judgement as one mapping; null where a number may not be shown or can't be had.

    Args:
        everything: hide nothing. Only for a made-up district.
    """
    hide = not everything
    return {
        "rule": found.rule,
        "read": list(found.labels),
        "condition": found.condition,
        "day": str(found.day),
        "years": found.years,
        "made_up": found.made_up,
        "answers": _parts(found.answers, hide),
        "not_assessable_because": _parts(found.lost_because, hide),
        "draws": found.draws,
        "layers": [_layer(each, hide) for each in found.layers],
        "groups": [_table(each, hide) for each in found.groups],
        "reach": None if found.reach is None else _reach(found.reach, hide),
        "recognition": {
            "among": found.gaps_among,
            "gaps": [_gap(each, hide) for each in found.gaps],
        },
        "floors": dict(FLOORS),
        "notes": list(found.notes),
    }


def _parts(counts: Mapping[str, int], hide: bool) -> Row:
    if not hide:
        return dict(counts)
    return {name: each.number for name, each in shown_parts(dict(counts)).items()}


def number(count: float, hide: bool) -> int | None:
    """A count as it may be printed."""
    return shown(count).number if hide else round(count)


def few(hide: bool, *cells: float) -> bool:
    """Whether a figure that rests on these counts is hidden."""
    return hide and min(cells) < SMALLEST_SHOWN


def ends(interval: Interval, of: float) -> Row | None:
    """A share of so many children with its ends; None where it has no value."""
    return _rounded(interval, 3 if of >= FINE_FROM else 2)


def _rounded(interval: Interval, digits: int) -> Row | None:
    if not math.isfinite(interval.value):
        return None
    return {
        name: round(end, digits) if math.isfinite(end) else None
        for name, end in (("value", interval.value), ("low", interval.low), ("high", interval.high))
    }


def _layer(found: LayerFound, hide: bool) -> Row:
    counts = found.performance.counts
    row: Row = {
        "layer": found.layer,
        "question": found.question,
        "children": number(counts.n, hide),
        "with_it": number(counts.cases, hide),
        "rule": figures(found.performance, hide),
        "chance": _chance(found.chance, counts, hide),
        "beside": None,
        "auc": {
            rule: None if few(hide, curve.cases, curve.others) else _rounded(found.auc[rule], 2)
            for rule, curve in found.curves.items()
        },
        "workload": {rule: _workload(curve, hide) for rule, curve in found.curves.items()},
        "net_benefit": _decision(found.decision, found, hide),
        "under_draws": {name: _combined(each, counts, name, hide) for name, each in found.linked.items()},
    }
    if found.beside is not None:
        row["beside"] = {
            "name": found.beside.name,
            "children": number(found.beside.performance.counts.n, hide),
            "rule": figures(found.beside.own, hide),
            "other": figures(found.beside.performance, hide),
        }
    return row


def figures(found: Performance, hide: bool) -> Row:
    """The four counts and every figure of one performance."""
    c = found.counts
    cells = {
        "sensitivity": (c.tp, c.fn),
        "specificity": (c.tn, c.fp),
        "ppv": (c.tp, c.fp),
        "npv": (c.tn, c.fn),
        "flagged": (c.flagged, c.n - c.flagged),
    }
    row: Row = _parts({"tp": c.tp, "fp": c.fp, "fn": c.fn, "tn": c.tn}, hide)
    row["flagged_children"] = number(c.flagged, hide)
    for name, (part, rest) in cells.items():
        row[name] = None if few(hide, part, rest) else ends(getattr(found, name), part + rest)
    seen = few(hide, c.tp, c.fp)
    row["number_needed_to_assess"] = None if seen else _rounded(found.number_needed_to_assess, 1)
    hidden = few(hide, c.tp, c.fp, c.fn, c.tn)
    row["odds_ratio"] = None if hidden else _rounded(found.odds_ratio, 1 if hide else 2)
    row["odds_ratio_adjusted"] = found.odds_ratio_adjusted
    return row


def _chance(found: Chance, counts: Counts, hide: bool) -> Row:
    hidden = few(hide, counts.flagged, counts.cases)
    return {
        "flagged_children": number(found.flagged, hide),
        "found": None if hidden else _rounded(found.found, 0),
        "sensitivity": None if hidden else ends(found.sensitivity, counts.cases),
        "ppv": None if hidden else ends(found.ppv, counts.flagged),
    }


def _workload(curve: Curve, hide: bool) -> list[Row]:
    """Thresholds at which neither those found nor those left are few, and at which at least a few more are
    flagged than at the one before."""
    rows: list[Row] = []
    before = 0
    for point in curve.workload:
        if few(hide, point.found, curve.cases - point.found, point.assessed - before):
            continue
        before = point.assessed
        rows.append(
            {
                "threshold": point.threshold,
                "assessed": number(point.assessed, hide),
                "share_assessed": round(point.share_assessed, 2),
                "found": number(point.found, hide),
                "share_found": round(point.share_found, 2),
            }
        )
    return rows


def _decision(curve: DecisionCurve, found: LayerFound, hide: bool) -> Row:
    counts = {name: found.performance.counts for name in curve.rules}
    if found.beside is not None:
        own, theirs = found.beside.own.counts, found.beside.performance.counts
        counts = {name: theirs if name == found.beside.name else own for name in curve.rules}

    def benefit(values: tuple[float, ...], c: Counts) -> list[float] | None:
        return None if few(hide, c.tp, c.fp, c.fn) else [round(each, 1) for each in values]

    everyone = next(iter(counts.values()))
    return {
        "willing": list(curve.willing),
        "rules": {
            name: {
                "value": benefit(curve.rules[name], counts[name]),
                "low": benefit(curve.low[name], counts[name]),
                "high": benefit(curve.high[name], counts[name]),
            }
            for name in curve.rules
        },
        "everyone": None
        if few(hide, everyone.tp, everyone.fn)
        else [round(each, 1) for each in curve.everyone],
    }


def _combined(each: Combined, counts: Counts, name: str, hide: bool) -> Row | None:
    parts = {
        "sensitivity": (counts.tp, counts.fn),
        "specificity": (counts.tn, counts.fp),
        "ppv": (counts.tp, counts.fp),
        "npv": (counts.tn, counts.fn),
        "flagged": (counts.flagged, counts.n - counts.flagged),
        "missed": (counts.fn, counts.tp),
        "wrongly_flagged": (counts.fp, counts.tn),
    }[name]
    return None if few(hide, *parts) else _drawn(each, sum(parts))


def _drawn(each: Combined, of: float) -> Row | None:
    row = ends(each.interval, of)
    return None if row is None else row | {"from_links": round(each.from_links, 2)}


def _table(table: GroupTable, hide: bool) -> Row:
    sizes = _parts({each.group: each.children for each in table.assessable}, hide)
    assessed = _parts({each.group: each.counts.n for each in table.rates}, hide)
    return {
        "by": table.by,
        "layer": table.layer,
        "rates": [
            _group(each, assessed[each.group], table.linked.get(each.group, {}), hide) for each in table.rates
        ],
        "assessable": [_assessable(each, sizes[each.group], hide) for each in table.assessable],
    }


def _group(found: GroupRates, assessed: object, linked: Mapping[str, Combined], hide: bool) -> Row:
    row: Row = {"group": found.group, "assessed": assessed}
    for name in ("missed", "wrongly_flagged", "ppv", "npv", "calibration"):
        figure: Figure = getattr(found, name)
        row[name] = _figure(name, figure, hide)
        if name in linked and row[name] is not None:
            row[f"{name}_under_draws"] = _drawn(linked[name], figure.of)
    return row


def _figure(name: str, figure: Figure, hide: bool) -> Row | None:
    """None below the floor, or where the figure rests on few children."""
    if not figure.enough:
        return None
    if name == "calibration":
        return None if few(hide, figure.count) else _rounded(figure.raw, 2)
    if few(hide, figure.count, figure.of - figure.count):
        return None
    return {
        "raw": ends(figure.raw, figure.of),
        "pooled": ends(figure.pooled, figure.of),
        "gap": ends(figure.gap, figure.of),
        "p_value": None if math.isnan(figure.p_value) else round(figure.p_value, 3),
    }


def _assessable(found: Assessable, children: object, hide: bool) -> Row:
    hidden = few(hide, found.lost, found.children - found.lost) or children is None
    return {
        "group": found.group,
        "children": children,
        "not_assessable": None if hidden else ends(found.share, found.children),
        "unjoined": None if found.unjoined is None else number(found.unjoined, hide),
        "because_of_links": _because(found, hide or children is None),
        "under_draws": None if hidden or found.drawn is None else _drawn(found.drawn, found.children),
    }


def _because(found: Assessable, hide: bool) -> Row | None:
    """Share that can't be assessed because a record is joined to nobody or to somebody else."""
    if found.unjoined is None or few(hide, found.unjoined, found.children - found.unjoined):
        return None
    return ends(share(found.unjoined, found.children), found.children)


def _reach(found: Reach, hide: bool) -> Row:
    parts = {
        "flagged": found.flagged,
        "not_flagged": found.not_flagged,
        "excluded": found.excluded,
        "not_assessable": found.not_assessable,
    }
    return {
        "people": number(found.people, hide),
        **_parts(parts, hide),
        "unjoined": number(found.unjoined, hide),
    }


def _gap(found: Gap, hide: bool) -> Row:
    rest = found.children - found.recognised
    return {
        "by": found.by,
        "group": found.group,
        "reference": found.reference,
        "children": number(found.children, hide),
        "recognised": number(found.recognised, hide),
        "odds_ratio": None if few(hide, found.recognised, rest) else _rounded(found.odds_ratio, 2),
        "p_value": None if math.isnan(found.p_value) else round(found.p_value, 3),
        "note": found.note,
    }
