"""Serve the application: web workers and the background work in one process group, stopped together."""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from pathlib import Path
from types import FrameType

from evi.workspace import EviError

APPLICATION = "evi.care.wsgi:application"
ROUND_SECONDS = 20
"""How often the background work looks whether something is due."""
GRACE_SECONDS = 20
"""How long a request may take to end when the server is stopped."""
START_SECONDS = 60
THREADS = 4
"""Requests at once in each worker: most of a request waits for the database or hashes a password."""
log = logging.getLogger(__name__)


def check_port(host: str, port: int) -> None:
    """Refuse a port that can't be used, before anything is started.

    Raises:
        EviError: another program has it, or this account may not use it.
    """
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EviError(
                f"port {port} can't be used ({error.strerror or error}).",
                where=f"{host}:{port}",
                do="Stop the program that has it, or choose another with --port.",
                exit_code=2,
            ) from error


class Server:
    """Web workers in a child process, and the background work in this one."""

    def __init__(self, host: str, port: int, workers: int) -> None:
        self.host, self.port, self.workers = host, port, workers
        self._stop = threading.Event()
        self._web: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - shown, not bound
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}/"

    def start(self) -> None:
        """Start the workers, and wait until the sign-in page answers.

        Raises:
            EviError: the port is taken, or the workers did not start.
        """
        check_port(self.host, self.port)
        bind = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        options = ["--bind", bind, "--workers", str(self.workers), "--threads", str(THREADS), "--preload"]
        options += ["--graceful-timeout", str(GRACE_SECONDS), "--log-level", "warning", "--no-control-socket"]
        command = [sys.executable, "-m", "gunicorn", *options, APPLICATION]
        self._web = subprocess.Popen(command)  # noqa: S603 - our own words and a checked port
        for _second in range(START_SECONDS * 5):
            if self._web.poll() is not None:
                raise EviError(
                    "the web server stopped as it was started.",
                    where=self.address,
                    do="What it said stands above.",
                )
            if self.answers():
                return
            self._stop.wait(0.2)
        self.stop()
        raise EviError("the web server did not answer in a minute.", where=self.address)

    def answers(self, page: str = "sign-in/login/") -> bool:
        """Whether a page answers, with the page itself and not an error."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - asked, not bound
        web = http.client.HTTPConnection(host, self.port, timeout=5)
        try:
            web.request("GET", f"/{page}", headers={"Host": f"localhost:{self.port}"})
            answer = web.getresponse()
            return answer.status == HTTPStatus.OK and b"csrfmiddlewaretoken" in answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            web.close()

    def run(self, round_: Callable[[], object]) -> int:
        """Do the background work now and then until somebody stops the server; gives the exit code.

        Args:
            round_: does whatever is due.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked_to_stop)
        web = self._web
        while web is not None and web.poll() is None and not self._stop.is_set():
            try:
                round_()
            except Exception as error:
                log.warning("background work failed: %s", type(error).__name__)
            self._stop.wait(ROUND_SECONDS)
        failed = not self._stop.is_set()
        self.stop()
        return 1 if failed else 0

    def stop(self) -> None:
        """Let requests end, then stop the workers."""
        self._stop.set()
        if self._web is not None and self._web.poll() is None:
            self._web.terminate()
            try:
                self._web.wait(GRACE_SECONDS + 5)
            except subprocess.TimeoutExpired:
                self._web.kill()
                self._web.wait()

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()


def usual_workers() -> int:
    """One worker for each core, and at most eight: SQLite has one writer at a time."""
    return max(1, min(8, os.cpu_count() or 1))


def background(releases: Path | None = None) -> None:
    """One round of the background work: notices, escalations, tasks that a request left, and new releases.

    Args:
        releases: the folder of a district's releases; one that is new there, or taken back, is taken in.
    """
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415
    from django.db import close_old_connections  # noqa: PLC0415 - the application is loaded by now
    from django.utils import timezone  # noqa: PLC0415
    from django_tasks_db.management.commands.db_worker import Worker  # noqa: PLC0415

    from evi.care.door.jobs import run_due  # noqa: PLC0415
    from evi.care.loading.district import keep_circles  # noqa: PLC0415
    from evi.care.loading.releases import take_in_new  # noqa: PLC0415
    from evi.care.passports.packs import close_settled  # noqa: PLC0415

    close_old_connections()
    run_due()
    SessionStore.clear_expired()
    close_settled(timezone.localdate())
    _once_a_day(timezone.localdate(), keep_circles)
    if releases is not None:
        take_in_new(releases)
    Worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=f"evi-{os.getpid()}",
        excluded_queue_names=[],
    ).run()
    close_old_connections()


def _once_a_day(today: date, work: Callable[[], object]) -> None:
    """Do what follows the calendar (a tie that begins today brings somebody into a circle) once a day."""
    if _done_on.get(work) != today:
        work()
        _done_on[work] = today


_done_on: dict[Callable[[], object], date] = {}
