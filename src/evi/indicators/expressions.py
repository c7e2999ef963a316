"""The one representation between the registry's YAML and the engines: a small frozen tree.

A leaf says something of a child's facts on a day (`Count`, `Last`, `Total`, `Ratio`), a branch combines
(`AtLeastOf`, `Not`). "Facts" are always *many* events; a leaf makes *one* truth of them, so no engine ever
has to guess which it holds. Numbers are compared in whole thousandths, so that neither the order of a sum
nor a 32-bit column can change an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evi.workspace import EviError

THOUSAND = 1000
"""Values, thresholds and sums are integers of thousandths."""

Who = Literal["child", "anyone", "adults"]
Of = Literal["events", "days", "places"]
Compare = Literal["below", "at_most", "at_least", "above"]
COMPARES: tuple[Compare, ...] = ("below", "at_most", "at_least", "above")


@dataclass(frozen=True, order=True)
class Facts:
    """Which events a leaf reads, and on which days each of them counts.

    An event that happened at `time`, known from `known_at` until `known_until`, counts on the days
    `[max(known_at, time + after_days), min(known_until, time + days, end_time if while_open))`.

    Attributes:
        codes: event codes; one that ends in `*` stands for every code with that beginning.
        days: look-back in days; none: for good.
        after_days: days that must pass before it counts (a plan that has lasted two years: 730).
        while_open: true for a state, which counts no longer than until its end.
        who: whose events: the child's own; anyone's in the child's home on the day of the event, the home's
            and the child's own among them; or those of the adults there.
        texts: if given, only events with one of these text values (such as the role SUSPECT).
    """

    codes: tuple[str, ...]
    days: int | None = None
    after_days: int = 0
    while_open: bool = False
    who: Who = "child"
    texts: tuple[str, ...] = ()

    def reads(self, code: str) -> bool:
        """Whether these facts include events of this code."""
        return any(matches(pattern, code) for pattern in self.codes)


@dataclass(frozen=True)
class Count:
    """At least so many events, different days or different places."""

    facts: Facts
    at_least: int = 1
    of: Of = "events"


@dataclass(frozen=True)
class Last:
    """The latest value (by time, then known_at, then record_id, then value) compared with a figure."""

    facts: Facts
    compare: Compare
    value: int  # thousandths


@dataclass(frozen=True)
class Total:
    """The sum of the values is at least a figure, and at least one event counts."""

    facts: Facts
    at_least: int  # thousandths, above 0


@dataclass(frozen=True)
class Ratio:
    """Sum of the values of `facts` as a share of the sum over `to`, where that is at least `minimum`."""

    facts: Facts
    to: Facts
    at_least: int  # thousandths: 100 is one in ten
    minimum: int  # thousandths, above 0


@dataclass(frozen=True)
class AtLeastOf:
    """At least so many of the parts are true: `any` is 1 of them, `all` is every one."""

    at_least: int
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    """The part is not true."""

    part: Expression


@dataclass(frozen=True)
class MissingBy:
    """No such event is known, and the child has reached the age by which there should be one.

    An event that comes late closes the gap from the day it is known.
    """

    facts: Facts
    by_months: int


@dataclass(frozen=True)
class Rate:
    """The share of children of the child's school or area for whom another indicator is present.

    Asked of a day, never stored: counted among the children for whom `indicator` is assessable.
    """

    indicator: str
    among: Literal["school", "lsoa"]
    at_least: int  # thousandths
    minimum_children: int


Leaf = Count | Last | Total | Ratio
Expression = Leaf | AtLeastOf | Not | MissingBy | Rate


def matches(pattern: str, code: str) -> bool:
    """Whether an event code fits a pattern of the registry."""
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all of its parts, outermost first."""
    yield expression
    if isinstance(expression, AtLeastOf):
        for part in expression.parts:
            yield from walk(part)
    elif isinstance(expression, Not):
        yield from walk(expression.part)


def all_facts(expression: Expression) -> Iterator[Facts]:
    """Every group of facts that the expression reads, in order."""
    for node in walk(expression):
        if isinstance(node, Count | Last | Total | Ratio | MissingBy):
            yield node.facts
        if isinstance(node, Ratio):
            yield node.to


def rests_on_silence(expression: Expression) -> bool:
    """Whether it can be true because something was *not* recorded; such a truth needs coverage."""
    return any(isinstance(node, Not | MissingBy) for node in walk(expression))


def compares(value: int, compare: Compare, figure: int) -> bool:
    """Compare two numbers of thousandths."""
    return {
        "below": value < figure,
        "at_most": value <= figure,
        "at_least": value >= figure,
        "above": value > figure,
    }[compare]


def parse(table: Mapping[str, Any], *, who: Who = "child") -> Expression:
    """Read an expression as the registry's YAML has it. `who` is the default for its facts.

    >>> parse({"exists": {"codes": ["EDU/FSM"], "days": 400}})
    Count(facts=Facts(codes=('EDU/FSM',), days=400, after_days=0, while_open=False, who='child', texts=()), at_least=1, of='events')

    Raises:
        EviError: it is no expression that eVI knows.
    """  # noqa: E501
    if len(table) != 1:
        raise _mistake(f"an expression has one head, not {len(table)}: {', '.join(sorted(table)) or 'none'}")
    [(head, body)] = table.items()
    if head in ("any", "all"):
        return AtLeastOf(1 if head == "any" else len(body), _parts(body, who))
    if head == "k_of":
        parts = _parts(body["of"], who)
        if not 1 <= int(body["at_least"]) <= len(parts):
            raise _mistake(f"k_of asks for {body['at_least']} of {len(parts)} parts")
        return AtLeastOf(int(body["at_least"]), parts)
    if head == "not":
        return Not(parse(body, who=who))
    if head == "rate":
        return Rate(
            body["of"], body["among"], thousandths(body["at_least"]), int(body.get("minimum_children", 10))
        )
    return _parse_leaf(head, body, who)


def _parse_leaf(head: str, body: Mapping[str, Any], who: Who) -> Expression:
    facts = _facts(body, who)
    match head:
        case "exists":
            return Count(facts)
        case "count":
            return Count(facts, int(body["at_least"]), body.get("of", "events"))
        case "last":
            for compare in COMPARES:
                if compare in body:
                    return Last(facts, compare, thousandths(body[compare]))
            raise _mistake("last needs one of " + ", ".join(COMPARES))
        case "sum":
            return Total(facts, _positive(body["at_least"], "sum at_least"))
        case "ratio":
            to = _facts({**body, "codes": body["to"]}, who)
            minimum = _positive(body["minimum"], "ratio minimum")
            return Ratio(facts, to, _positive(body["at_least"], "ratio at_least"), minimum)
        case "missing_by":
            return MissingBy(facts, int(body["by_months"]))
    raise _mistake(f"there is no expression called {head!r}")


def _parts(body: Sequence[Mapping[str, Any]], who: Who) -> tuple[Expression, ...]:
    if not body:
        raise _mistake("a list of parts is empty")
    return tuple(parse(part, who=who) for part in body)


def _facts(body: Mapping[str, Any], who: Who) -> Facts:
    codes = tuple(sorted(dict.fromkeys(body["codes"])))
    days, after = body.get("days"), int(body.get("after_days", 0))
    if not codes:
        raise _mistake("a leaf needs at least one code")
    if days is not None and int(days) <= after:
        raise _mistake(f"a look-back of {days} days ends before it starts, {after} days after the event")
    return Facts(
        codes,
        None if days is None else int(days),
        after,
        bool(body.get("while_open", False)),
        body.get("who", who),
        tuple(sorted(dict.fromkeys(body.get("texts", ())))),
    )


def thousandths(number: float) -> int:
    """A figure of the registry as an integer of thousandths."""
    return round(number * THOUSAND)


def _positive(number: float, name: str) -> int:
    value = thousandths(number)
    if value <= 0:
        raise _mistake(f"{name} must be above 0, so that no record is never a yes")
    return value


def _mistake(what: str) -> EviError:
    return EviError(what + ".", where="expression", do="docs/indicators.md lists what can be written.")
