"""Every page of the application in a real browser: axe finds nothing, nothing is too wide, nothing complains.

A page is opened as the first of `READERS` who may open it. 320 CSS pixels are what is left of a window 1,280
pixels wide at 400% zoom (WCAG 2.2, 1.4.10), so that one width stands for both.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from django.urls import reverse

from tests.care.browser.conftest import People
from tests.care.endpoints import arguments_of, endpoints

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 320
FOR_TOKENS = ("api:v1:", "api:nothing")
FILES = {"passports:pdf", "passports:easy-pdf", "exchange:support-plan-pdf", "api:document"}
"""Addresses that answer with a file instead of a page."""
READERS = (
    "senco",
    "parent",
    "data-guardian",
    "administrator",
    "partnership-manager",
    "health-visitor",
    "camhs-clinician",
    "social-worker",
    "",
)
SIGNING_IN = {
    "account_login": "",
    "account_reset_password": "",
    "account_reset_password_done": "",
    "account_inactive": "",
    "account_signup": "",
    "socialaccount_login_cancelled": "",
    "socialaccount_login_error": "",
    "account_logout": "senco",
    "account_change_password": "senco",
    "account_reauthenticate": "senco",
    "mfa_index": "senco",
    "mfa_activate_totp": "senco",
    "mfa_list_webauthn": "senco",
    "mfa_add_webauthn": "senco",
}
"""Pages of the sign-in library that anybody, or whoever is signed in, can open."""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def readable(samples: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and address of every declared page."""
    found = {}
    for each in endpoints():
        if each.method == "GET" and not each.name.startswith(FOR_TOKENS):
            arguments = arguments_of(each, samples)
            found[reverse(each.name, kwargs=arguments)] = each.name
    return [(name, address) for address, name in found.items()]


def opened(people: People, address: str) -> tuple[str, Any]:
    """The page, opened by the first reader who may, and who that is."""
    seen = {}
    for who in READERS:
        page = people.tab(who)
        answer = page.goto(people.place.address + address)
        seen[who] = answer.status
        if answer.status == 200 and (not who or "/sign-in/login/" not in page.url):
            return who, page
    raise AssertionError(f"nobody may open {address}: {seen}")


def check_right(page: Any, address: str) -> None:
    """It is a page of the application, drawn with its style sheet, and not an error."""
    assert page.locator("h1").count() == 1, address
    assert page.locator("main#maincontent").count() == 1, address
    assert page.locator("html").get_attribute("lang"), address
    colour = page.evaluate("getComputedStyle(document.querySelector('.nhsuk-header')).backgroundColor")
    assert colour == "rgb(29, 61, 92)", address


def faults_of(page: Any) -> list[str]:
    """What axe finds wrong, and how far the page is too wide at 1,280 and 320 pixels."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    faults = [f"{each['id']} {[node['target'] for node in each['nodes']][:4]}" for each in found]
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        if more := _too_wide(page):
            faults.append(f"{more} px too wide at {width}")
    page.set_viewport_size({"width": WIDE, "height": 900})
    return faults


def _too_wide(page: Any) -> int:
    """Pixels; a page has a moment to fold its menu, which the design system's script does after a resize."""
    for _ in range(20):
        if not page.evaluate(TOO_WIDE):
            return 0
        page.wait_for_timeout(50)
    return int(page.evaluate(TOO_WIDE))


def test_every_page_is_well_made(people: People) -> None:
    wrong, walked = [], 0
    pages = readable(people.place.samples)
    pages += [(name, reverse(name)) for name in SIGNING_IN]
    for name, address in pages:
        if name in FILES:
            continue
        if name in SIGNING_IN:
            page = people.tab(SIGNING_IN[name])
            page.goto(people.place.address + address)
        else:
            _who, page = opened(people, address)
        check_right(page, address)
        wrong += [f"{name}: {fault}" for fault in faults_of(page)]
        walked += 1
    assert not wrong, "\n".join(wrong)
    assert walked > 85


@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_fits_320_pixels_from_its_first_moment(chromium: Any, place: Any, scripts: bool) -> None:
    context = chromium.new_context(viewport={"width": NARROW, "height": 900}, java_script_enabled=scripts)
    context.add_cookies([{"name": "session", "value": place.sessions["senco"], "url": place.address}])
    page = context.new_page()
    page.goto(place.address + "/")
    assert page.locator("h1").inner_text() == "My work"
    body, header = page.locator("body").bounding_box(), page.locator("header").bounding_box()
    assert (body["width"], header["width"]) == (NARROW, NARROW)
    for link in page.locator("header a:visible").all():
        box = link.bounding_box()
        assert box["x"] >= 0, link.inner_text()
        assert box["x"] + box["width"] <= NARROW, link.inner_text()
    context.close()


URDU = "[...new Set(document.body.innerText)].filter(c => c >= '\u0600' && c <= '\u06ff').join('')"
NO_GLYPH = """letters => {
  const drawn = text => {
    const canvas = document.createElement('canvas'); canvas.width = canvas.height = 48;
    const pen = canvas.getContext('2d');
    pen.font = '32px ' + getComputedStyle(document.body).fontFamily; pen.fillText(text, 8, 36);
    return canvas.toDataURL();
  };
  const box = drawn('\u0378');
  return [...letters].filter(letter => drawn(letter) === box);
}"""
"""Letters that are drawn as the box of a character that no font has (U+0378 is not a character)."""


def test_urdu_reads_from_the_right_on_pages_of_a_child(chromium: Any, place: Any) -> None:
    lists = shutil.which("fc-list")
    if lists and not subprocess.run([lists, ":lang=ur"], check=False, capture_output=True, text=True).stdout:
        pytest.skip("no font for Urdu on this machine: `apt-get install fonts-noto-core`")
    people = People(chromium, place, language="ur")
    for who, address in (
        ("parent", f"/access/child/{place.samples['child']}/"),
        ("senco", f"/children/{place.samples['child']}/"),
        ("senco", f"/children/{place.samples['child']}/plan/"),
    ):
        page = people.tab(who)
        page.goto(place.address + address)
        check_right(page, address)
        assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ur", "rtl"]
        logo = page.locator(".nhsuk-header__service-logo").bounding_box()
        account = page.locator(".nhsuk-header__account").bounding_box()
        assert logo["x"] > WIDE / 2 > account["x"], address
        heading = page.locator("h1").bounding_box()
        assert heading["x"] + heading["width"] > WIDE / 2
        letters = page.evaluate(URDU)
        assert len(letters) > 25, letters
        assert page.evaluate(NO_GLYPH, letters) == []
        faults = faults_of(page)
        assert not faults, (address, faults)
    people.close()
    assert people.faults == []


def tab_to(page: Any, found: str, most: int = 60) -> None:
    """Press Tab until what has the focus fits a selector, and see that the focus can be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("found => document.activeElement.matches(found)", found):
            seen = "(s => s.outlineStyle != 'none' || s.boxShadow != 'none')"
            assert page.evaluate(f"{seen}(getComputedStyle(document.activeElement))"), found
            return
    raise AssertionError(f"{found} is not reached on {page.url}")


def test_the_keyboard_alone_writes_in_a_passport(people: People) -> None:
    page = people.tab("class-teacher")
    page.goto(people.place.address + f"/children/{people.place.samples['child']}/passport/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").strip() == "Skip to main content"
    tab_to(page, ".nhsuk-header__navigation-link")
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    tab_to(page, "a[href*='/write/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/write/**")
    tab_to(page, "textarea")
    page.keyboard.type("He names every bus that passes")
    tab_to(page, "main button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/passport/")
    assert page.get_by_text("He names every bus that passes").count() == 1


def test_the_keyboard_alone_searches_and_chooses_radios(people: People) -> None:
    page = people.tab("senco")
    page.goto(people.place.address + "/children/search/")
    tab_to(page, "#id_text")
    page.keyboard.type("Amir")
    page.keyboard.press("Enter")
    page.get_by_text("1 child found").wait_for()
    page = people.tab("parent")
    page.goto(people.place.address + f"/access/child/{people.place.samples['child']}/wishes/")
    tab_to(page, "input[name=kind]")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        if page.evaluate("document.activeElement.value") == "consent":
            break
    assert page.locator("input[name=kind]:checked").get_attribute("value") == "consent"
    tab_to(page, "#id_about")
    tab_to(page, "#id_said_by")
    page.keyboard.press("Enter")
    page.get_by_text("This was recorded, and holds from now on.").wait_for()


def test_mistakes_are_said_on_a_page_that_axe_likes(people: People) -> None:
    child = people.place.samples["child"]
    for who, address, button in (
        ("senco", f"/children/{child}/plan/needs/new/", "Save"),
        ("senco", f"/children/{child}/circle/invite/", "Send the invitation"),
        ("data-guardian", f"/access/blockages/{people.place.samples['blockage']}/", "Record the decision"),
    ):
        page = people.tab(who)
        page.goto(people.place.address + address)
        page.locator("main").get_by_role("button", name=button).click()
        page.get_by_text("There is a problem").wait_for()
        page.locator(".nhsuk-error-summary a").first.click()
        assert page.evaluate("document.activeElement.matches('input, textarea, select')"), address
        faults = faults_of(page)
        assert not faults, (address, faults)


def test_files_come_as_files(people: People) -> None:
    begins = {"passports:pdf": b"%PDF", "passports:easy-pdf": b"%PDF", "exchange:support-plan-pdf": b"%PDF"}
    asking = people.tab("senco").context.request
    told = {name: address for name, address in readable(people.place.samples) if name in FILES}
    for name, address in told.items():
        answer = asking.get(people.place.address + address)
        assert answer.status == 200, name
        assert answer.body().startswith(begins.get(name, b"{")), name
    assert len(told) == len(FILES)
