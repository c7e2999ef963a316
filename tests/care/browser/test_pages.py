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
        if more := page.evaluate(TOO_WIDE):
            faults.append(f"{more} px too wide at {width}")
    page.set_viewport_size({"width": WIDE, "height": 900})
    return faults


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


def test_files_come_as_files(people: People) -> None:
    begins = {"passports:pdf": b"%PDF", "passports:easy-pdf": b"%PDF", "exchange:support-plan-pdf": b"%PDF"}
    asking = people.tab("senco").context.request
    told = {name: address for name, address in readable(people.place.samples) if name in FILES}
    for name, address in told.items():
        answer = asking.get(people.place.address + address)
        assert answer.status == 200, name
        assert answer.body().startswith(begins.get(name, b"{")), name
    assert len(told) == len(FILES)
