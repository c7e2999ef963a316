"""What the second lock costs on PostgreSQL: the same questions with and without it, among 150,000 children.

A school's SENCO is tied to 500 children, a health visitor's service to 50,000. Times are of the database and
Django together, the mean of 15 after one that is not counted.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.care.postgresql import server

CHILDREN, SCHOOLS, TIMES = 150_000, 300, 15
SINCE = date(2020, 1, 1)


def main() -> None:
    """Print one line a question."""
    with server() as address, tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EVI_CARE_DATABASE": address,
            "EVI_CARE_HOME": folder,
            "DJANGO_SETTINGS_MODULE": "tests.care.settings",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from evi.care.door.rules import install_examples

        install_examples()
        print(f"{'who':<44}{'question':<18}{'without, ms':>12}{'with, ms':>12}")
        for name, membership in _world().items():
            _show(name, membership)


def _world() -> dict[str, Any]:
    from django.db import connection

    from evi.care.accounts.models import Membership, Organisation, User
    from evi.care.children.models import Child

    health = Organisation.objects.create(code="hv", name="Health visiting", kind="health-visiting")
    schools = [Organisation.objects.create(code=f"s{n}", name=f"S{n}", kind="school") for n in range(SCHOOLS)]
    first = Child.objects.create(
        given_name="Abcdefgh",
        family_name="Ijklmnop",
        birth_date=SINCE,
        address="1 High Street",
        postcode="BD1 1AA",
    )
    columns = [
        each.column for each in Child._meta.local_concrete_fields if each.column not in ("id", "public_id")
    ]
    listed, ids = ", ".join(columns), [school.pk for school in schools]
    tie = "INSERT INTO children_tie (child_id, organisation_id, kind, items, since, why) SELECT id, "
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO children_child (public_id, {listed}) SELECT 'x' || n, {listed} "
            f"FROM children_child, generate_series(1, {CHILDREN}) n WHERE id = {first.pk}"
        )
        cursor.execute(
            f"{tie} (ARRAY{ids})[1 + id % {SCHOOLS}], 'on-roll', '[]', '{SINCE}', '' FROM children_child"
        )
        cursor.execute(
            f"{tie} {health.pk}, 'on-caseload', '[]', '{SINCE}', '' FROM children_child WHERE id % 3 = 0"
        )
        cursor.execute("ANALYZE")
    user = User.objects.create(email="a@example.org", name="A")
    return {
        f"SENCO, {CHILDREN // SCHOOLS:,} on the roll": Membership.objects.create(
            user=user, role="senco", organisation=schools[3], since=SINCE
        ),
        f"health visitor, {CHILDREN // 3:,} on the caseload": Membership.objects.create(
            user=user, role="health-visitor", organisation=health, since=SINCE
        ),
    }


def _show(name: str, membership: Any) -> None:
    from evi.care.children.models import Child, Entry
    from evi.care.door import rows
    from evi.care.door.visit import Visit

    visit = Visit.of(membership)
    child = visit.children().order_by("id")[0]
    questions: dict[str, Callable[[], object]] = {
        "list of 25": lambda: list(visit.children().order_by("id")[:25]),
        "count of the list": lambda: visit.children().count(),
        "one child": lambda: Child.objects.get(pk=child.pk),
        "its chronology": lambda: list(Entry.objects.filter(child=child)),
    }
    for question, ask in questions.items():
        without = _milliseconds(ask)
        rows.lock(visit)
        locked = _milliseconds(ask)
        rows.unlock()
        print(f"{name:<44}{question:<18}{without:>12.1f}{locked:>12.1f}", flush=True)
    print(f"{name:<44}{'set and take off':<18}{'':>12}{_milliseconds(lambda: _on_and_off(visit)):>12.1f}")


def _on_and_off(visit: Any) -> None:
    from evi.care.door import rows

    rows.lock(visit)
    rows.unlock()


def _milliseconds(ask: Callable[[], object]) -> float:
    ask()
    start = time.perf_counter()
    for _ in range(TIMES):
        ask()
    return (time.perf_counter() - start) / TIMES * 1000


if __name__ == "__main__":
    main()
