"""One walk over every page as several roles, with marks in every text: no mark acts, leaks or names a child.

What each answer is judged by: nothing that a person wrote is markup; the headers that shut it; no name,
number or address of a child in an address, a log line, an entry of the ledger, a page about an error or a
page of somebody who may not see that child.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from evi.care.door.models import AccessEntry
from tests.care import everything
from tests.care.canaries import NAMES_A_CHILD, OTHERS, RAW, SAID, addresses, plant
from tests.care.conftest import World
from tests.care.endpoints import Endpoint, arguments_of, endpoints

ROLES = ("senco", "camhs-clinician", "parent", "data-guardian", "administrator")
SEES_EVERY_CHILD = "data-guardian"
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ERRORS = (400, 404, 405, 410, 429, 500)
PAPER = ("exchange:support-plan-pdf", "passports:pdf")
"""Drawn by tests of their own; the third kind of paper stands for them here."""


class Everything(logging.Handler):
    """Keeps each line of each logger, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()} {record.exc_info or ''}")


@pytest.fixture
def log() -> Iterator[Everything]:
    kept, root = Everything(), logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]
    levels = [(each, each.level, each.propagate) for each in loggers]
    for each in loggers:
        each.setLevel(logging.DEBUG)
        each.propagate = True
    root.addHandler(kept)
    yield kept
    root.removeHandler(kept)
    for each, level, propagate in levels:
        each.setLevel(level)
        each.propagate = propagate


def test_no_page_holds_a_mark_that_acts_or_a_child_that_is_not_theirs(
    world: World, as_role: Callable[[str], Client], log: Everything
) -> None:
    samples = everything.make(world)
    assert plant(hidden=world.children["bea"]) > 60
    before = AccessEntry.objects.count()
    faults: set[str] = set()
    seen = {"pages": 0, "marks": 0, "names": 0, "errors": 0}
    for key in ROLES:
        client = as_role(key)
        client.raise_request_exception = False
        for each in endpoints():
            if each.method != "GET" or each.name.startswith(("api:v1:", *PAPER)):
                continue
            answer = get(client, each, samples)
            faults |= {f"{key} {each.name}: {fault}" for fault in judge(answer, key)}
            count(answer, seen)
        for path in ("/no-such-page/", f"/children/{NAMES_A_CHILD}/", "/static/no-such.css"):
            answer = client.get(path)
            faults |= {f"{key} {path}: {fault}" for fault in judge(answer, key, path)}
    for entry in AccessEntry.objects.values_list("note", "permitted", "refused", "child", "actor"):
        faults |= {f"ledger: {entry}" for mark in (NAMES_A_CHILD, OTHERS, SAID) if mark in str(entry)}
    faults |= {
        f"log: {line}"
        for line in log.lines
        for mark in (NAMES_A_CHILD, OTHERS, SAID)
        if mark in line and f"/{mark}/" not in line
    }
    assert not faults, "\n".join(sorted(faults))
    assert seen["pages"] > 150 and seen["marks"] > 80 and seen["names"] > 50, seen
    assert AccessEntry.objects.count() > before and log.lines


def get(client: Client, each: Endpoint, samples: dict[str, Any]) -> Any:
    return client.get(reverse(each.name, kwargs=arguments_of(each, samples)))


def judge(answer: Any, key: str, asked: str = "") -> list[str]:
    """What is wrong with an answer to `key`, who asked for the address `asked`."""
    kind, wrong = answer.headers.get("Content-Type", ""), []
    if answer.status_code >= 500:
        return [f"failed with {answer.status_code}"]
    wrong += [f"lacks {name}" for name, value in HEADERS.items() if answer.headers.get(name) != value]
    wrong += (
        [] if "frame-ancestors 'none'" in answer.headers.get("Content-Security-Policy", "") else ["lacks CSP"]
    )
    wrong += [] if "no-store" in answer.headers.get("Cache-Control", "") else ["may be kept"]
    wrong += [
        f"an address names a child: {each}"
        for each in addresses(answer)
        if NAMES_A_CHILD in each or OTHERS in each
    ]
    if kind.startswith("text/") and "charset=utf-8" not in kind:
        wrong.append(f"says {kind}")
    text = answer.content.decode(errors="replace")
    if kind.startswith("text/html"):
        wrong += [
            f"holds {mark} at {text[max(0, at - 120) : at + 60]!r}"
            for mark in RAW
            if (at := text.find(mark)) >= 0
        ]
    if OTHERS in text and key != SEES_EVERY_CHILD:
        wrong.append(
            f"tells of another child: {text[max(0, text.find(OTHERS) - 200) : text.find(OTHERS) + 40]!r}"
        )
    if answer.status_code in ERRORS and NAMES_A_CHILD in text.replace(asked or "\0", ""):
        wrong.append(f"an error names a child ({answer.status_code})")
    return wrong


def count(answer: Any, seen: dict[str, int]) -> None:
    """Pages that were opened, and how many showed a mark, escaped."""
    text = answer.content.decode(errors="replace")
    seen["pages"] += answer.status_code == 200
    seen["marks"] += SAID in text and "&lt;script&gt;alert(1)" in text
    seen["names"] += NAMES_A_CHILD in text
