"""How many entries a second one chain of the access ledger takes from 8 writers, on both databases.

Each entry is a transaction of its own, as a page view is. PostgreSQL waits for the disk at each commit;
SQLite writes its log without waiting (`synchronous=NORMAL`), as the application sets it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from tests.care.postgresql import UnavailableError, server

WRITERS, EACH = 8, 500


def main() -> None:
    """Print one line a database."""
    print(f"{WRITERS} writers x {EACH} entries; target 250 a second with no fork")
    print(f"{'database':<12}{'entries a second':>18}{'entries':>10}{'fault':>8}{'checked a second':>18}")
    _show("SQLite", "")
    try:
        with server(durable=True) as address:
            _show("PostgreSQL", address)
    except UnavailableError as missing:
        print(f"PostgreSQL: {missing}")


def _show(name: str, address: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        places = {"EVI_CARE_HOME": folder, "EVI_CARE_DATABASE": address}
        done = subprocess.run(
            [sys.executable, "-m", "tests.care.ledger_trial", str(WRITERS), str(EACH)],
            env=os.environ | places | {"DJANGO_SETTINGS_MODULE": "tests.care.settings"},
            check=True,
            capture_output=True,
            text=True,
        )
    said = json.loads(done.stdout.splitlines()[-1])
    rate, found = WRITERS * EACH / said["seconds"], said["together"]
    print(f"{name:<12}{rate:>18,.0f}{found['entries']:>10,}{found['fault'] or 'none':>8}", end="")
    print(f"{said['after']['entries'] / said['check_seconds']:>18,.0f}")


if __name__ == "__main__":
    main()
