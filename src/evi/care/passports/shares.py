"""Letting a named person or a team see some parts of a child's record until a day, and ending that."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership, Organisation, Team
from evi.care.children.models import Child, Tie
from evi.care.door.visit import Refused, Visit
from evi.care.passports.contributions import PREFIX, sections
from evi.care.passports.models import Share
from evi.workspace import EviError

SHARED_WITH = "shared-with"
LONGEST_DAYS = 366
"""A share ends itself after a year at the latest; it can be made again."""

OTHER_ITEMS = ("profile", "plan")
"""What can be shared besides the sections."""


def shareable(visit: Visit, child: Child) -> list[str]:
    """The items that this person may both see and share. Nothing is read, so nothing goes into the ledger."""
    kinds = [PREFIX + each for each in sections()] + list(OTHER_ITEMS)
    return [each for each in kinds if visit.can(child, "view", each) and visit.can(child, "share", each)]


def recipient(organisation: Organisation, email: str, day: date) -> Membership:
    """The person with this address who works there on `day`.

    Raises:
        EviError: there is nobody.
    """
    found = (
        Membership.objects.live(day)
        .filter(organisation=organisation, user__email=email.strip().lower(), user__is_active=True)
        .select_related("user", "organisation")
        .first()
    )
    if found is None:
        raise EviError(
            _("nobody with this address signs in here for that organisation."),
            where="email",
            do=_("Check the address with them, or choose a team."),
            exit_code=2,
        )
    return found


def share(
    visit: Visit,
    child: Child,
    items: Iterable[str],
    last_day: date,
    *,
    to: Membership | None = None,
    team: Team | None = None,
    why: str = "",
) -> Share:
    """Let one person, or a team, see these items up to and on `last_day`.

    Raises:
        Refused: the visit may not view and share one of them.
        EviError: nobody or two are named, no item, a day that has passed or is more than a year off, or the
            person shares with themself.
    """
    wanted = list(dict.fromkeys(items))
    _check_share(visit, wanted, last_day, to, team)
    allowed = shareable_items(visit, child, wanted)
    organisation = to.organisation if to else team.organisation  # type: ignore[union-attr]
    with visit.writing(child, "share", allowed[0], note=f"until {last_day.isoformat()}"):
        tie = Tie.objects.create(
            child=child,
            organisation=organisation,
            team=team,
            user=to.user if to else None,
            kind=SHARED_WITH,
            items=allowed,
            since=visit.day,
            until=last_day + timedelta(days=1),
            why=why[:200],
        )
        return Share.objects.create(
            child=child,
            tie=tie,
            shared_by=visit.user,
            shared_by_name=visit.user.name,
            shared_by_role=visit.membership.role,
            organisation=visit.membership.organisation,
        )


def shareable_items(visit: Visit, child: Child, wanted: list[str]) -> list[str]:
    """These items, each of which may be seen and shared.

    Raises:
        Refused: one may not.
    """
    for item in wanted:
        visit.check(child, "view", item)
        visit.check(child, "share", item)
    return wanted


def shares_of(child: Child) -> QuerySet[Share]:
    """Every share of a child, those that have ended too, newest first."""
    return Share.objects.filter(child=child).select_related(
        "tie", "tie__organisation", "tie__team", "tie__user", "organisation"
    )


def may_end(visit: Visit, share: Share) -> bool:
    """Whether this person may end a share: who made it, and whoever may share any of the same."""
    if share.shared_by_id == visit.user.pk:
        return True
    return any(visit.can(share.child, "share", item) for item in share.tie.items)


def end(visit: Visit, child: Child, public_id: str) -> Share:
    """End a share now. What was seen stays in the ledger.

    Raises:
        Refused: this person may not. EviError: there is no such share of this child.
    """
    found = shares_of(child).filter(public_id=public_id).first()
    if found is None:
        raise EviError(_("there is no such share."), where="share", exit_code=2)
    item = next((each for each in found.tie.items if visit.can(child, "share", each)), "")
    if not item:
        wanted = found.tie.items[0]
        raise Refused(visit.may(child, "share", wanted), "share", wanted, child)
    with visit.writing(child, "share", item, note="share ended"):
        end_tie(found.tie, visit.day)
        if found.ended_at is None:
            found.ended_at, found.ended_by_name = timezone.now(), visit.user.name
            found.save(update_fields=["ended_at", "ended_by_name"])
    return found


def end_tie(tie: Tie, day: date) -> None:
    """Let a tie hold no longer from `day` on."""
    if tie.until is None or tie.until > day:
        tie.until = max(day, tie.since)
        tie.save(update_fields=["until"])


def _check_share(
    visit: Visit, wanted: list[str], last_day: date, to: Membership | None, team: Team | None
) -> None:
    if (to is None) == (team is None):
        raise EviError(_("name one person, or one team."), where="email", exit_code=2)
    if to is not None and to.user_id == visit.user.pk:
        raise EviError(_("this is you."), where="email", exit_code=2)
    if not wanted:
        raise EviError(_("choose what to share."), where="items", exit_code=2)
    if last_day < visit.day:
        raise EviError(_("this day has passed."), where="last_day", exit_code=2)
    if last_day > visit.day + timedelta(days=LONGEST_DAYS):
        raise EviError(_("a share lasts a year at most."), where="last_day", exit_code=2)
