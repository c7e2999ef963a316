"""The application under load: pages as people open them, on PostgreSQL, with the CPU that each one costs.

    python -m benchmarks.care_load --children 150000 --users 5000 --minutes 10

The server, the database and whoever asks share this machine; what a page costs the server is counted from
the processes of the server alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from tests.care.postgresql import server

WORKERS, THREADS, PORT = 2, 4, 8765


def main(arguments: list[str] | None = None) -> None:
    """Make the world, serve it, load it, and print a table for each part of the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=150_000)
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=40)
    parser.add_argument("--sqlite", action="store_true", help="on SQLite instead of PostgreSQL")
    asked = parser.parse_args(arguments)
    if asked.sqlite:
        _all(asked, "")
        return
    with server(durable=True) as address:
        _all(asked, address)


def _all(asked: argparse.Namespace, address: str) -> None:
    with tempfile.TemporaryDirectory(prefix="evi-load-") as folder:
        os.environ |= {
            "EVI_CARE_HOME": folder,
            "EVI_CARE_DATABASE": address,
            "EVI_CARE_SECOND_STEP": "0",
            "DJANGO_SETTINGS_MODULE": "evi.care.settings",
        }
        people = Path(folder) / "people.json"
        started = time.perf_counter()
        _run(["-m", "benchmarks.care_load_world", str(asked.children), str(asked.users), str(people)])
        took = time.perf_counter() - started
        print(f"made {asked.children:,} children and {asked.users:,} users in {took:.0f} s")
        master = _serve()
        try:
            _load(people, master, asked.rate, asked.minutes, "")
            _load(people, master, 10, min(asked.minutes, 1), "child")
            _load(people, master, 4, min(asked.minutes, 1), "search")
        finally:
            master.terminate()
            master.wait(timeout=30)


def _run(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True)


def _serve() -> subprocess.Popen[bytes]:
    command = ["-m", "gunicorn", "evi.care.wsgi", "--workers", str(WORKERS), "--threads", str(THREADS)]
    master = subprocess.Popen(
        [sys.executable, *command, "--bind", f"127.0.0.1:{PORT}", "--log-level", "warning"]
    )
    for _ in range(120):
        time.sleep(0.5)
        if any(each.laddr.port == PORT for each in psutil.net_connections("tcp") if each.status == "LISTEN"):
            time.sleep(3)
            return master
    master.terminate()
    raise SystemExit("the server did not start")


def _load(people: Path, master: subprocess.Popen[bytes], rate: float, minutes: float, only: str) -> None:
    before, began = _cpu_seconds(master), time.perf_counter()
    pace = 2.0
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "-m",
            "locust",
            "-f",
            "benchmarks/care_locust.py",
            "--headless",
            "--only-summary",
            "--users",
            str(round(rate * pace)),
            "--spawn-rate",
            "20",
            "--run-time",
            f"{round(minutes * 60)}s",
            "--host",
            f"http://127.0.0.1:{PORT}",
            "--csv",
            f"{folder}/said",
            "--loglevel",
            "ERROR",
        ]
        subprocess.run(
            [sys.executable, *command],
            env=os.environ | {"EVI_LOAD": str(people), "EVI_LOAD_PACE": str(pace), "EVI_LOAD_ONLY": only},
            check=False,
            stdout=subprocess.DEVNULL,
        )
        with Path(f"{folder}/said_stats.csv").open(encoding="utf-8") as said:
            rows = list(csv.DictReader(said))
    used, took = _cpu_seconds(master) - before, time.perf_counter() - began
    print(f"\n{only or 'the mix'}, {rate:g} a second asked for, {minutes:g} minutes")
    print(f"{'page':<12}{'requests':>10}{'errors':>8}{'median ms':>11}{'p95 ms':>8}{'p99 ms':>8}")
    for row in rows:
        figures = (row["Request Count"], row["Failure Count"], row["50%"], row["95%"], row["99%"])
        widths = (10, 8, 11, 8, 8)
        print(f"{row['Name'][:11]:<12}" + "".join(f"{f:>{w}}" for f, w in zip(figures, widths, strict=True)))
    many = int(rows[-1]["Request Count"])
    print(f"{many / took:.1f} requests a second; server CPU {used / max(many, 1) * 1000:.1f} ms a request")


def _cpu_seconds(master: subprocess.Popen[bytes]) -> float:
    """CPU of the server's processes (the database's are not among them)."""
    top = psutil.Process(master.pid)
    times = [each.cpu_times() for each in (top, *top.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def people_to_load(sessions: list[dict[str, Any]], path: Path) -> None:
    """Write what Locust draws from, in an order of chance."""
    random.Random(1).shuffle(sessions)
    path.write_text(json.dumps(sessions), encoding="utf-8")


if __name__ == "__main__":
    main()
