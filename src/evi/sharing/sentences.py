"""Sentences that a tired person understands: why something is open to them, or what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from evi.sharing.agreement import Agreement, Clause
from evi.sharing.question import Request
from evi.sharing.vocabulary import vocabulary


def permitted(request: Request, agreement: Agreement, clause: Clause) -> str:
    """Why it is open: the relationship (or the role) and the agreement."""
    return f"You can {_doing(request)} because {_because(request, clause)} ({_cited(agreement, clause)})."


def withheld(request: Request) -> str:
    """It is held back from this one person."""
    return _no(request, "it is held back from you for this child. The data guardian can tell you more.")


def moved_out(request: Request) -> str:
    """The child has left the district, so nothing new is done."""
    return f"You can't {_doing(request)}: the child has left the district. What was there can still be read."


def objected(request: Request, agreement: Agreement) -> str:
    """The family has objected to the one agreement that would have covered it."""
    return (
        f"You can't {_doing(request)}: the family has objected to sharing under {agreement.spoken}. "
        "Talk with the family; they can take it back at any time."
    )


def opted_out(request: Request, agreement: Agreement) -> str:
    """The opt-out stands."""
    return f"You can't {_doing(request)}: the family's opt-out stands, and {agreement.spoken} honours it."


def consent_needed(request: Request, agreement: Agreement) -> str:
    """It waits for the family to agree."""
    return _no(request, f"{agreement.spoken} needs the family to agree first, and they have not.")


def no_relationship(
    request: Request, ties: Iterable[str], with_consent: Iterable[str], cited: Agreement
) -> str:
    """It is open to others who are tied to the child, some of them only once the family has agreed."""
    words, names = vocabulary(), _names(request)
    ways = [words.relationships[tie].covers.format(**names) for tie in ties]
    ways += [
        f"the family agreed and {words.relationships[tie].covers.format(**names)}" for tie in with_consent
    ]
    return f"You can't {_doing(request)}. It would be open to you if {_or(ways)} ({_cited(cited)})."


def not_in_force(request: Request, agreement: Agreement, day: date) -> str:
    """The agreement that would cover it is expired, not begun, or incomplete."""
    state = agreement.state(day)
    if state == "incomplete" or agreement.window is None:
        fault = agreement.faults[0] if agreement.faults else "Its days leave nothing in between."
        return _no(request, f"{agreement.spoken} would cover it, but is not complete. {fault}")
    first, last = agreement.window
    when = f"ended on {_day(last)}" if state == "expired" else f"begins on {_day(first)}"
    return f"You can't {_doing(request)}: {agreement.spoken} would cover it, but it {when}."


def not_joined(request: Request, agreement: Agreement) -> str:
    """The organisation has not joined the agreement that others of its kind have."""
    place = vocabulary().organisations[request.actor.kind].place
    return f"You can't {_doing(request)}: your {place} has not joined {agreement.spoken}."


def other_purpose(request: Request, purposes: Iterable[str], agreement: Agreement) -> str:
    """It is open for another purpose only."""
    words = vocabulary()
    ways = _or(words.purposes[each].phrase for each in purposes)
    return (
        f"You can't {_doing(request)} for {words.purposes[request.purpose].phrase}: "
        f"{agreement.spoken} covers it for {ways} only."
    )


def other_role(request: Request, roles: Iterable[str], purpose: str, agreement: Agreement) -> str:
    """It is open to other roles of the same kind of organisation only (perhaps for another purpose)."""
    words = vocabulary()
    kind = words.organisations[request.actor.kind]
    whom = _or(_a(words.roles[each].title) for each in roles)
    if purpose != request.purpose:
        whom += f" who acts for {words.purposes[purpose].phrase}"
    return (
        f"You can't {_doing(request)}: for {kind.those}, {agreement.spoken} covers it for {whom}, "
        f"not for {_a(words.roles[request.actor.role].title)}."
    )


def no_agreement(request: Request, exceptions: Iterable[str]) -> str:
    """Nothing covers it for this kind of organisation."""
    words = vocabulary()
    those = words.organisations[request.actor.kind].those
    but = _or((words.items[each].phrase for each in exceptions), last="and")
    return _no(request, f"no agreement covers this for {those}{f', except {but}' if but else ''}.")


def _no(request: Request, because: str) -> str:
    return f"You can't {_doing(request)}: {because}"


def _doing(request: Request) -> str:
    words = vocabulary()
    return words.actions[request.action].phrase.format(item=words.items[request.item].phrase)


def _because(request: Request, clause: Clause) -> str:
    words, names = vocabulary(), _names(request)
    if words.purposes[request.purpose].loud:
        return "this is an emergency; the data guardian is told at once"
    held = [tie for tie in clause.relationships if tie in request.ties]
    if held:
        return words.relationships[held[0]].phrase.format(**names)
    return f"you are {_a(names['role'])}"


def _cited(agreement: Agreement, clause: Clause | None = None) -> str:
    return f"agreement {agreement.number}, {agreement.title}{f', clause {clause.id}' if clause else ''}"


def _names(request: Request) -> dict[str, str]:
    words = vocabulary()
    return {
        "role": words.roles[request.actor.role].title,
        "place": words.organisations[request.actor.kind].place,
    }


def _or(parts: Iterable[str], *, last: str = "or") -> str:
    listed = list(dict.fromkeys(parts))
    return f" {last} ".join(part for part in (", ".join(listed[:-1]), *listed[-1:]) if part)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
