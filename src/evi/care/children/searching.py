"""Search among the children whom the visitor may find: by name, with mistakes, birth date or number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from evi.care.children.models import Child, NameKey, SearchRecord
from evi.care.children.names import asked_keys, likeness, words
from evi.care.children.telling import told
from evi.care.children.ties import own_ties, places
from evi.care.door.querying import ties_needed
from evi.care.door.rules import door
from evi.care.fields import blind

if TYPE_CHECKING:
    from evi.care.accounts.models import User
    from evi.care.door.visit import Visit

SHOWN = 25
"""Results on a page; who is not among them is found by saying more."""
CANDIDATES = 250
"""Children whose names are read to be compared; more share fewer keys with the question than these."""
LIKE_ENOUGH = 0.82
"""Least likeness of a name; with the same birth date `LIKE_ENOUGH_BORN` is."""
LIKE_ENOUGH_BORN = 0.6
KEPT = timedelta(minutes=15)
"""How long a question is kept, for going back to its results."""
PER_MINUTE = 60

_DATE = re.compile(r"\b(\d{1,2})[./-](\d{1,2})[./-](\d{4})\b|\b(\d{4})-(\d{2})-(\d{2})\b")
_NHS = re.compile(r"(?<!\d)(\d{3})[ -]?(\d{3})[ -]?(\d{4})(?!\d)")
_UPN = re.compile(r"\b[A-Za-z]\d{11}[0-9A-Za-z]\b")


class TooMany(Exception):  # noqa: N818 - not an error of the program
    """A person searches faster than people do."""


@dataclass(frozen=True)
class Question:
    """What was asked: words of a name, a birth date, and exact numbers found in the text."""

    text: str = ""
    born: date | None = None

    @property
    def read(self) -> tuple[tuple[str, ...], date | None, str, str]:
        """Words, birth date, NHS number and UPN, each empty if it was not said."""
        text, born = self.text, self.born
        upn = found[0].upper() if (found := _UPN.search(text)) else ""
        text = _UPN.sub(" ", text)
        if found := _DATE.search(text):
            born, text = born or _day(found), _DATE.sub(" ", text)
        nhs = "".join(found.groups()) if (found := _NHS.search(text)) else ""
        return words(_NHS.sub(" ", text)), born, nhs, upn


@dataclass(frozen=True)
class Hit:
    """A child who was found. `twin`: another one found has the same name and birth date."""

    child: Child
    told: str
    score: float
    twin: bool = False


@dataclass(frozen=True)
class Results:
    """Who was found, the likeliest first. `more`: others fit too."""

    hits: tuple[Hit, ...] = ()
    more: bool = False


def search(visit: Visit, question: Question) -> Results:
    """Find children among those whom this visit may find; the ledger gets how many, never the words."""
    asked, born, nhs, upn = question.read
    allowed = visit.children("search")
    scored: dict[int, tuple[float, Child]] = {}
    if nhs or upn:
        exact = Q(nhs_blind=blind(nhs, "nhs")) if nhs else Q()
        exact |= Q(upn_blind=blind(upn, "upn")) if upn else Q()
        scored = {child.pk: (2.0, child) for child in _light(allowed.filter(exact))[: SHOWN + 1]}
    elif asked or born:
        for child in _candidates(visit, allowed, asked, born):
            score = _score(child, asked, born)
            if score is not None:
                scored[child.pk] = (score, child)
    best = sorted(scored.values(), key=lambda each: (-each[0], each[1].birth_date or date.min, each[1].pk))
    hits = _hits(
        [child for _, child in best[:SHOWN]], {pk: score for pk, (score, _) in scored.items()}, visit.day
    )
    visit.record("search", items=("identity",), note=f"{len(best[:SHOWN])} found")
    return Results(hits, len(best) > SHOWN)


def keep(user: User, question: Question) -> SearchRecord:
    """Keep a question for minutes; older ones of this person are dropped.

    Raises:
        TooMany: this person has asked more than `PER_MINUTE` times in a minute.
    """
    now = timezone.now()
    own = SearchRecord.objects.filter(user=user)
    if own.filter(asked_at__gt=now - timedelta(minutes=1)).count() >= PER_MINUTE:
        raise TooMany
    own.filter(asked_at__lt=now - KEPT).delete()
    said = {"text": question.text, "born": question.born.isoformat() if question.born else ""}
    return SearchRecord.objects.create(user=user, words=said)


def kept(user: User, public_id: str) -> Question | None:
    """The question kept under this id, if it is this person's and not too old."""
    found = SearchRecord.objects.filter(
        user=user, public_id=public_id, asked_at__gt=timezone.now() - KEPT
    ).first()
    if found is None:
        return None
    born = found.words["born"]
    return Question(found.words["text"], date.fromisoformat(born) if born else None)


def _candidates(
    visit: Visit, allowed: QuerySet[Child], asked: tuple[str, ...], born: date | None
) -> list[Child]:
    """Children whose names are worth reading: of those who are tied, who share most keys and are allowed."""
    found: dict[int, Child] = {}
    if asked:
        sharing = (
            _of_the_tied(visit, NameKey.objects.filter(key__in=asked_keys(asked)))
            .values("child")
            .annotate(shared=Count("key"))
            .order_by("-shared", "child")[:CANDIDATES]
        )
        nearest = [row["child"] for row in sharing]
        found = {child.pk: child for child in _light(allowed.filter(pk__in=nearest))}
    if born:
        days = {blind(day.isoformat(), "born") for day in _like_dates(born)}
        found |= {child.pk: child for child in _light(allowed.filter(born_blind__in=days))[:CANDIDATES]}
    return list(found.values())


def _of_the_tied(visit: Visit, rows: QuerySet[NameKey]) -> QuerySet[NameKey]:
    """The rows of children who are tied to the visitor in a way without which nobody is found, if that is so.

    It is a wider net than the decision, which follows, and costs far less where thousands are tied.
    """
    left = door().residual(visit.actor, "search", "identity", visit.purpose, visit.day)
    needed = ties_needed(left)
    if needed is None:
        return rows
    return rows.filter(child__in=own_ties(visit).filter(kind__in=sorted(needed)).values("child"))


def _light(children: QuerySet[Child]) -> QuerySet[Child]:
    return children.only("public_id", "given_name", "known_as", "family_name", "birth_date", "same_blind")


def _score(child: Child, asked: tuple[str, ...], born: date | None) -> float | None:
    """How well a child fits, None if not at all: a birth date adds 0.5, with day and month swapped 0.25."""
    near = 0.0
    if born and child.birth_date:
        near = 0.5 if child.birth_date == born else 0.25 if child.birth_date in _like_dates(born) else 0.0
    if not asked:
        return near or None
    like = likeness(asked, (child.given_name, child.known_as, child.family_name))
    return like + near if like >= (LIKE_ENOUGH_BORN if near else LIKE_ENOUGH) else None


def _like_dates(born: date) -> set[date]:
    """The date, and the one with day and month changed round if there is such a day."""
    if born.day > 12:
        return {born}
    return {born, date(born.year, born.day, born.month)}


def _hits(children: list[Child], scores: dict[int, float], day: date) -> tuple[Hit, ...]:
    at = places(children, day)
    same = [child.same_blind for child in children if child.same_blind]
    return tuple(
        Hit(
            child,
            told(child, at.get(child.pk), day),
            scores[child.pk],
            same.count(child.same_blind) > 1,
        )
        for child in children
    )


def _day(found: re.Match[str]) -> date | None:
    day, month, year, *iso = found.groups()
    try:
        return date(*map(int, iso)) if iso[0] else date(int(year), int(month), int(day))
    except ValueError:
        return None
