"""A model beside a rule: enough children, no leak, tried elsewhere, offered only if it does more good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from evi.casefinding.groups import groups
from evi.casefinding.models.by_group import GroupFound, group_found
from evi.casefinding.models.calibration import Measured, measure
from evi.casefinding.models.fitting import Model, fit, parameters
from evi.casefinding.models.gate import WILLING, Duel, EqualWork, Verdict, decide, duel, equal_work
from evi.casefinding.models.leaks import refuse_giving_away
from evi.casefinding.models.rows import YEARS, Rows, make_rows, matrix_for_leaks
from evi.casefinding.models.sample_size import Needed, refuse_too_few
from evi.casefinding.models.splits import by_group
from evi.casefinding.models.trying import RULE_SCORE, Validation, Wavering, refit, tried, tried_rule, validate
from evi.casefinding.rules import Rule, rules_named
from evi.records import reference_day
from evi.workspace import SILENT, District, EviError, Progress, code_hash

Floats = npt.NDArray[np.float64]
REFITS = 20
OWN_LINE = "the rule at its own line"
MOVED_LINE = "the rule with its line moved"
BY = ("sex", "ethnicity", "language", "deprivation", "season", "preterm")


@dataclass(frozen=True)
class External:
    """A model in another district, none of whose children it learned from.

    Attributes:
        name: the other district. measured: how it does there. duels: against the rule there.
    """

    name: str
    measured: Measured
    duels: tuple[Duel, ...]
    equal_work: EqualWork

    def to_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "district": self.name, **self.measured.to_json(),
            "duels": [each.to_json() for each in self.duels],
            "equal_work": self.equal_work.to_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A model and everything said of it.

    Attributes:
        needed: what Riley's criteria ask for. children, events: what there was.
        validation, wavering: see `evi.casefinding.models.trying`.
        yardstick: gradient boosting on the same children: never offered.
        rule_score: the rule's score alone, fitted the same way.
        work: who is found with as many children assessed as the rule flags: by `recorded_within`, and in a
            made-up district by `unrecognised`, which is what case-finding is for.
        groups, small: by group, of those with the outcome; groups too small to measure.
        groups_unrecognised: by group, of those whom nobody knew of; empty where there is no truth to tell.
    """

    rule: Rule
    kind: str
    model: Model
    day: date
    years: int
    seed: int
    children: int
    events: int
    cohorts: tuple[date, ...]
    left_out: dict[str, int]
    needed: Needed
    validation: Validation
    wavering: Wavering
    yardstick: Measured
    rule_score: Measured
    verdict: Verdict
    work: dict[str, EqualWork]
    groups: tuple[GroupFound, ...]
    small: tuple[str, ...]
    groups_unrecognised: tuple[GroupFound, ...]
    external: External | None
    features: tuple[Any, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything, for `model.json` and `--json`."""
        return {
            "rule": {"label": self.rule.label, "id": self.rule.id, "digest": self.rule.digest},
            "kind": self.kind,
            "learned_from": {
                "day": self.day.isoformat(), "years_to_outcome": self.years, "children": self.children,
                "events": self.events, "cohorts": [each.isoformat() for each in self.cohorts],
                "left_out": self.left_out, "seed": self.seed, "code": code_hash(),
            },
            "features": [each.to_json() for each in self.features],
            "model": self.model.to_json(),
            "needed": self.needed.to_json(),
            "validation": self.validation.to_json(),
            "stability": self.wavering.to_json(),
            "yardstick": self.yardstick.to_json(),
            "rule_score": self.rule_score.to_json(),
            "verdict": self.verdict.to_json(),
            "equal_work": {name: each.to_json() for name, each in self.work.items()},
            "groups": [each.to_json() for each in self.groups],
            "groups_too_small": list(self.small),
            "groups_unrecognised": [each.to_json() for each in self.groups_unrecognised],
            "external": None if self.external is None else self.external.to_json(),
        }  # fmt: skip


def make_model(
    district: District, name: str, day: date | None = None, *, kind: str = "logistic", years: int = YEARS,
    without: Sequence[str] = (),
    willing: Sequence[int] = WILLING, external: District | None = None, expected_r2: float | None = None,
    refits: int = REFITS, seed: int = 1, progress: Progress = SILENT,
) -> Made:  # fmt: skip
    """Make a model beside a rule, and try it.

    Args:
        name: a rule of one framework. years: how long after its day the outcome is looked for.
        without: features to leave out.
        willing: the declared range: how many children may be assessed for each one found.
        external: another district to try the model in.
        expected_r2: Cox-Snell's R squared that an earlier model reached; 15% of the most that can be unless
            given.

    Raises:
        EviError: no such rule or kind, too few children (Riley), or a leak.
    """
    rules = rules_named(name, district)
    if len(rules) > 1:
        raise EviError(
            f"it stands for {len(rules)} rules, of one framework each; a model reads one framework.",
            where=f"family {name}",
            do=f"Name one of {', '.join(rule.id for rule in rules)}.",
            exit_code=2,
        )
    rule = rules[0]
    rule.check_ready()
    on = day or reference_day(district)
    rows = make_rows(district, rule, on, years=years, without=without, progress=progress)
    needed = refuse_too_few(len(rows), rows.events, parameters(rows), expected_r2)
    refuse_giving_away(*matrix_for_leaks(rows), rows.outcome, rows.family)
    with progress.task(f"Fitting and trying the {kind} model", 4) as advance:
        model = fit(kind, rows, seed=seed)
        validation = validate(kind, model, rows, seed=seed)
        advance(1)
        wavering = refit(kind, model, rows, refits=refits, seed=seed)
        advance(1)
        splits = by_group(rows.outcome, rows.family, seed=seed)
        held, moved = tried(kind, rows, splits, seed=seed), tried_rule(rows, splits, seed=seed)
        trees = measure(tried("yardstick", rows, splits, seed=seed), rows.outcome, rows.family)
        advance(1)
        duels, work = _against(rows, held, moved, willing)
        verdict = _verdict(decide(duels, rule=rule.label, kind=kind, willing=willing), work)
        found, small, unrecognised = _by_group(district, rows, held, on)
        elsewhere = (
            None
            if external is None
            else _external(external, rule, model, rows, years, without, willing, seed)
        )
        advance(1)
    return Made(
        rule, kind, model, on, years, seed, len(rows), rows.events,
        tuple(sorted(rows.table["cohort"].unique().to_list())), rows.left_out, needed, validation, wavering,
        trees,
        measure(moved, rows.outcome, rows.family), verdict, work, found, small, unrecognised, elsewhere,
        rows.features,
    )  # fmt: skip


def _against(
    rows: Rows, held: Floats, moved: Floats, willing: Sequence[int]
) -> tuple[list[Duel], dict[str, EqualWork]]:
    """Both duels, and who is found at equal work, in children whom nothing here learned from."""
    known = ~np.isnan(held) & ~np.isnan(moved)
    flagged = rows.table["flagged"].to_numpy()
    said, family, outcome = held[known], rows.family[known], rows.outcome[known]
    duels = [
        duel(OWN_LINE, _chance(said), flagged[known], outcome, family, willing),
        duel(MOVED_LINE, _chance(said), _chance(moved[known]), outcome, family, willing),
    ]
    work = {"recorded_within": equal_work(said, flagged[known], outcome, family)}
    told = known & rows.table["unrecognised"].is_not_null().to_numpy()
    if told.any():
        needy = rows.table["unrecognised"].fill_null(False).to_numpy()[told]
        work["unrecognised"] = equal_work(held[told], flagged[told], needy, rows.family[told])
    return duels, work


def _by_group(
    district: District, rows: Rows, held: Floats, day: date
) -> tuple[tuple[GroupFound, ...], tuple[str, ...], tuple[GroupFound, ...]]:
    """By group, of children not learned from: those recorded later with the groups too small to measure, and
    those whom nobody knew of."""
    known = ~np.isnan(held)
    grouped = rows.table.select("subject_id").join(
        groups(district, rows.table["subject_id"], day), on="subject_id", how="left", maintain_order="left"
    )
    flagged = rows.table["flagged"].to_numpy()
    found, small = group_found(grouped.filter(known), BY, held[known], flagged[known], rows.outcome[known])
    told = known & rows.table["unrecognised"].is_not_null().to_numpy()
    if not told.any():
        return found, small, ()
    needy = rows.table["unrecognised"].fill_null(False).to_numpy()[told]
    return found, small, group_found(grouped.filter(told), BY, held[told], flagged[told], needy)[0]


def _verdict(verdict: Verdict, work: dict[str, EqualWork]) -> Verdict:
    """The verdict, unless the model finds fewer of those whom nobody knows of: then it is not offered."""
    hidden = work.get("unrecognised")
    if hidden is None or not verdict.offered or hidden.model >= hidden.rule:
        return verdict
    sentence = (
        f"The model is not offered: with as many children assessed it finds {hidden.model} children "
        f"whose need nobody knows of, and the rule {hidden.rule}. It imitates past recognition. Use the rule."
    )
    return Verdict(False, sentence, verdict.duels, verdict.willing)


def _external(
    other: District,
    rule: Rule,
    model: Model,
    rows: Rows,
    years: int,
    without: Sequence[str],
    willing: Sequence[int],
    seed: int,
) -> External:
    """The model in another district, beside the rule and beside the rule's score, learned here too."""
    there = make_rows(other, rule, reference_day(other), years=years, without=without)
    said = model.score(there.table)
    alone = fit("logistic", Rows(rows.table, RULE_SCORE, years, {}), seed=seed).score(there.table)
    duels, work = _against(there, said, alone, willing)
    return External(
        other.config.name, measure(said, there.outcome, there.family), tuple(duels), work["recorded_within"]
    )


def _chance(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-score)))
