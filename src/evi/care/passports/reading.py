"""The passport as one person may read it: section by section, what is closed and why, what is new to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.passports.contributions import PREFIX, order, said_in, standing_places
from evi.care.passports.models import Look, Passport, PassportVersion, Revision
from evi.care.passports.parts import Part, parts
from evi.sharing.vocabulary import vocabulary


@dataclass(frozen=True)
class Shown:
    """A section as the page shows it: what stands, and whether this person can add to it."""

    part: Part
    revisions: list[Revision]
    can_write: bool


@dataclass(frozen=True)
class Reading:
    """A passport (None: not begun) as one person may read it.

    `made_at`: when its newest version was made. `hidden`: closed sections by the sentence that says why.
    `seen`: the version that this person saw last (None: none).
    """

    passport: Passport | None
    made_at: datetime | None
    seen: int | None
    shown: list[Shown]
    hidden: Mapping[str, list[Part]]


def read(visit: Visit, child: Child) -> Reading:
    """The whole passport, decided section by section; what stands comes in one query."""
    allowed, hidden = _decided(visit, child)
    looks = Look.objects.filter(passport=OuterRef("passport"), user=visit.user).values("version")
    newest = PassportVersion.objects.filter(passport=OuterRef("passport")).order_by("-number")
    rows = list(
        standing_places(child, [part.key for part in allowed]).annotate(
            seen=Subquery(looks[:1]), made_at=Subquery(newest.values("made_at")[:1])
        )
    )
    by_section = _by_section(said for row in rows if (said := said_in(row)))
    shown = [
        Shown(part, by_section[part.key], visit.can(child, "contribute", PREFIX + part.key))
        for part in allowed
    ]
    if not rows:
        return Reading(Passport.objects.filter(child=child).first(), None, None, shown, hidden)
    return Reading(rows[0].passport, rows[0].made_at, rows[0].seen, shown, hidden)


def look(reading: Reading, visit: Visit) -> None:
    """Remember what this person has seen, if it is new."""
    if reading.passport is not None and reading.made_at and reading.seen != reading.passport.version:
        Look.objects.update_or_create(
            passport=reading.passport, user=visit.user, defaults={"version": reading.passport.version}
        )


def _decided(visit: Visit, child: Child) -> tuple[list[Part], dict[str, list[Part]]]:
    """The sections that may be seen; the others by the reason, which is said once for all."""
    allowed = []
    hidden: dict[str, list[Part]] = defaultdict(list)
    for part in parts().sections.values():
        decision = visit.may(child, "view", PREFIX + part.key)
        if decision.permitted:
            allowed.append(part)
        else:
            named = vocabulary().items[PREFIX + part.key].phrase
            reason = decision.sentence.replace(named, _("these parts of the passport"))
            hidden[reason].append(part)
    return allowed, dict(hidden)


def _by_section(rows: Iterable[Revision]) -> dict[str, list[Revision]]:
    found: dict[str, list[Revision]] = defaultdict(list)
    for row in sorted(rows, key=order):
        if row.text or row.pictures:
            found[row.section].append(row)
    return found
