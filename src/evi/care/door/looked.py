"""Who looked at one child's record, when and why, in plain words: the family's own view of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from evi.care.accounts.models import Organisation, User
from evi.care.children.models import Child
from evi.care.door.ledger import SYSTEM
from evi.care.door.models import AccessEntry
from evi.care.door.rules import door
from evi.sharing.vocabulary import vocabulary

BLOCKAGE = "blockage"
PAGE = 200
"""Entries of the ledger on a page; those of one person on one day for one thing become one line."""


@dataclass
class Look:
    """One line: what one person did with the record on one day, and why.

    Attributes:
        who: name, as people write it; role and place beside it. items: titles of what was opened.
        refused: titles of what was asked for and refused. times: how often. first, last: when.
        hidden, kept: something was opened, or refused, that the reader of this list can't see itself.
        allowed: the agreement is what allowed it, and not by what it was refused or asked for.
    """

    who: str
    role: str
    place: str
    did: str
    why: str
    agreement: str
    first: datetime
    last: datetime
    times: int = 1
    loud: bool = False
    hidden: bool = False
    kept: bool = False
    allowed: bool = False
    items: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LookDay:
    """The lines of one day, the newest first."""

    day: date
    looks: list[Look]


@dataclass(frozen=True)
class LookPage:
    """A page of days. `before`: the number to ask for the next page with, None on the last."""

    days: list[LookDay]
    before: int | None


def who_looked(
    child: Child, before: int | None = None, open_to_reader: Callable[[str], bool] | None = None
) -> LookPage:
    """A page of who looked at the record, the newest day first.

    Args:
        before: only entries of a smaller number (`LookPage.before` of the page before).
        open_to_reader: whether the reader of the list may see an item; others are not named, since even the
            name of an item (police entries) tells something. None: all are named.
    """
    rows = AccessEntry.objects.filter(child=child.public_id)
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows.order_by("-number")[: PAGE + 1])
    page, more = found[:PAGE], len(found) > PAGE
    return LookPage(_days(page, open_to_reader or (lambda _item: True)), page[-1].number if more else None)


def _days(rows: Iterable[AccessEntry], shown: Callable[[str], bool]) -> list[LookDay]:
    rows = list(rows)
    names = dict(
        User.objects.filter(public_id__in={row.actor for row in rows}).values_list("public_id", "name")
    )
    places = dict(
        Organisation.objects.filter(code__in={row.organisation for row in rows}).values_list("code", "name")
    )
    days: dict[date, dict[tuple[str, ...], Look]] = {}
    for row in rows:
        at = timezone.localtime(row.at)
        key = (row.actor, row.role, row.organisation, row.action, row.purpose, row.agreement, row.decision)
        lines = days.setdefault(at.date(), {})
        if key not in lines:
            lines[key] = _line(row, names, places)
        else:
            lines[key].times += 1
            lines[key].first = row.at
        _add(lines[key], row, shown)
    return [LookDay(day, list(lines.values())) for day, lines in days.items()]


def _line(row: AccessEntry, names: dict[str, str], places: dict[str, str]) -> Look:
    words = vocabulary()
    role = words.roles.get(row.role)
    purpose = words.purposes.get(row.purpose)
    return Look(
        who=_("The computer system")
        if row.actor == SYSTEM
        else names.get(row.actor, _("Somebody who has left")),
        role=_(role.title) if role else "",
        place=places.get(row.organisation, ""),
        did=_did(row),
        why=_why(row.purpose),
        agreement=_agreement(row.agreement),
        first=row.at,
        last=row.at,
        loud=bool(purpose and purpose.loud),
    )


def _add(look: Look, row: AccessEntry, shown: Callable[[str], bool]) -> None:
    asked = row.action == BLOCKAGE  # what was asked for was refused before, and is no second refusal
    look.hidden |= _name([*row.permitted, *row.refused] if asked else row.permitted, look.items, shown)
    look.kept |= _name([] if asked else row.refused, look.refused, shown)
    look.allowed |= bool(row.permitted) and not asked
    if (look.hidden or look.kept) and not _told_to_families(row.agreement):
        look.agreement = ""


def _told_to_families(name: str) -> bool:
    """Whether an agreement is one by which a family itself sees something. Others are not named beside a part
    that is not named: the name alone (Operation Encompass) would tell of it."""
    found = next((each for each in door().agreements if each.name == name), None)
    return found is not None and any("family" in clause.organisations for clause in found.clauses)


def _name(items: Iterable[str], titles: list[str], shown: Callable[[str], bool]) -> bool:
    """Add the titles of those that the reader may see; whether any other was there."""
    other = False
    for item in items:
        kinds = _kinds(item)
        if kinds and not any(shown(each) for each in kinds):
            other = True
        elif (title := _title(item)) and title not in titles:
            titles.append(title)
    return other


def _kinds(item: str) -> tuple[str, ...]:
    known = vocabulary()
    return tuple(
        each for each in known.items if each == item or (item.endswith(".*") and each.startswith(item[:-1]))
    )


def _title(item: str) -> str:
    known = vocabulary().items
    if item in known:
        return _(known[item].title)
    kinds = _kinds(item)
    return _(known[kinds[0]].group) if kinds else ""


def _agreement(name: str) -> str:
    agreements = {each.name: each for each in door().agreements}
    if name not in agreements:
        return name
    return _("agreement %(number)s, %(title)s") % {
        "number": agreements[name].number,
        "title": _(agreements[name].title),
    }


def _did(row: AccessEntry) -> str:
    if row.action == BLOCKAGE and not row.refused:
        return _("answered or passed on a wish to see more")
    said = {
        "view": _("looked at"),
        "contribute": _("added to"),
        "share": _("shared"),
        "invite": _("invited somebody to"),
        "search": _("found the child by"),
        "export": _("took a copy of"),
        "release": _("was told of"),
        "break-glass": _("opened as an emergency"),
        "review": _("checked an emergency view"),
        BLOCKAGE: _("asked for more to be shared"),
    }
    return said.get(row.action, pgettext("what somebody did with a record", "used"))


def _why(purpose: str) -> str:
    said = {
        "direct-support": _("to help your child"),
        "safeguarding": _("to keep your child safe"),
        "family-access": _("because it is the family's own record"),
        "governance": _("to check how information is used"),
        "emergency": _("because of an emergency"),
    }
    return said.get(purpose, "")
