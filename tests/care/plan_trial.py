"""Several people write one plan at once; prints what came of it as JSON.

Run as a program against a database of its own (`EVI_CARE_HOME`, `EVI_CARE_DATABASE`); the writers are
threads.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

WRITERS, TURNS = 4, 3


def set_up() -> tuple[Any, Any, Any]:
    """Django, the tables, a child with an open plan and one need."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.utils import timezone

    from evi.care.accounts.models import Membership, Organisation, User
    from evi.care.children.models import Child, Tie
    from evi.care.door.rules import install_examples
    from evi.care.door.visit import Visit
    from evi.care.support.planning import add_need, start_plan

    install_examples()
    since = timezone.localdate() - timedelta(days=400)
    school = Organisation.objects.create(code="hill-school", name="Hill", kind="school")
    user = User.objects.create(email="a@example.org", name="A Writer")
    member = Membership.objects.create(user=user, organisation=school, role="senco", since=since)
    child = Child.objects.create(given_name="A", family_name="B")
    Tie.objects.create(child=child, organisation=school, kind="on-roll", since=since)
    plan = start_plan(Visit.of(member), child)
    return member, plan, add_need(Visit.of(member), plan, area="learning", text="0")


def write(number: int, member: Any, plan: Any, need: Any, go: Barrier) -> int:
    """Add needs, and count in the shared one; gives how often somebody else was faster."""
    from django.db import connection

    from evi.care.door.visit import Visit
    from evi.care.support.models import Need, Plan
    from evi.care.support.planning import Overtaken, add_need, change

    overtaken = 0
    go.wait()
    for turn in range(TURNS):
        fresh = Plan.objects.select_related("child").get(pk=plan.pk)
        add_need(Visit.of(member), fresh, area="learning", text=f"{number}.{turn}")
        while True:
            seen = Plan.objects.get(pk=plan.pk).revision
            read = Need.objects.select_related("plan__child").get(pk=need.pk)
            try:
                change(Visit.of(member), read, seen, text=str(int(read.text) + 1))
                break
            except Overtaken:
                overtaken += 1
    connection.close()
    return overtaken


def main() -> None:
    """Let them write, then say what is there."""
    member, plan, need = set_up()
    from evi.care.door.models import AccessEntry
    from evi.care.support.models import Need, Version

    go = Barrier(WRITERS)
    with ThreadPoolExecutor(WRITERS) as pool:
        overtaken = sum(pool.map(lambda number: write(number, member, plan, need, go), range(WRITERS)))
    versions = Version.objects.filter(plan=plan)
    plan.refresh_from_db()
    said = {
        "needs": Need.objects.filter(plan=plan).count(),
        "counted": int(Need.objects.get(pk=need.pk).text),
        "revision": plan.revision,
        "revisions": sorted(versions.values_list("revision", flat=True)),
        "states": [int(each.state["text"]) for each in versions.filter(part=need.public_id)],
        "ledger": AccessEntry.objects.filter(action="contribute").count(),
        "overtaken": overtaken,
    }
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
