"""Makes the world of `care_load` in the database of the environment, and sessions for some of its people."""

from __future__ import annotations

import logging
import random
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command


def main(children: int, users: int, path: Path) -> None:
    """Migrate, fill, analyse; write the sessions to `path`."""
    django.setup()
    logging.disable(logging.INFO)  # who signs in
    from benchmarks.care_load import people_to_load
    from benchmarks.care_world import make
    from evi.care.assets_build import build_assets
    from evi.care.door.rules import install_examples

    build_assets()
    call_command("migrate", verbosity=0)
    install_examples()
    world = make(children, users)
    _analyse()
    draw = random.Random(2)
    roles = ("class-teacher", "senco", "health-visitor", "social-worker", "camhs-clinician", "parent")
    chosen = [
        member
        for role in roles
        for member in draw.sample(world.members[role], min(60, len(world.members[role])))
    ]
    started = time.perf_counter()
    people_to_load([_signed_in(member) for member in chosen], path)
    print(f"{len(chosen)} signed in ({time.perf_counter() - started:.0f} s)")


def _analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _signed_in(member: Any) -> dict[str, Any]:
    from django.test import Client
    from django.urls import reverse

    from evi.care.accounts.models import Membership
    from evi.care.door.visit import Visit

    client = Client()
    client.force_login(member.user, backend="evi.care.accounts.backend.Backend")
    client.get(reverse("my-work"))
    member = Membership.objects.select_related("user", "organisation").get(pk=member.pk)
    visit = Visit.of(member)
    pages: dict[str, list[str]] = {"my-work": [reverse("my-work")], "list": [reverse("children:list")]}
    pages["search"] = [reverse("children:search")]
    for child in visit.children()[:25]:
        for kind, name, action, item in (
            ("child", "children:child", "view", "identity"),
            ("passport", "passports:passport", "view", "passport.*"),
            ("chronology", "children:chronology", "view", "chronology.*"),
            ("plan", "support:plan", "view", "plan"),
            ("circle", "circles:circle", "view", "circle"),
        ):
            if visit.can(child, action, item):
                pages.setdefault(kind, []).append(reverse(name, args=[child.public_id]))
    csrf = "a" * 32
    return {"session": client.cookies["session"].value, "csrf": csrf, "pages": pages}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
