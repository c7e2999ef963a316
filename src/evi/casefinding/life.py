"""The life of a rule: proposed, shadow, live, suspended, retired; who decided, when and why.

A decision is about one version of one rule, and about its text: a file that was changed without a new version
is not what was decided on, and releases nothing. Decisions, complete cards and runs stand in one ledger of
the district, `casefinding/life.jsonl` (see `evi.sharing.chain`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from evi.casefinding.rules import Rule
from evi.sharing.chain import Chain
from evi.workspace import District, EviError

FILE = Path(__file__).parent / "life.yaml"
LEDGER = Path("casefinding") / "life.jsonl"
DECISION, CARD, RUN = "decision", "card", "run"
LEAST_WORDS = 3
"""A reason of fewer words is no reason."""


@dataclass(frozen=True)
class State:
    """One state of a life: what it means, what may follow, whether lists go out, whether they are kept."""

    name: str
    means: str
    may_become: tuple[str, ...]
    releases: bool
    records: bool


@dataclass(frozen=True)
class Standing:
    """Where one version of a rule stands.

    Attributes:
        since, by, because: of the decision; empty where nobody has decided anything yet.
        changed: the rule's text is not the text that was decided on.
        carded: a complete card of this text was made.
    """

    rule: str
    version: int
    state: State
    since: str
    by: str
    because: str
    changed: bool
    carded: bool


@dataclass(frozen=True)
class Release:
    """Whether a work list may go out.

    Attributes:
        allowed: it may. recorded: it may at least be made and kept.
        state: of the rule, or of the rule of the family that stands lowest.
        words: why not, in plain words; empty if it may.
    """

    allowed: bool
    recorded: bool
    state: str
    words: str


@cache
def states() -> Mapping[str, State]:
    """The states of a life, by name."""
    table = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: State(name, row["means"], tuple(row["may_become"]), row["releases"], row["records"])
        for name, row in table.items()
    }


def ledger(district: District) -> Chain:
    """The district's ledger of case-finding."""
    return Chain(district.root / LEDGER)


def standing(district: District, rule: Rule, entries: Sequence[Mapping[str, Any]] | None = None) -> Standing:
    """Where a rule stands; a version of which nothing was decided starts as its file says, never live.

    Args:
        entries: the ledger, if it was read already.

    Raises:
        EviError: the ledger was tampered with.
    """
    entries = ledger(district).read() if entries is None else entries
    mine = [each for each in entries if each.get("rule") == rule.id and each.get("version") == rule.version]
    carded = any(each["kind"] == CARD and each["digest"] == rule.digest for each in mine)
    decisions = [each for each in mine if each["kind"] == DECISION]
    if not decisions:
        start = "shadow" if rule.status_default == "shadow" else "proposed"
        return Standing(rule.id, rule.version, states()[start], "", "", "", False, carded)
    last = decisions[-1]
    return Standing(
        rule.id,
        rule.version,
        states()[last["to"]],
        last["at"],
        last["by"],
        last["because"],
        last["digest"] != rule.digest,
        carded,
    )


def decisions_on(district: District, rule: str) -> list[dict[str, Any]]:
    """Every decision about every version of a rule, oldest first."""
    return [each for each in ledger(district).read() if each["kind"] == DECISION and each["rule"] == rule]


def decide(
    district: District, rule: Rule, to: str, by: str, because: str, *, at: datetime | None = None
) -> dict[str, Any]:
    """Write down a decision about a rule.

    Args:
        by: who decided: a role, such as "designated clinical officer". because: why.
        at: when (now).

    Returns:
        The entry of the ledger.

    Raises:
        EviError: see `check_decision`.
    """
    when = at or datetime.now(UTC)
    found = check_decision(district, rule, to, by, because, when.date())
    return ledger(district).append(
        {
            "kind": DECISION,
            "rule": rule.id,
            "version": rule.version,
            "digest": rule.digest,
            "was": found.state.name,
            "to": to,
            "by": by.strip(),
            "because": because.strip(),
            "at": when.isoformat(timespec="seconds"),
        }
    )


def check_decision(
    district: District, rule: Rule, to: str, by: str, because: str, today: date | None = None
) -> Standing:
    """Check that a decision can be taken, and write nothing.

    Returns:
        Where the rule stands now.

    Raises:
        EviError: no such state, it can't follow the present one, nobody or no reason is named, the rule is
            not ready, its text was changed, or it would go live without a complete card of this text.
    """
    if to not in states():
        raise _refused(f"there is no state “{to}”.", f"Choose one of {', '.join(states())}.")
    if not by.strip() or len(because.split()) < LEAST_WORDS:
        raise _refused(
            "a decision needs who decided and why.",
            f"Add --by, a role, and --because, a reason of at least {LEAST_WORDS} words.",
        )
    found = standing(district, rule)
    if to not in found.state.may_become:
        after = ", ".join(found.state.may_become) or "nothing: put a new version in its place"
        raise _refused(
            f"{rule.label} is {found.state.name} and can't become {to}.", f"What may follow: {after}."
        )
    if to in ("shadow", "live"):
        rule.check_ready()
        _check_same_text(found, rule)
    if to == "live":
        _check_may_live(found, rule, today or datetime.now(UTC).date())
    return found


def may_release(district: District, rules: Rule | Sequence[Rule], day: date) -> Release:
    """Whether a work list of these rules may go out to those who act on it.

    Args:
        rules: a rule, or every rule of a family: all of them must be live.
        day: the day of the list; after a rule's review date nothing goes out.

    Raises:
        EviError: the ledger was tampered with.
    """
    rules = (rules,) if isinstance(rules, Rule) else rules
    entries = ledger(district).read()
    found = [standing(district, rule, entries) for rule in rules]
    stopped = [each for each in found if not each.state.records]
    for each in stopped:
        return Release(False, False, each.state.name, _words(each))
    for each, rule in zip(found, rules, strict=True):
        if not each.state.releases:
            return Release(False, True, each.state.name, _words(each))
        if each.changed:
            words = f"{rule.label} was changed after it was decided on, and has the same version"
            return Release(False, True, each.state.name, words)
        if day > rule.review_by:
            words = f"the review of {rule.label} was due by {rule.review_by}"
            return Release(False, True, each.state.name, words)
    return Release(True, True, "live", "")


def _words(found: Standing) -> str:
    return f"{found.rule} v{found.version} is {found.state.name}: {found.state.means}"


def _check_same_text(found: Standing, rule: Rule) -> None:
    if found.changed:
        raise _refused(
            f"the text of {rule.label} is not the text that was decided on.",
            "Give the changed rule a new version; its life starts anew.",
        )


def _check_may_live(found: Standing, rule: Rule, today: date) -> None:
    if not found.carded:
        raise _refused(
            f"there is no complete card of {rule.label} as it is now.",
            f"Run `evi casefind card {rule.id}` and answer what it asks.",
        )
    if today > rule.review_by:
        raise _refused(
            f"the review of {rule.label} was due by {rule.review_by}.",
            "Review it, and give it a new version with a new date.",
        )


def _refused(what: str, do: str) -> EviError:
    return EviError(what, where="evi casefind life", do=do, exit_code=2)
