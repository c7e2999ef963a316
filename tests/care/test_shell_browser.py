"""The shell in a real browser: axe finds nothing, nothing is too wide, a passkey works, Urdu is mirrored."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from evi.care.assets_build import build_assets
from tests.care.test_shell_pages import PASSWORD

pytestmark = pytest.mark.browser

SET_UP = f"""
import django; django.setup()
from datetime import date
from django.core.management import call_command
from evi.care.accounts.models import Membership, Organisation, Team, User
from evi.care.door.rules import install_examples
call_command("migrate", verbosity=0)
install_examples()
place = Organisation.objects.create(code="hill-school", name="Hill Primary School", kind="school")
Team.objects.create(organisation=place, name="1A")
for key, role in (("admin", "administrator"), ("senco", "senco")):
    user = User.objects.create_user(key + "@example.org", "{PASSWORD}", name="Sana Mahmood")
    Membership.objects.create(user=user, organisation=place, role=role, since=date(2020, 1, 1))
"""
PAGES = [
    "/account/",
    "/people/",
    "/people/invite/",
    "/sign-in/2fa/",
    "/sign-in/password/change/",
    "/no-such-page/",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The application as it is served, in a care folder of its own."""
    build_assets()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("care")
    surroundings = {
        **os.environ,
        "EVI_CARE_HOME": str(home),
        "EVI_CARE_DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "evi.care.settings",
    }
    subprocess.run([sys.executable, "-c", SET_UP], env=surroundings, check=True)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--no-control-socket",
        "-b",
        f"127.0.0.1:{port}",
        "--threads",
        "4",
    ]
    serving = subprocess.Popen(
        [*command, "evi.care.wsgi:application"], env=surroundings, stderr=(home / "log").open("w")
    )
    try:
        for _ in range(200):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        serving.terminate()
        serving.wait(20)


def open_page(chromium: Any, server: str, language: str, width: int) -> Any:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    context.add_cookies([{"name": "language", "value": language, "url": server}])
    page = context.new_page()
    page.outside = []
    page.on(
        "request",
        lambda asked: page.outside.append(asked.url) if not asked.url.startswith((server, "data:")) else None,
    )
    return page


def sign_in(page: Any, server: str, key: str) -> None:
    page.goto(f"{server}/sign-in/login/")
    page.fill("#id_login", f"{key}@example.org")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(f"{server}/")


def look(page: Any, server: str, path: str) -> None:
    """Open a page, see first that it is one, then that nothing is wrong with it."""
    from axe_playwright_python.sync_playwright import Axe

    page.goto(server + path)
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.nhsuk-header')).backgroundColor")
        == "rgb(29, 61, 92)"
    )
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0, path
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == [], path
    assert page.outside == []


@pytest.mark.parametrize(("language", "width"), [("en-gb", 1200), ("en-gb", 320), ("ur", 320)])
def test_pages_are_well_made(chromium: Any, server: str, language: str, width: int) -> None:
    page = open_page(chromium, server, language, width)
    look(page, server, "/sign-in/login/")
    sign_in(page, server, "admin")
    for path in PAGES:
        look(page, server, path)


def test_urdu_is_mirrored(chromium: Any, server: str) -> None:
    where = "document.querySelector('{}').getBoundingClientRect().left"
    english, urdu = (open_page(chromium, server, language, 1200) for language in ("en-gb", "ur"))
    for page in (english, urdu):
        page.goto(f"{server}/sign-in/login/")
    for part, left_in_english in ((".nhsuk-header__service-logo", True), (".nhsuk-header__account", False)):
        sides = [page.evaluate(where.format(part)) < 600 for page in (english, urdu)]
        assert sides == [left_in_english, not left_in_english], part
    assert urdu.evaluate("getComputedStyle(document.querySelector('#id_login')).direction") == "rtl"


def test_the_keyboard_alone_is_enough(chromium: Any, server: str) -> None:
    page = open_page(chromium, server, "en-gb", 1200)
    page.goto(f"{server}/sign-in/login/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").strip() == "Skip to main content"
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "id_login":
            break
    page.keyboard.type("senco@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server}/#maincontent")  # the browser keeps the place that the skip link named


def test_printed_pages_have_nothing_to_press(chromium: Any, server: str) -> None:
    page = open_page(chromium, server, "en-gb", 900)
    sign_in(page, server, "admin")
    page.goto(f"{server}/people/")
    page.emulate_media(media="print")
    for part in (".nhsuk-header", ".nhsuk-footer", ".nhsuk-button", "form"):
        assert not any(each.is_visible() for each in page.locator(part).all()), part
    assert page.locator("table").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('table a'), '::after').content") in (
        "none",
        "normal",
    )


def test_a_passkey_is_added_and_signs_in_alone(chromium: Any, server: str) -> None:
    page = open_page(chromium, server, "en-gb", 1000)
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    keys.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**kind, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    sign_in(page, server, "senco")
    page.goto(f"{server}/sign-in/2fa/webauthn/add/")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.fill("#id_name", "Work phone")
    page.check("#id_passwordless")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/")
    page.click("text=Sign out")
    page.wait_for_url("**/login/**")
    page.click("#passkey_login")
    page.wait_for_url(f"{server}/")
    assert "Sana Mahmood" in page.content()
