"""Tokens: how a program of an organisation is let in, as what it acts, and how often it may call."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import date, timedelta

from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from evi.care.accounts.models import Membership, Organisation, User
from evi.care.door.visit import Visit
from evi.care.exchange.models import Token
from evi.care.publicid import new_public_id
from evi.sharing.vocabulary import FAMILY, vocabulary
from evi.workspace import EviError

START = "evi_"
"""How every token begins, so that a leaked one is recognised by those who scan for them."""
LONGEST = timedelta(days=366)
SHOWN = 8


def roles_for(organisation: Organisation) -> list[tuple[str, str]]:
    """Roles that a program of this organisation can act as, with their titles."""
    words = vocabulary()
    return [
        (role.key, role.title)
        for role in words.roles.values()
        if organisation.kind in role.kinds and organisation.kind != FAMILY
    ]


def make_token(
    visit: Visit, name: str, role: str, expires_on: date, per_minute: int = 120
) -> tuple[Token, str]:
    """A token of the visitor's organisation, with a service account that acts as `role`.

    Returns:
        the token, and its secret: shown now and never again.

    Raises:
        Refused: the visitor's role does not run the organisation.
        EviError: the organisation has no such role, or the token would last too long or no time at all.
    """
    visit.check_duty("manage-organisation")
    organisation = visit.membership.organisation
    if role not in dict(roles_for(organisation)):
        raise EviError(_("this organisation has no such role."), where="role", exit_code=2)
    if not timezone.localdate() < expires_on <= timezone.localdate() + LONGEST:
        raise EviError(_("a token lasts at least a day and at most a year."), where="expires_on", exit_code=2)
    secret = START + secrets.token_urlsafe(32)
    account = User.objects.create_user(f"token-{new_public_id()}@service.invalid", name=name)
    membership = Membership.objects.create(
        user=account, organisation=organisation, role=role, title=_("Program"), until=expires_on
    )
    token = Token.objects.create(
        name=name,
        organisation=organisation,
        membership=membership,
        prefix=secret[: len(START) + SHOWN - 2],
        digest=digest(secret),
        made_by=visit.membership,
        expires_on=expires_on,
        per_minute=per_minute,
    )
    visit.record("invite", note="a token was made")
    return token, secret


def end_token(visit: Visit, public_id: str) -> None:
    """End a token of the visitor's organisation, at once.

    Raises:
        Refused: the visitor's role does not run the organisation.
        EviError: the organisation has no such token, or it has ended.
    """
    visit.check_duty("manage-organisation")
    now = timezone.now()
    mine = Token.objects.filter(
        public_id=public_id, organisation=visit.membership.organisation, ended_at=None
    )
    if not mine.update(ended_at=now, ended_by=visit.membership):
        raise EviError(_("there is no such token, or it has ended."), exit_code=2)
    ended = Token.objects.select_related("membership").get(public_id=public_id)
    Membership.objects.filter(pk=ended.membership_id).update(until=timezone.localdate())
    User.objects.filter(pk=ended.membership.user_id).update(is_active=False)
    visit.record("invite", note="a token was ended")


def digest(secret: str) -> str:
    """What is kept of a token: it has 256 random bits, so one round of SHA-256 can't be guessed backwards."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_of(secret: str) -> Token | None:
    """The live token with this secret."""
    found = (
        Token.objects.select_related("membership__user", "membership__organisation")
        .prefetch_related("membership__teams")
        .filter(digest=digest(secret))
        .first()
    )
    if found is None or not found.live or not found.membership.user.is_active:
        return None
    return found


def count_call(token: Token) -> float:
    """Count a call; gives the seconds to wait if there were too many in this minute, else 0.

    The count is in the database, so that it holds for all processes together, and is one statement.
    """
    now = time.time()
    minute = int(now // 60)
    Token.objects.filter(pk=token.pk).update(
        used=Case(When(minute=minute, then=F("used") + 1), default=Value(1)),
        minute=minute,
        last_used_at=timezone.now(),
    )
    used = Token.objects.values_list("used", flat=True).get(pk=token.pk)
    token.used = used
    return 60 - now % 60 if used > token.per_minute else 0
