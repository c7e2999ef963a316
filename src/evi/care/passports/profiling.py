"""The strengths profile of a child: who answered, what stands, and the answers of the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from evi.care.children.models import Child
from evi.care.door.visit import Visit
from evi.care.passports.contributions import checked_text, voice_of
from evi.care.passports.instruments import Instrument, Strategy, instrument_for, instruments, suggested
from evi.care.passports.models import CHILD, PARENT, PRACTITIONER, ProfileView
from evi.care.passports.scoring import Line, checked_answers, side_by_side
from evi.workspace import EviError

TEACHER = "teacher"
VIEW_OF = {PRACTITIONER: TEACHER, PARENT: PARENT, CHILD: CHILD}
"""The view that each voice gives: every practitioner who knows the child answers in the teacher's words."""

MOST_STRATEGIES = 3
"""Suggestions for one domain; a longer list is not tried."""


@dataclass(frozen=True)
class Profile:
    """What is known: the newest answers of each view, the domains side by side, and what to try.

    `views` has one row for each view that was given (the newest of it); `earlier` counts the older ones.
    """

    instrument: Instrument
    views: Mapping[str, ProfileView]
    lines: list[Line]
    suggestions: Mapping[str, list[Strategy]]
    earlier: int

    @property
    def strengths(self) -> list[Line]:
        """Domains that every view that is known calls a strength."""
        best = self.instrument.bands[0].key
        return [line for line in self.lines if line.lowest and line.lowest.key == best]


def profile(visit: Visit, child: Child) -> Profile | None:
    """The child's profile; None where no instrument is for this age and nobody has answered one.

    Raises:
        Refused: the visit may not view it.
    """
    visit.check(child, "view", "profile")
    return profile_of(child, child.age(visit.day))


def profile_of(child: Child, age: int | None) -> Profile | None:
    """`profile`, for a child of whom it was decided already."""
    rows = list(ProfileView.objects.filter(child=child).select_related("organisation"))
    instrument = instrument_for(age)
    if instrument is None and rows:
        instrument = instruments().get(rows[-1].instrument)
    if instrument is None:
        return None
    mine = [
        row
        for row in rows
        if (row.instrument, row.instrument_version) == (instrument.key, instrument.version)
    ]
    views = {view: row for view in instrument.views for row in mine if row.view == view}
    lines = side_by_side(instrument, {view: row.answers for view, row in views.items()})
    found = {
        line.domain.key: suggested(line.domain.key, line.lowest.key, age)[:MOST_STRATEGIES]
        for line in lines
        if line.lowest is not None
    }
    return Profile(instrument, views, lines, found, len(rows) - len(views))


def answer(
    visit: Visit,
    child: Child,
    view: str,
    answers: Mapping[str, object],
    *,
    instrument: str = "",
    note: str = "",
    taken_down: bool = False,
) -> ProfileView:
    """Keep one person's answers; earlier ones stay.

    Raises:
        Refused: the visit may not add to the profile.
        EviError: no instrument for this age, a view that is not theirs, or answers that don't belong to it.
    """
    asked = instruments().get(instrument) if instrument else instrument_for(child.age(visit.day))
    if asked is None:
        raise EviError(_("there is no profile for this age."), where="instrument", exit_code=2)
    own = VIEW_OF[voice_of(visit)]
    if view not in asked.views or (view != own and (view == TEACHER or not taken_down)):
        raise EviError(_("you can't answer as somebody else."), where="view", exit_code=2)
    kept = checked_answers(asked, answers)
    if not kept:
        raise EviError(_("answer at least one question."), where="answers", exit_code=2)
    with visit.writing(child, "contribute", "profile", note=f"answers to profile {asked.key}, view {view}"):
        return ProfileView.objects.create(
            child=child,
            instrument=asked.key,
            instrument_version=asked.version,
            view=view,
            answers=kept,
            note=checked_text(note),
            author=visit.user,
            author_name=visit.user.name,
            author_role=visit.membership.role,
            organisation=visit.membership.organisation,
            taken_down=taken_down and view != own,
        )
