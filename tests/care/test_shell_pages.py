"""Every page of sign-in and accounts: drawn, whole, in every language, with nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.test import Client
from django.urls import reverse

from evi.care.accounts import inviting
from tests.care.conftest import World

SIGNED_OUT = ["account_login", "account_reset_password", "account_reset_password_done", "account_signup"]
SIGNED_OUT += ["account_inactive", "account_reset_password_from_key_done", "socialaccount_login_cancelled"]
SIGNED_OUT += ["socialaccount_login_error"]
SIGNED_IN = ["accounts:account", "accounts:acting-as", "accounts:second-step", "account_logout"]
SIGNED_IN += ["account_reauthenticate", "mfa_index"]
ADMINISTRATOR = ["accounts:people", "accounts:invite"]
PASSWORD = "correct horse staple"
ADDRESSES = ("href", "src", "action", "content", "srcset", "poster", "data", "formaction")


class Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.names: list[tuple[str, str]] = []
        self.root: dict[str, str | None] = {}
        self.headings = 0
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [value or "" for name, value in attrs if name in ADDRESSES and tag != "meta"]
        self.inline += [f"{tag} {name}" for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag == "style" or (
            tag == "script" and "src" not in given and given.get("type") != "application/json"
        ):
            self.inline.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "html":
            self.root = given
        if tag == "label":
            self.labelled.add(str(given.get("for")))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self.controls.append(given)
        self.headings += tag == "h1"


def whole(text: str) -> Page:
    """A page that is one: its frame, one heading, no id twice, labels, nothing inline or from outside."""
    assert "</html>" in text
    assert 'id="maincontent"' in text
    page = Page(text)
    assert page.headings == 1
    assert len(page.ids) == len(set(page.ids))
    assert page.inline == []
    assert page.addresses
    for address in page.addresses:
        assert re.match(r"^(/(?!/)|#|\?|data:image/svg|$)", address), address
    for control in page.controls:
        assert control.get("id") in page.labelled or control.get("aria-label"), control
    return page


@pytest.mark.parametrize("name", SIGNED_OUT)
@pytest.mark.parametrize("language", ["en-gb", "ur"])
@pytest.mark.django_db
def test_pages_for_everyone(name: str, language: str) -> None:
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    response = client.get(reverse(name))
    assert response.status_code == (401 if name == "socialaccount_login_error" else 200)
    root = whole(response.content.decode()).root
    assert (root["lang"], root["dir"]) == (language, "rtl" if language == "ur" else "ltr")


@pytest.mark.parametrize("name", SIGNED_IN)
def test_pages_of_an_account(name: str, as_role: Callable[[str], Client]) -> None:
    client = as_role("senco")
    response = client.get(reverse(name))
    assert response.status_code == 200
    page = response.content.decode()
    whole(page)
    assert "Sana Mahmood" in page
    assert "Sign out" in page


@pytest.mark.parametrize("name", ADMINISTRATOR)
def test_pages_of_an_administrator(name: str, as_role: Callable[[str], Client]) -> None:
    response = as_role("administrator").get(reverse(name))
    assert response.status_code == 200
    whole(response.content.decode())


def test_pages_of_the_second_step_after_showing_that_it_is_you(world: World) -> None:
    client = signed_in(world)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    user = world.members["senco"].user
    for name in ("mfa_activate_totp", "mfa_add_webauthn", "account_change_password"):
        response = client.get(reverse(name))
        assert response.status_code == 200, name
        whole(response.content.decode())
    Authenticator.objects.create(
        user=user, type="totp", data={"secret": get_adapter().encrypt("JBSWY3DPEHPK3PXP")}
    )
    RecoveryCodes.activate(user)
    Authenticator.objects.create(user=user, type="webauthn", data={"name": "Work phone", "credential": {}})
    names = ["mfa_index", "mfa_deactivate_totp", "mfa_list_webauthn", "mfa_view_recovery_codes"]
    for name in [*names, "mfa_generate_recovery_codes", "mfa_reauthenticate"]:
        response = client.get(reverse(name))
        assert response.status_code == 200, name
        whole(response.content.decode())


def test_the_page_of_an_invitation(world: World, client: Client) -> None:
    _, token = inviting.invite(
        world.organisations["hill-school"],
        world.members["administrator"].user,
        {"email": "new@example.org", "role": "class-teacher"},
    )
    whole(client.get(reverse("accounts:join", args=[token])).content.decode())


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_the_sheet_and_the_script_are_there_in_each_direction(
    language: str, client: Client, db: None
) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    text = client.get(reverse("account_login")).content.decode()
    page = whole(text)
    sheets = [address for address in page.addresses if address.endswith(".css")]
    assert len(sheets) == 1
    assert (".rtl." in sheets[0]) == (language == "ur")
    for address in [*sheets, *(each for each in page.addresses if each.endswith((".js", ".svg")))]:
        served = client.get(address)
        assert served.status_code == 200, address
        assert "immutable" in served["Cache-Control"]
        b"".join(served.streaming_content)


def test_errors_have_pages(world: World, client: Client) -> None:
    missing = client.get("/no-such-page/")
    assert missing.status_code == 404
    whole(missing.content.decode())
    strict = Client(enforce_csrf_checks=True)
    forged = strict.post(reverse("account_login"), {"login": "a@example.org", "password": "x"})
    assert forged.status_code == 403
    assert "not sent" in whole_text(forged.content.decode())
    wrong_host = client.get("/", headers={"host": "elsewhere.example"})
    assert wrong_host.status_code == 400
    whole(wrong_host.content.decode())


def test_a_broken_database_still_gets_a_page() -> None:
    from django.test import RequestFactory

    from evi.care.errors import server_error

    response = server_error(RequestFactory().get("/"))
    assert response.status_code == 500
    assert "999" in whole_text(response.content.decode())


def whole_text(text: str) -> str:
    whole(text)
    return text


def signed_in(world: World, key: str = "senco", password: str = PASSWORD) -> Client:
    """A client that signed in with a password, as a person does."""
    user = world.members[key].user
    user.set_password(password)
    user.save()
    client = Client()
    response = client.post(reverse("account_login"), {"login": user.email, "password": password})
    assert response.status_code == 302, response.content.decode()[-3000:]
    return client


def test_the_places_are_those_that_the_role_may_open(as_role: Callable[[str], Client]) -> None:
    expected = {
        "administrator": {"People"},
        "senco": set(),
        "parent": set(),
        "data-guardian": {"Access", "Blockages", "Emergency views"},
    }
    for key, more in expected.items():
        client = as_role(key)
        found = re.findall(
            r'navigation-link"\s+href="([^"]+)".*?>\s*(?:<strong[^>]*>)?([^<]+)<',
            client.get("/").content.decode(),
        )
        assert {text for _, text in found} == {"My work", "Children", "Search"} | more, key
        for address, text in found:
            assert client.get(address).status_code == 200, (key, text)
