"""How long a search takes among 150,000 children, and what the pages of a child cost, on both databases.

Times are of the answer as the application gives it: the decision, the queries, reading and comparing names.
Each question is asked of people who may see few, thousands and tens of thousands of children.

    python -m benchmarks.care_children [children]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

CHILDREN, USERS, TIMES = 150_000, 5_000, 15
QUESTIONS = {
    "common name": "Amir Khan",
    "with mistakes": "Ammir Kahn",
    "one common word": "Amir",
    "beginning": "Ami",
    "rare, wrong": "Sofai Nowakridg",
}


def main(children: int) -> None:
    """Print a table a database."""
    from tests.care.postgresql import UnavailableError, server

    _run("SQLite", "", children)
    try:
        with server() as address:
            _run("PostgreSQL", address, children)
    except UnavailableError as missing:
        print(f"PostgreSQL: {missing}")


def _run(name: str, address: str, children: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        places = {"EVI_CARE_HOME": folder, "EVI_CARE_DATABASE": address}
        print(f"\n{name}, {children:,} children, {USERS:,} users", flush=True)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.care_children", str(children), "measure"],
            env=os.environ | places | {"DJANGO_SETTINGS_MODULE": "tests.care.settings"},
            check=True,
        )


def measure(children: int) -> None:
    """Fill the database of the environment, and print what searches and pages take."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from evi.care.assets_build import build_assets
    from evi.care.door.rules import install_examples

    build_assets()
    call_command("migrate", verbosity=0)
    install_examples()
    begun = time.perf_counter()
    people = _fill(children)
    print(f"filled in {time.perf_counter() - begun:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    _searches(people)
    _pages(people)


def _fill(many: int) -> dict[str, Any]:
    """The world of `care_world`; caseloads are those of a whole service, whose people may see thousands."""
    from benchmarks.care_world import make
    from evi.care.children.models import Tie

    members = make(many, USERS).members
    Tie.objects.filter(kind="on-caseload").update(user=None)
    roles = {
        "SENCO": "senco",
        "CAMHS": "camhs-clinician",
        "social care": "social-worker",
        "health visiting": "health-visitor",
    }
    return {who: members[role][0] for who, role in roles.items()}


def _searches(people: dict[str, Any]) -> None:
    from evi.care.accounts.models import Membership
    from evi.care.children.searching import Question, search
    from evi.care.door.visit import Visit

    print(
        f"{'who':<17}{'may see':>9}  {'question':<17}{'hits':>5}{'median ms':>11}{'worst':>10}{'CPU ms':>8}"
    )
    for who, member in people.items():
        visit = Visit.of(Membership.objects.select_related("organisation", "user").get(pk=member.pk))
        number = next(iter(visit.children()[:1])).nhs_number
        asked = {name: Question(text) for name, text in QUESTIONS.items()}
        asked |= {"birth date": Question("", date(2015, 5, 5)), "NHS number": Question(number)}
        total = visit.children("search").count()
        for name, question in asked.items():
            found = search(visit, question)
            wall, cpu = _timed(partial(search, visit, question))
            hits = f"{len(found.hits)}{'+' if found.more else ''}"
            print(
                f"{who:<17}{total:>9,}  {name:<17}{hits:>5}{statistics.median(wall):>11.1f}{max(wall):>10.1f}"
                f"{statistics.median(cpu):>8.1f}",
                flush=True,
            )


def _pages(people: dict[str, Any]) -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from evi.care.children.models import Child, Tie

    print(f"{'who':<17}{'page':<17}{'queries':>8}{'CPU ms':>8}{'median ms':>11}")
    for who in ("SENCO", "CAMHS"):
        member, client = people[who], Client()
        client.force_login(member.user, backend="evi.care.accounts.backend.Backend")
        tie = Tie.objects.filter(organisation_id=member.organisation_id).first()
        child = Child.objects.get(pk=tie.child_id) if tie else Child.objects.all()[0]
        asked = client.post(reverse("children:search"), {"text": "Amir Khan"})
        key = [child.public_id]
        pages = {
            "My work": reverse("my-work"),
            "list": reverse("children:list"),
            "search results": asked["Location"],
            "record": reverse("children:child", args=key),
            "chronology": reverse("children:chronology", args=key),
            "index": reverse("children:index", args=key),
        }
        for name, address in pages.items():
            if client.get(address).status_code != 200:
                continue
            with CaptureQueriesContext(connection) as captured:
                client.get(address)
            count = sum("SAVEPOINT" not in each["sql"] and each["sql"] not in ENDS for each in captured)
            wall, cpu = _timed(partial(client.get, address))
            print(
                f"{who:<17}{name:<17}{count:>8}{statistics.median(cpu):>8.1f}{statistics.median(wall):>11.1f}",
                flush=True,
            )


ENDS = ("BEGIN", "BEGIN IMMEDIATE", "COMMIT")


def _timed(run: Callable[[], Any]) -> tuple[list[float], list[float]]:
    """Milliseconds by the clock and of CPU, of each of `TIMES` runs."""
    wall, cpu = [], []
    for _ in range(TIMES):
        begun, spent = time.perf_counter(), time.process_time()
        run()
        wall.append((time.perf_counter() - begun) * 1_000)
        cpu.append((time.process_time() - spent) * 1_000)
    return wall, cpu


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else CHILDREN
    if sys.argv[2:] == ["measure"]:
        measure(size)
    else:
        main(size)
