"""Finds who is signed in together with the roles that they hold: every page needs both, in one query."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from evi.care.accounts.models import Membership, User


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """The sign-in library's backend; the user comes with `roles_held`, the memberships that hold today."""

    def get_user(self, user_id: Any) -> User | None:
        """The user of a session, None if the account is closed."""
        held = list(Membership.objects.live().filter(user_id=user_id).select_related("organisation", "user"))
        if not held:
            return super().get_user(user_id)  # type: ignore[no-any-return]
        user = held[0].user
        for membership in held:
            membership.user = user
        user.roles_held = held
        return user if self.user_can_authenticate(user) else None
