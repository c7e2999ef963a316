"""Signing in: who gets in, who is stopped, and what a session is worth."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse

from evi.care.accounts import outside, sessions
from evi.care.accounts.models import User
from evi.workspace import EviError
from tests.care.conftest import World
from tests.care.test_shell_pages import signed_in

PASSWORD = "correct horse staple"


@pytest.fixture(autouse=True)
def _no_counts_left() -> None:
    cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """The clock of sessions, that a test moves on."""
    now = [1_800_000_000]
    monkeypatch.setattr(sessions, "now", lambda: now[0])

    def later(seconds: int) -> None:
        now[0] += seconds

    return later


def try_password(client: Client, email: str, password: str, **more: Any) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password, **more})


def is_in(client: Client) -> bool:
    response = client.get(reverse("accounts:account"))
    assert response.status_code in (200, 302)
    return response.status_code == 200


def test_a_right_password_opens_and_a_wrong_one_says_no_more_than_that(world: World) -> None:
    client = signed_in(world)
    assert is_in(client)
    other = Client()
    wrong = try_password(other, world.members["senco"].user.email, "wrong password here")
    nobody = try_password(other, "nobody@example.org", "wrong password here")
    said = [
        re.findall(r"error-summary__list.*?</ul>", each.content.decode(), re.S) for each in (wrong, nobody)
    ]
    assert said[0] == said[1] != []
    assert not is_in(other)


def test_guessing_is_stopped_for_that_name_and_place_only(world: World) -> None:
    user = world.members["senco"].user
    signed_in(world)
    client = Client()
    for guess in range(settings.AXES_FAILURE_LIMIT):
        last = try_password(client, user.email.upper() if guess % 2 else user.email, f"guess number {guess}")
    assert last.status_code == 429
    assert "15 minutes" in last.content.decode()
    assert try_password(client, user.email, PASSWORD).status_code == 429
    assert not is_in(client)
    elsewhere = Client(REMOTE_ADDR="10.1.1.1")
    assert try_password(elsewhere, user.email, PASSWORD).status_code == 302
    assert is_in(elsewhere)


def test_a_name_is_guarded_against_guesses_from_many_places(world: World) -> None:
    user = world.members["senco"].user
    signed_in(world)
    for guess in range(10):
        try_password(Client(REMOTE_ADDR=f"10.2.0.{guess}"), user.email, f"guess number {guess}")
    late = Client(REMOTE_ADDR="10.2.0.99")
    try_password(late, user.email, PASSWORD)
    assert not is_in(late)


def test_nobody_makes_an_account_for_themselves(db: None, client: Client) -> None:
    page = client.post(reverse("account_signup"), {"email": "me@example.org", "password1": PASSWORD})
    assert "by invitation" in page.content.decode()
    assert not User.objects.filter(email="me@example.org").exists()


def test_a_closed_account_stays_out(world: World) -> None:
    client = signed_in(world)
    User.objects.filter(pk=world.members["senco"].user.pk).update(is_active=False)
    assert not is_in(client)
    again = Client()
    try_password(again, world.members["senco"].user.email, PASSWORD)
    assert not is_in(again)


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", r"/\elsewhere.example", "javascript:1"]
)
def test_signing_in_leads_nowhere_else(world: World, target: str) -> None:
    user = world.members["senco"].user
    user.set_password(PASSWORD)
    user.save()
    response = try_password(Client(), user.email, PASSWORD, next=target)
    assert response.status_code == 302
    assert response["Location"] == "/"


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/account/"])
def test_changing_the_language_leads_nowhere_else(world: World, client: Client, target: str) -> None:
    response = client.post(reverse("accounts:language"), {"language": "pl", "next": target})
    assert response.status_code == 302
    assert response["Location"] == (target if target == "/account/" else "/")


def test_a_session_is_new_after_signing_in(world: World) -> None:
    user = world.members["senco"].user
    user.set_password(PASSWORD)
    user.save()
    client = Client()
    planted = client.session
    planted["membership"] = 999
    planted.save()
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    try_password(client, user.email, PASSWORD)
    assert is_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_in(stolen)


def test_signing_out_ends_the_session_and_only_a_form_does_it(world: World) -> None:
    client = signed_in(world)
    kept = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.get(reverse("account_logout"))
    assert is_in(client)
    client.post(reverse("account_logout"))
    assert not is_in(client)
    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = kept
    assert not is_in(stolen)


def test_a_session_ends_when_idle_and_when_old(world: World, clock: Callable[[int], None]) -> None:
    client = signed_in(world)
    assert is_in(client)
    clock(settings.EVI_IDLE_SECONDS - 60)
    assert is_in(client)
    clock(settings.EVI_IDLE_SECONDS + 61)
    response = client.get(reverse("accounts:account"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
    assert "signed out" in client.get(response["Location"]).content.decode()

    busy = signed_in(world)
    for _ in range(settings.SESSION_COOKIE_AGE // 1500):
        assert is_in(busy)
        clock(1500)
    clock(1500)
    assert not is_in(busy)


def test_cookies_are_shut(world: World) -> None:
    client = signed_in(world)
    client.post(reverse("accounts:language"), {"language": "ur"})
    assert {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME} <= set(
        client.cookies
    )
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME):
        assert client.cookies[name]["httponly"], name
        assert client.cookies[name]["samesite"] == "Lax", name
    assert not client.cookies[settings.SESSION_COOKIE_NAME]["max-age"], "it ends with the browser"


def test_a_changed_password_ends_every_other_session(world: World) -> None:
    thief, owner = signed_in(world), signed_in(world)
    owner.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "another three words", "password2": "another three words"},
    )
    assert not is_in(thief)
    assert not is_in(owner)
    assert try_password(owner, world.members["senco"].user.email, "another three words").status_code == 302


@pytest.mark.parametrize("password", ["short", "password1234", "sana mahmood", "senco@example.org"])
def test_weak_passwords_are_refused(world: World, password: str) -> None:
    client = signed_in(world)
    response = client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": password, "password2": password},
    )
    assert response.status_code == 200
    assert "nhsuk-error-summary" in response.content.decode()


def test_a_forgotten_password_works_once_and_tells_nobody_who_is_here(
    world: World, mailoutbox: list[Any]
) -> None:
    client = Client()
    user = world.members["senco"].user
    answers = [
        client.post(reverse("account_reset_password"), {"email": email})
        for email in (user.email, "x@example.org")
    ]
    assert [answer["Location"] for answer in answers] == [reverse("account_reset_password_done")] * 2
    link = next(
        re.search(r"https?://testserver(/\S+)", mail.body) for mail in mailoutbox if user.email in mail.to
    )
    assert link is not None
    page = client.get(link.group(1), follow=True)
    form = {"password1": "another three words", "password2": "another three words"}
    assert client.post(page.request["PATH_INFO"], form).status_code == 302
    assert try_password(Client(), user.email, "another three words").status_code == 302
    assert "does not work" in Client().get(link.group(1), follow=True).content.decode()


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def test_a_second_step_is_set_up_and_asked_for(world: World) -> None:
    client = signed_in(world)
    user = world.members["senco"].user
    asked = client.get(reverse("mfa_activate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate")), "show first that it is you"
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    found = re.search(r'evi-code" dir="ltr">([A-Z2-7]+)<', page)
    assert found is not None
    done = client.post(reverse("mfa_activate_totp"), {"code": code_of(found.group(1))})
    assert done.status_code == 302
    assert Authenticator.objects.filter(user=user, type="totp").exists()
    codes = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    recovery = re.findall(r"<li>(\d{8})</li>", codes)
    assert len(recovery) == 10

    cache.clear()
    again = Client()
    step = try_password(again, user.email, PASSWORD)
    assert step["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_in(again)
    assert again.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    assert not is_in(again)
    again.post(reverse("mfa_authenticate"), {"code": recovery[0]})
    assert is_in(again)

    third = Client()
    try_password(third, user.email, PASSWORD)
    third.post(reverse("mfa_authenticate"), {"code": recovery[0]})
    assert not is_in(third), "a recovery code works once"


@override_settings(EVI_SECOND_STEP=True)
def test_practitioners_must_set_up_a_second_step_and_families_may(
    as_role: Callable[[str], Client], world: World
) -> None:
    people = reverse("accounts:people")
    administrator = as_role("administrator")
    assert administrator.get(people)["Location"] == reverse("accounts:second-step")
    assert administrator.get(reverse("accounts:second-step")).status_code == 200
    Authenticator.objects.create(user=world.members["administrator"].user, type="totp", data={})
    assert administrator.get(people).status_code == 200
    assert as_role("parent").get("/").status_code == 200


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"EVI_CARE_OIDC": "cis2"}, "EVI_CARE_OIDC_CIS2_SERVER"),
        (
            {"EVI_CARE_OIDC": "cis2", "EVI_CARE_OIDC_CIS2_SERVER": "https://id.example"},
            "EVI_CARE_OIDC_CIS2_CLIENT",
        ),
        ({"EVI_CARE_OIDC": "a b"}, "EVI_CARE_OIDC"),
    ],
)
def test_a_half_described_service_is_refused(
    given: dict[str, str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EviError) as refused:
        outside.providers()
    assert refused.value.where == where


def test_another_service_is_offered_where_it_is_described(
    monkeypatch: pytest.MonkeyPatch, db: None, client: Client
) -> None:
    assert outside.providers() == {}
    monkeypatch.setenv("EVI_CARE_OIDC", "cis2")
    for key, value in {"SERVER": "https://id.example/x", "CLIENT": "c", "SECRET": "tell nobody"}.items():
        monkeypatch.setenv(f"EVI_CARE_OIDC_CIS2_{key}", value)
    assert outside.origins() == ["https://id.example"]
    with override_settings(SOCIALACCOUNT_PROVIDERS=outside.providers()):
        page = client.get(reverse("account_login")).content.decode()
    assert "NHS Care Identity (CIS2)" in page
    assert "tell nobody" not in page
