"""What judging a rule gives: frozen tables for cards and charts, before small numbers are hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from evi.casefinding.curves import Chance, Curve, DecisionCurve
from evi.casefinding.group_rates import GroupRates
from evi.casefinding.performance import Performance
from evi.casefinding.recognition import Gap
from evi.casefinding.scored import Reach
from evi.casefinding.truth import Layer
from evi.casefinding.uncertain_links import Combined
from evi.index.intervals import Interval


@dataclass(frozen=True)
class Beside:
    """Another rule in the same children: those whom both could assess.

    Attributes:
        name: the other rule, or family. performance: its figures. own: those of the judged rule.
    """

    name: str
    performance: Performance
    own: Performance


@dataclass(frozen=True)
class LayerFound:
    """A rule against one layer of truth.

    Attributes:
        layer, question: see `evi.casefinding.truth`.
        performance: at the rule's own line. chance: referring as many children at random.
        beside: another rule in the same children, if one was asked for and can be had.
        auc: by rule of the family (a score of one framework says nothing beside another): secondary.
        curves: by rule, every threshold. decision: net benefit of the rule, of the one beside it, and of
            assessing everyone, in the same children.
        linked: sensitivity, specificity, ppv, npv and flagged over draws of the spine; empty without draws.
    """

    layer: Layer
    question: str
    performance: Performance
    chance: Chance
    beside: Beside | None
    auc: Mapping[str, Interval]
    curves: Mapping[str, Curve]
    decision: DecisionCurve
    linked: Mapping[str, Combined]


@dataclass(frozen=True)
class Assessable:
    """How many children of a group can't be assessed.

    Attributes:
        children, lost: who is asked, and who of them can't be assessed.
        unjoined: of those, children of whom a feed that the rule reads has a record, joined to nobody or to
            somebody else; None where there is no truth to say so.
        share: share lost. drawn: the same over draws of the spine, or None.
    """

    group: str
    children: int
    lost: int
    unjoined: int | None
    share: Interval
    drawn: Combined | None


@dataclass(frozen=True)
class GroupTable:
    """One grouping in one layer.

    Attributes:
        rates: both error rates, predictive values and calibration of each group.
        assessable: how many children of each group can't be assessed.
        linked: by group, `missed`, `wrongly_flagged` and `ppv` over draws; empty without draws.
    """

    by: str
    layer: Layer
    rates: tuple[GroupRates, ...]
    assessable: tuple[Assessable, ...]
    linked: Mapping[str, Mapping[str, Combined]]


@dataclass(frozen=True)
class Judgement:
    """Everything that judging a rule gives.

    Attributes:
        rule: the rule or family that was asked for. labels: id and version of each rule read.
        answers: children by answer. lost_because: children not assessable, by reason.
        draws: draws of the spine that were used.
        reach: what becomes of those with an unrecognised need, if the truth says who they are.
        gaps: who gets recognised at an equal profile. gaps_among: of which children.
        notes: what could not be looked at, and why.
    """

    rule: str
    labels: tuple[str, ...]
    condition: str
    day: date
    years: int | None
    made_up: bool
    answers: Mapping[str, int]
    lost_because: Mapping[str, int]
    draws: int
    layers: tuple[LayerFound, ...]
    groups: tuple[GroupTable, ...]
    reach: Reach | None
    gaps: tuple[Gap, ...]
    gaps_among: str
    notes: tuple[str, ...]
