"""Sort a waiting list by what is known of each child, for a clinician to decide.

Three groups: *evidence complete*, *needs one named thing*, *other pathway likely*. Nothing here takes a child
off the list: the groups together are the list, each group is in order of wait, and every child keeps the
place on the list that the wait gives. What is not held and what is not known are said apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from evi.indicators import Indicator, Registry, States, evaluate_at
from evi.indicators.explaining import reason
from evi.indicators.expressions import all_facts
from evi.indicators.reference import Event, World, add_months
from evi.indicators.registry import make_registry
from evi.indicators.spans import registry_of
from evi.queues.measuring.journeys import journeys
from evi.queues.sorting.evidence import Need, Rules, Sign, rules_of
from evi.queues.sorting.worklist import GROUPS, Child, Finding, Group, WorkList
from evi.records import open_records
from evi.workspace import District, EviError, quote


def sort_list(district: District, pathway: str, day: date) -> WorkList:
    """Sort the waiting list of a pathway as it was known on a day.

    Raises:
        EviError: there are no rules or no clock for the pathway, or nothing is loaded yet.
    """
    rules = rules_of(pathway, district)
    found = journeys(district, pathway, day)
    waiting = found.table.filter(pl.col("state") == "waiting").select("subject_id", "referred", "wait_days")
    registry = _registry(rules, district)
    states = evaluate_at(district, day, registry=registry)
    worlds, births = _worlds(district, registry, waiting["subject_id"].to_list(), day)
    return sort_children(waiting, rules, registry, states, worlds, births, day)


def sort_children(
    waiting: pl.DataFrame,
    rules: Rules,
    registry: Registry,
    states: States,
    worlds: Mapping[int, World],
    births: Mapping[int, date | None],
    day: date,
) -> WorkList:
    """Sort children whose records have been read.

    Args:
        waiting: subject_id, referred, wait_days, one row a child who waits.
        rules, registry: the rules, and the indicators that they ask.
        states: what each indicator says of each child.
        worlds: the records of each child that the rules read.
        births: month of birth, or None.
        day: the day of all this.
    """
    ordered = waiting.sort("wait_days", "referred", "subject_id", descending=[True, False, False])
    reader = _Reader(rules, registry, states, worlds, births, day)
    children = [
        reader.child(place, *row)
        for place, row in enumerate(ordered.select("subject_id", "referred", "wait_days").iter_rows(), 1)
    ]
    made = [child for name in GROUPS for child in children if child.group == name]
    _check_nobody_is_lost(waiting["subject_id"].to_list(), made)
    return WorkList(rules.pathway, day, rules, tuple(made))


def _check_nobody_is_lost(waiting: Sequence[int], made: Sequence[Child]) -> None:
    """Raises an `EviError` unless the groups together are the list: each child once, each place once."""
    places = sorted(child.place for child in made)
    if sorted(child.subject_id for child in made) != sorted(waiting) or places != list(
        range(1, len(waiting) + 1)
    ):
        raise EviError(
            "sorting would have changed who is on the list.",
            where="evi queue sort",
            do="This is a mistake in eVI: use the list as it was, and report it.",
        )


class _Reader:
    """Says of one child after another what is held, missing, not known or pointing elsewhere."""

    def __init__(
        self,
        rules: Rules,
        registry: Registry,
        states: States,
        worlds: Mapping[int, World],
        births: Mapping[int, date | None],
        day: date,
    ) -> None:
        self.rules, self.states, self.worlds = rules, states, worlds
        self.births, self.day = births, day
        self.by_id = {indicator.id: indicator for indicator in registry}

    def child(self, place: int, subject_id: int, referred: date, wait_days: int) -> Child:
        """Everything that is said of one child, and the group that follows from it."""
        says = self.states.of(subject_id)
        findings = [
            self._need(need, subject_id, says)
            for need in self.rules.needs
            if self._asked(need, subject_id, says)
        ]
        elsewhere = [
            Finding(
                "points elsewhere", other.id, other.title, f"{other.title}: {words}", when, service, other.to
            )
            for other in self.rules.others
            for words, when, service in [self._sign(other.when, subject_id, says)]
            if words
        ]
        marks = [
            Finding("mark", mark.indicator.id, mark.what, f"{mark.what}, {_day(when)}", when, mark.service)
            for mark in self.rules.marks
            if says.get(mark.indicator.id) == "present"
            for when in [self._newest(mark.indicator, subject_id)]
        ]
        gaps = [finding for finding in findings if finding.state != "held"]
        group: Group = "needs one named thing" if gaps else "evidence complete"
        return Child(
            place,
            subject_id,
            referred,
            wait_days,
            "other pathway likely" if elsewhere else group,
            f"{gaps[0].title} (ask {gaps[0].ask})" if gaps else "",
            (*elsewhere, *findings, *marks),
        )

    def _asked(self, need: Need, subject_id: int, says: Mapping[str, str]) -> bool:
        born = self.births.get(subject_id)
        if born is not None:
            low, high = need.ages_months
            if not add_months(born, low) <= self.day < add_months(born, high):
                return False
        return not need.asked_if or bool(self._sign(need.asked_if, subject_id, says)[0])

    def _need(self, need: Need, subject_id: int, says: Mapping[str, str]) -> Finding:
        """Whether one kind of evidence is held; the newest record speaks."""
        held = [holding for holding in need.have if says[holding.indicator.id] == "present"]
        if held:
            when, best = max(
                ((self._newest(each.indicator, subject_id), each) for each in held),
                key=lambda pair: pair[0] or date.min,
            )
            words = f"{best.what}, {_day(when)} ({best.service})"
            return Finding("held", need.id, need.title, words, when, best.service)
        blind = [each.service for each in need.have if says[each.indicator.id] == "not assessable"]
        if not blind:
            services = " and ".join(dict.fromkeys(each.service for each in need.have))
            words = f"{need.missing} (looked at: {services})"
            return Finding("missing", need.id, need.title, words, service=services, ask=need.ask)
        services = " and ".join(dict.fromkeys(blind))
        words = f"{need.title}: not known, no records of this child from: {services}"
        return Finding("not known", need.id, need.title, words, service=services, ask=need.ask)

    def _sign(
        self, signs: Sequence[Sign], subject_id: int, says: Mapping[str, str]
    ) -> tuple[str, date | None, str]:
        """The first sign that is so: its words, the day of its newest record, and whose word it is."""
        for sign in signs:
            own = sign.indicator
            if (
                all(says.get(name) == "present" for name in sign.present)
                and all(says.get(name) == "absent" for name in sign.absent)
                and (own is None or says.get(own.id) == "present")
            ):
                asked = [own] if own is not None else [self.by_id[name] for name in sign.present]
                days = [day for each in asked if (day := self._newest(each, subject_id))]
                when = max(days, default=None)
                said = ", ".join(
                    part for part in (_day(when), f"from {sign.service}" * bool(sign.service)) if part
                )
                return f"{sign.because}{f' ({said})' if said else ''}", when, sign.service
        return "", None, ""

    def _newest(self, indicator: Indicator, subject_id: int) -> date | None:
        """The day of the newest record behind an indicator that is present."""
        events = reason(indicator, self.worlds[subject_id], subject_id, self.day).events
        return events[-1].time.date() if events else None


def _day(when: date | None) -> str:
    return f"{when.day} {when:%B %Y}" if when else ""


def _registry(rules: Rules, district: District) -> Registry:
    """The rules' own questions and the indicators that they borrow."""
    known = registry_of(district)
    return make_registry([*rules.indicators, *(known[name] for name in rules.borrowed)])


def _worlds(
    district: District, registry: Registry, subjects: Sequence[int], day: date
) -> tuple[dict[int, World], dict[int, date | None]]:
    """The records that the questions read of each child, as known on the day, and months of birth."""
    asked = tuple(
        sorted({code for each in registry for facts in all_facts(each.expression) for code in facts.codes})
    )
    where = " OR ".join(
        f"starts_with(code, {quote(code[:-1])})" if code.endswith("*") else f"code = {quote(code)}"
        for code in asked
    )
    who = ", ".join(map(str, subjects)) or "NULL"
    with open_records(district) as con:
        rows = con.execute(
            f"""SELECT subject_id, time, code, known_at, record_id, numeric_value, known_until, end_time,
                       place_id, text_value, withdrawn, coalesce(source, '')
                FROM events_by_code WHERE ({where}) AND subject_id IN ({who}) AND NOT withdrawn
                  AND known_at <= DATE '{day}' AND (known_until IS NULL OR known_until > DATE '{day}')
                ORDER BY ALL"""
        ).fetchall()
        born = dict(
            con.execute(
                f"SELECT subject_id, birth_month FROM subjects WHERE subject_id IN ({who})"
            ).fetchall()
        )
    events: dict[int, list[Event]] = {subject: [] for subject in subjects}
    for row in rows:
        events[row[0]].append(Event(*row))
    worlds = {
        subject: World(tuple(mine), (), (), {subject: born.get(subject)}, (subject,))
        for subject, mine in events.items()
    }
    return worlds, {subject: born.get(subject) for subject in subjects}
