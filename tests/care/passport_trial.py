"""Several processes write in one place of one passport at once; prints what came of it as JSON.

Run as a program against a database of its own (`EVI_CARE_HOME`, `EVI_CARE_DATABASE`). It forks, so it runs
outside the tests' own process.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from datetime import date
from typing import Any

FORK = multiprocessing.get_context("fork")


def set_up() -> tuple[str, list[int]]:
    """Django, the tables, a child at a school, and two who may write of it."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from evi.care.accounts.models import Membership, Organisation, User
    from evi.care.children.models import Child, Tie
    from evi.care.door.rules import install_examples

    install_examples()
    since = date(2020, 1, 1)
    school = Organisation.objects.create(code="hill-school", name="Hill", kind="school")
    members = [
        Membership.objects.create(
            user=User.objects.create(email=f"{number}@example.org", name=f"Writer {number}"),
            organisation=school,
            role="senco",
            since=since,
        ).pk
        for number in range(2)
    ]
    child = Child.objects.create(given_name="A", family_name="B", birth_date=date(2018, 1, 1))
    Tie.objects.create(child=child, organisation=school, kind="on-roll", since=since)
    return child.public_id, members


def write(child: str, member: int, number: int, go: Any, told: Any) -> None:
    """Write from an empty page; when told that somebody was first, add to what stands and try again."""
    from evi.care.accounts.models import Membership
    from evi.care.children.models import Child
    from evi.care.door.visit import Visit
    from evi.care.passports.contributions import contribute
    from evi.care.passports.writing import Conflict

    membership = Membership.objects.select_related("user", "organisation").get(pk=member)
    whom = Child.objects.get(public_id=child)
    base, text = 0, f"[{number}]"
    go.wait()
    while True:
        try:
            contribute(Visit.of(membership), whom, "works", "practitioner", text, base=base)
            return
        except Conflict as conflict:
            told.put(number)
            assert conflict.stands is not None
            base, text = conflict.stands.number, f"{conflict.stands.text}\n[{number}]"


def main(writers: int) -> None:
    """Let so many write at once, then say what is there."""
    from django.db import connections

    child, members = set_up()
    connections.close_all()
    go, told = FORK.Event(), FORK.Queue()
    processes = [
        FORK.Process(target=write, args=(child, members[number % 2], number, go, told))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    go.set()
    for process in processes:
        process.join()

    from evi.care.door import ledger
    from evi.care.passports.models import PassportVersion, Revision

    revisions = list(Revision.objects.order_by("number"))
    said = {
        "codes": [process.exitcode for process in processes],
        "revisions": [row.number for row in revisions],
        "versions": sorted(PassportVersion.objects.values_list("number", flat=True)),
        "last": sorted(revisions[-1].text.split("\n")),
        "told": not told.empty(),
        "ledger": sum(1 for entry in ledger.entries() if "passport.works" in entry.permitted),
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(int(sys.argv[1]))
