"""A served application in a care folder of its own, a browser, and pages that complain of what is wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.care.browser.place import surroundings

REPOSITORY = Path(__file__).parents[3]
PATIENCE_MS = 6_000


@dataclass(frozen=True)
class Place:
    """The served application.

    Attributes:
        sessions: by key of `tests.care.conftest.PEOPLE`. samples: a value for each name in an address.
        dua: the public id of the story's child. release: the folder of the release that is not taken in yet.
    """

    address: str
    folder: Path
    sessions: dict[str, str]
    samples: dict[str, Any]
    dua: str
    release: Path

    def run(self, *command: str) -> str:
        """Run an `evi` command in the same care folder."""
        done = subprocess.run(  # noqa: PLW1510 - what it said is asserted below
            [sys.executable, "-m", "evi", *command],
            env=surroundings(self.folder),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The application as it is served, filled by `tests.care.browser.place`."""
    folder = tmp_path_factory.mktemp("care")
    made = subprocess.run(  # noqa: PLW1510 - what it said is asserted below
        [sys.executable, "-m", "tests.care.browser.place", str(folder)],
        env=surroundings(folder),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-b", f"127.0.0.1:{port}"]
    with (folder / "log").open("w") as log:
        serving = subprocess.Popen(
            [*command, "--threads", "4", "evi.care.wsgi:application"], env=surroundings(folder), stderr=log
        )
        try:
            _wait(port)
            yield Place(
                f"http://localhost:{port}",
                folder,
                said["sessions"],
                said["samples"],
                said["dua"],
                Path(said["release"]),
            )
        finally:
            serving.terminate()
            serving.wait(20)


def _wait(port: int) -> None:
    for _ in range(300):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


@dataclass
class People:
    """A browser tab for each person, signed in by session, with what its pages complained of.

    Attributes:
        faults: requests that left the host, errors in the console (a broken Content-Security-Policy is one),
            scripts that failed.
    """

    browser: Any
    place: Place
    language: str = "en-gb"
    width: int = 1280
    tabs: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def tab(self, key: str) -> Any:
        """The tab of a person; `""` for somebody who is not signed in."""
        if key not in self.tabs:
            context = self.browser.new_context(viewport={"width": self.width, "height": 900})
            cookies = [{"name": "language", "value": self.language, "url": self.place.address}]
            if key:
                cookies.append(
                    {"name": "session", "value": self.place.sessions[key], "url": self.place.address}
                )
            context.add_cookies(cookies)
            context.set_default_timeout(PATIENCE_MS)
            self.tabs[key] = self._listening(context.new_page(), key)
        return self.tabs[key]

    def _listening(self, page: Any, key: str) -> Any:
        home = (self.place.address, "data:")

        def heard(message: Any) -> None:
            refused = "the server responded with a status of 4" in message.text
            if message.type in ("error", "warning") and not refused:
                self.faults.append(f"{key} {page.url}: {message.text}")

        page.on("console", heard)
        page.on("pageerror", lambda error: self.faults.append(f"{key} {page.url}: {error}"))
        page.on(
            "request",
            lambda asked: (
                self.faults.append(f"{key} {page.url}: asked for {asked.url}")
                if not asked.url.startswith(home)
                else None
            ),
        )
        return page

    def close(self) -> None:
        """Close every tab."""
        for page in self.tabs.values():
            page.context.close()


@pytest.fixture
def people(chromium: Any, place: Place) -> Iterator[People]:
    """Everybody's tab, wide, in English; at the end nothing may have complained."""
    made = People(chromium, place)
    yield made
    made.close()
    assert made.faults == [], (place.folder / "log").read_text()[-4_000:]
