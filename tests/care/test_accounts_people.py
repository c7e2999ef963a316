"""Invitations and roles: links that work once, one's own organisation only, all of it written down."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from evi.care.accounts import inviting
from evi.care.accounts.models import Invitation, Membership, User
from evi.care.door.middleware import ACTING_AS
from evi.care.door.models import AccessEntry
from tests.care.conftest import World
from tests.care.test_shell_pages import PASSWORD, signed_in

JOIN = {"name": "New Person", "password": "three odd words", "again": "three odd words"}


def invited(
    world: World, email: str = "new@example.org", role: str = "class-teacher"
) -> tuple[Invitation, str]:
    made, token = inviting.invite(
        world.organisations["hill-school"],
        world.members["administrator"].user,
        {"email": email, "role": role, "teams": [world.teams["1A"]]},
    )
    return made, reverse("accounts:join", args=[token])


def notes() -> list[str]:
    return list(AccessEntry.objects.filter(action="manage").order_by("pk").values_list("note", flat=True))


def test_an_administrator_invites_and_the_person_joins(
    as_role: Callable[[str], Client], world: World
) -> None:
    page = as_role("administrator").post(
        reverse("accounts:invite"),
        {
            "email": "New@Example.org",
            "role": "class-teacher",
            "teams": [world.teams["1B"].pk],
            "title": "Year 1",
        },
    )
    link = re.search(r"http://testserver(/join/[\w-]+/)", page.content.decode())
    assert link is not None
    client = Client()
    assert "Hill Primary School" in client.get(link.group(1)).content.decode()
    assert client.post(link.group(1), JOIN)["Location"] == reverse("account_login")
    user = User.objects.get(email="new@example.org")
    held = Membership.objects.get(user=user)
    assert (held.role, held.title, held.organisation.code) == ("class-teacher", "Year 1", "hill-school")
    assert [team.name for team in held.teams.all()] == ["1B"]
    assert (
        Client()
        .post(reverse("account_login"), {"login": user.email, "password": JOIN["password"]})
        .status_code
        == 302
    )
    assert [re.sub(r"invitation \w+", "invitation", note) for note in notes()] == [
        "invitation made, role class-teacher",
        "invitation taken up, role class-teacher",
    ]
    assert not any("example.org" in note or "Person" in note for note in notes())


def test_a_link_works_once(world: World) -> None:
    _, link = invited(world)
    assert Client().post(link, JOIN).status_code == 302
    late = Client().post(link, {**JOIN, "name": "Somebody Else"})
    assert late.status_code == 410
    assert Client().get(link).status_code == 410
    assert User.objects.filter(email="new@example.org").count() == 1


def test_a_link_ends_by_time_by_hand_and_by_a_newer_one(
    as_role: Callable[[str], Client], world: World
) -> None:
    made, link = invited(world)
    Invitation.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(link).status_code == 410

    made, link = invited(world)
    withdraw = reverse("accounts:withdraw", args=[made.public_id])
    assert as_role("administrator").post(withdraw).status_code == 302
    assert Client().post(link, JOIN).status_code == 410

    _, older = invited(world)
    _, newer = invited(world)
    assert Client().get(older).status_code == 410
    assert Client().get(newer).status_code == 200
    assert Client().get(reverse("accounts:join", args=["guessed"])).status_code == 410


def test_the_database_does_not_hold_a_link(world: World) -> None:
    made, link = invited(world)
    token = link.split("/")[2]
    assert token not in str(Invitation.objects.filter(pk=made.pk).values())
    assert len(token) >= 43, "256 bits"


def test_a_bad_password_does_not_use_the_link_up(world: World) -> None:
    _, link = invited(world)
    for wrong in ({"password": "short", "again": "short"}, {"again": "something else!"}, {"name": ""}):
        assert Client().post(link, {**JOIN, **wrong}).status_code == 422
    assert not User.objects.filter(email="new@example.org").exists()
    assert Client().post(link, JOIN).status_code == 302


def test_an_invitation_to_somebody_with_an_account_is_theirs_alone(world: World) -> None:
    owner = world.members["other-senco"].user
    _, link = invited(world, owner.email, "senco")
    assert "Sign in" in Client().get(link).content.decode()
    assert Client().post(link, JOIN).status_code == 200
    assert signed_in(world, "senco").post(link).status_code == 409
    assert User.objects.get(pk=owner.pk).name == owner.name, "a link never changes somebody's account"
    client = signed_in(world, "other-senco")
    assert client.get(link).status_code == 200
    assert client.post(link)["Location"] == reverse("accounts:acting-as")
    assert Membership.objects.filter(user=owner).count() == 2


def test_who_is_signed_in_as_another_is_told(as_role: Callable[[str], Client], world: World) -> None:
    _, link = invited(world)
    assert as_role("senco").get(link).status_code == 409


@override_settings(EVI_MAIL=True)
def test_a_letter_goes_out_where_there_is_a_mail_server(
    as_role: Callable[[str], Client], world: World, mailoutbox: list[Any]
) -> None:
    page = as_role("administrator").post(
        reverse("accounts:invite"), {"email": "new@example.org", "role": "senco"}
    )
    assert page.status_code == 302, "the link is in the letter and nowhere else"
    assert mailoutbox[0].to == ["new@example.org"]
    link = re.search(r"http://testserver(/join/[\w-]+/)", mailoutbox[0].body)
    assert link is not None
    assert Client().get(link.group(1)).status_code == 200


@pytest.mark.parametrize("role", ["police-officer", "parent", "partnership-manager", "no-such-role", ""])
def test_only_roles_of_the_own_kind_of_organisation_are_given(
    role: str, as_role: Callable[[str], Client], world: World
) -> None:
    page = as_role("administrator").post(
        reverse("accounts:invite"), {"email": "new@example.org", "role": role}
    )
    assert page.status_code == 422
    assert not Invitation.objects.exists()


def test_teams_of_another_organisation_are_not_given(as_role: Callable[[str], Client], world: World) -> None:
    theirs = world.organisations["lake-school"].teams.create(name="2C")
    form = {"email": "new@example.org", "role": "senco", "teams": [theirs.pk]}
    assert as_role("administrator").post(reverse("accounts:invite"), form).status_code == 422


def test_people_of_another_organisation_are_not_there(as_role: Callable[[str], Client], world: World) -> None:
    client = as_role("administrator")
    them = world.members["other-senco"].user
    assert them.name not in client.get(reverse("accounts:people")).content.decode()
    address = reverse("accounts:person", args=[them.public_id])
    assert client.get(address).status_code == 404
    assert client.post(address, {"end": world.members["other-senco"].pk}).status_code == 404
    mine = reverse("accounts:person", args=[world.members["senco"].user.public_id])
    assert client.post(mine, {"end": world.members["other-senco"].pk}).status_code == 404
    assert Membership.objects.live().filter(user=them).exists()


def test_a_role_that_ends_ends_at_once(as_role: Callable[[str], Client], world: World) -> None:
    senco = as_role("senco")
    assert senco.get("/").status_code == 200
    member = world.members["senco"]
    address = reverse("accounts:person", args=[member.user.public_id])
    assert as_role("administrator").post(address, {"end": member.pk}).status_code == 302
    assert senco.get("/")["Location"].startswith(reverse("account_login")), "and its sessions with it"
    again = as_role("senco")
    assert "no role" in again.get(reverse("accounts:acting-as")).content.decode()
    assert notes() == [f"role senco of {member.user.public_id} ended"]


def test_the_last_administrator_stays(as_role: Callable[[str], Client], world: World) -> None:
    member = world.members["administrator"]
    client = as_role("administrator")
    address = reverse("accounts:person", args=[member.user.public_id])
    page = client.post(address, {"end": member.pk}, follow=True)
    assert "last administrator" in page.content.decode()
    assert Membership.objects.live().filter(pk=member.pk).exists()
    inviting.give(world.members["senco"].user, member.organisation, role="administrator")
    client.post(address, {"end": member.pk})
    assert not Membership.objects.live().filter(pk=member.pk).exists()


def test_a_role_is_changed_and_another_given(as_role: Callable[[str], Client], world: World) -> None:
    client = as_role("administrator")
    user = world.members["senco"].user
    address = reverse("accounts:person", args=[user.public_id])
    client.post(
        address, {"save": "1", "role": "senco", "title": "Inclusion lead", "teams": [world.teams["1A"].pk]}
    )
    client.post(address, {"save": "1", "role": "head-teacher", "leads_team": "on"})
    held = {each.role: each for each in Membership.objects.live().filter(user=user)}
    assert {role: each.title for role, each in held.items()} == {
        "senco": "Inclusion lead",
        "head-teacher": "",
    }
    assert [team.name for team in held["senco"].teams.all()] == ["1A"]
    assert len(notes()) == 2


def test_teams_are_added_once(as_role: Callable[[str], Client], world: World) -> None:
    client = as_role("administrator")
    client.post(reverse("accounts:teams"), {"name": "  2A "})
    page = client.post(reverse("accounts:teams"), {"name": "2a"}, follow=True)
    assert "already a team" in page.content.decode()
    assert world.organisations["hill-school"].teams.filter(name__iexact="2a").count() == 1


def test_the_role_worked_in_is_ones_own(world: World) -> None:
    user = world.members["senco"].user
    second = inviting.give(user, world.organisations["lake-school"], role="senco")
    client = signed_in(world)
    assert client.get("/")["Location"] == reverse("accounts:acting-as")
    foreign = client.post(reverse("accounts:acting-as"), {"role": world.members["social-worker"].pk})
    assert foreign.status_code == 422
    assert client.session.get(ACTING_AS) is None
    client.post(reverse("accounts:acting-as"), {"role": second.pk})
    assert client.session[ACTING_AS] == second.pk
    assert "Lake Academy" in client.get("/").content.decode()
    Membership.objects.filter(pk=second.pk).update(until=timezone.localdate())
    assert "Hill Primary School" in client.get("/").content.decode()


def test_the_language_is_kept_with_the_person(world: World) -> None:
    client = signed_in(world)
    client.post(reverse("accounts:language"), {"language": "ur"})
    assert User.objects.get(pk=world.members["senco"].user.pk).language == "ur"
    elsewhere = Client(headers={"accept-language": "pl"})
    elsewhere.post(
        reverse("account_login"), {"login": world.members["senco"].user.email, "password": PASSWORD}
    )
    assert 'lang="ur" dir="rtl"' in elsewhere.get(reverse("accounts:account")).content.decode()
    client.post(reverse("accounts:language"), {"language": "xx"})
    assert User.objects.get(pk=world.members["senco"].user.pk).language == "ur"


def test_two_presses_at_once_make_one_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made, link = invited(world)
    monkeypatch.setattr(inviting, "find", lambda token: made)  # both read it while it was open
    answers = [Client().post(link, {**JOIN, "name": name}).status_code for name in ("First", "Second")]
    assert answers[0] == 302
    assert User.objects.get(email="new@example.org").name == "First"
    other, _ = inviting.invite(
        made.organisation, made.made_by, {"email": "third@example.org", "role": "class-teacher"}
    )
    monkeypatch.setattr(inviting, "find", lambda token: other)
    Invitation.objects.filter(pk=other.pk).update(closed_at=timezone.now())
    assert Client().post(link, JOIN).status_code == 410
    assert not User.objects.filter(email="third@example.org").exists(), (
        "an account without its role is undone"
    )
