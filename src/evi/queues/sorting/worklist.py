"""The shape of a sorted waiting list: what is said of each child, and in which group that puts the child."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from evi.queues.sorting.evidence import Rules

Group = Literal["evidence complete", "needs one named thing", "other pathway likely"]
GROUPS: tuple[Group, ...] = ("evidence complete", "needs one named thing", "other pathway likely")
ABOUT_GROUPS: Mapping[Group, str] = {
    "evidence complete": "Everything that the pathway asks for is on record.",
    "needs one named thing": "Something is missing or not known; the first thing to ask for is named.",
    "other pathway likely": "Something points to another service first. It does not rule this pathway out.",
}
State = Literal["held", "missing", "not known", "points elsewhere", "mark"]


@dataclass(frozen=True)
class Finding:
    """One thing said of one child.

    Attributes:
        state: held; missing (the services that would know hold nothing); not known (a service that could
            hold it has no records of the child here); points elsewhere; or a mark beside the child.
        about: id of the rule; title: what it is about.
        words: a sentence that a clinician can read.
        date: day of the newest record behind it, if there is one. service: whose word it is.
        ask: who can fill the gap, or the other service.
    """

    state: State
    about: str
    title: str
    words: str
    date: date | None = None
    service: str = ""
    ask: str = ""


@dataclass(frozen=True)
class Child:
    """One child of the list.

    Attributes:
        place: place on the list by wait, 1 first; sorting changes it for nobody.
        subject_id, referred, wait_days: as in `journeys`.
        group: which of `GROUPS`. first_thing: the thing to ask for first, if any is to be.
        findings: everything that is said, in the order of the rules.
    """

    place: int
    subject_id: int
    referred: date
    wait_days: int
    group: Group
    first_thing: str
    findings: tuple[Finding, ...]

    def of(self, *states: State) -> tuple[Finding, ...]:
        """The findings of some states."""
        return tuple(finding for finding in self.findings if finding.state in states)

    @property
    def wait_weeks(self) -> float:
        """The wait in weeks."""
        return self.wait_days / 7


@dataclass(frozen=True)
class WorkList:
    """A sorted waiting list: the children group by group, each group in order of wait."""

    pathway: str
    day: date
    rules: Rules
    children: tuple[Child, ...]

    def group(self, name: Group) -> tuple[Child, ...]:
        """The children of one group, longest wait first."""
        return tuple(child for child in self.children if child.group == name)

    def to_json(self) -> dict[str, Any]:
        """For `--json`: the rules' sources, the number in each group, and every child."""
        return {
            "pathway": self.pathway,
            "day": self.day.isoformat(),
            "about": self.rules.about,
            "assumed": [
                *(need.id for need in self.rules.needs if need.status == "assumed"),
                *(other.id for other in self.rules.others if other.status == "assumed"),
            ],
            "groups": {name: len(self.group(name)) for name in GROUPS},
            "children": [asdict(child) for child in self.children],
        }

    def rows(self) -> list[dict[str, Any]]:
        """One flat row a child, for a table or a CSV file."""
        return [
            {
                "place": child.place,
                "subject_id": child.subject_id,
                "referred": child.referred.isoformat(),
                "weeks_waited": round(child.wait_weeks, 1),
                "group": child.group,
                "first_thing": child.first_thing,
                "things_after_it": max(len(child.of("missing", "not known")) - 1, 0),
                "points_elsewhere": _joined(child.of("points elsewhere")),
                "missing": _joined(child.of("missing")),
                "not_known": _joined(child.of("not known")),
                "held": _joined(child.of("held")),
                "marks": _joined(child.of("mark")),
            }
            for child in self.children
        ]


def _joined(findings: Sequence[Finding]) -> str:
    return "; ".join(finding.words for finding in findings)
