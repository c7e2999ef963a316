"""Several processes write to one ledger at once, and one is killed in the middle of a write.

Run as a program against a database of its own (`EVI_CARE_HOME`, `EVI_CARE_DATABASE`); prints what it saw as
JSON. It forks, so it runs outside the tests' own process.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import asdict
from typing import Any

FORK = multiprocessing.get_context("fork")


def set_up() -> None:
    """Django, and the tables."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def write_at_once(writers: int, each: int) -> float:
    """Let `writers` processes append `each` entries, each in its own transaction; seconds that it took."""
    from django.db import connections

    connections.close_all()
    ready, go = FORK.Semaphore(0), FORK.Event()
    processes = [FORK.Process(target=_write, args=(number, each, ready, go)) for number in range(writers)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    start = time.perf_counter()
    go.set()
    for process in processes:
        process.join()
    took = time.perf_counter() - start
    assert [process.exitcode for process in processes] == [0] * writers
    return took


def _write(number: int, each: int, ready: Any, go: Any) -> None:
    from evi.care.door import ledger

    ledger.head()  # opens the connection
    ready.release()
    go.wait()
    for turn in range(each):
        ledger.append(
            actor=f"writer{number}",
            action="view",
            child=f"c{turn}",
            permitted=["plan", "identity"],
            rules="r",
        )


def killed_before_commit() -> dict[str, int]:
    """Kill a process after it wrote data and its entry and before the commit: how many of each are left."""
    from django.db import connections

    from evi.care.accounts.models import Organisation
    from evi.care.door import ledger

    connections.close_all()
    process = FORK.Process(target=_write_and_die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return {
        "data": Organisation.objects.filter(code="half-written").count(),
        "entries": sum(1 for _ in ledger.entries(actor="killed")),
    }


def _write_and_die() -> None:
    from django.db import transaction

    from evi.care.accounts.models import Organisation
    from evi.care.door import ledger

    with transaction.atomic():
        Organisation.objects.create(code="half-written", name="Half written", kind="school")
        ledger.append(actor="killed", action="contribute", rules="r")
        os.kill(os.getpid(), signal.SIGKILL)


def main(writers: int, each: int) -> None:
    """Both trials, and a check of the chain after each."""
    set_up()
    from evi.care.door import ledger

    seconds = write_at_once(writers, each)
    together = asdict(ledger.check())
    killed = killed_before_commit()
    ledger.append(actor="after", action="view", rules="r")
    start = time.perf_counter()
    after = asdict(ledger.check())
    said = {
        "check_seconds": time.perf_counter() - start,
        "seconds": seconds,
        "together": together,
        "killed": killed,
        "after": after,
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
