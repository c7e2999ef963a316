"""What people do with the application, for Locust: whom they are, and the pages they open, drawn from a file.

`EVI_LOAD` names a file of JSON: a list of people, each with a session cookie and addresses by kind of page.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, constant_pacing, task

PEOPLE: list[dict[str, Any]] = json.loads(Path(os.environ["EVI_LOAD"]).read_text(encoding="utf-8"))
SECONDS_A_PAGE = float(os.environ.get("EVI_LOAD_PACE", "2"))
ONLY = os.environ.get("EVI_LOAD_ONLY", "")
MIX = {
    "my-work": 15,
    "list": 15,
    "child": 30,
    "passport": 15,
    "chronology": 10,
    "plan": 8,
    "circle": 2,
    "search": 5,
}
"""Parts of a hundred: the pages of the demonstration's tour, as often as its people open them."""


class Person(FastHttpUser):
    """Somebody who opens a page every two seconds, each time as another signed-in person."""

    wait_time = constant_pacing(SECONDS_A_PAGE)

    def on_start(self) -> None:
        """Begin at a moment of one's own, so that people don't all press at once."""
        gevent.sleep(random.uniform(0, SECONDS_A_PAGE))

    @task
    def page(self) -> None:
        """Open one page."""
        person = random.choice(PEOPLE)
        kind = ONLY or random.choices(list(MIX), list(MIX.values()))[0]
        addresses = person["pages"].get(kind) or person["pages"]["my-work"]
        kind = kind if person["pages"].get(kind) else "my-work"
        self.client.cookiejar.clear()  # each page is another person's
        headers = {"Cookie": f"session={person['session']}; csrf={person['csrf']}"}
        if kind == "search":
            self._search(random.choice(addresses), headers, person["csrf"])
            return
        with self.client.get(
            random.choice(addresses), headers=headers, name=kind, allow_redirects=False, catch_response=True
        ) as answer:
            if answer.status_code != 200 or b"</html>" not in (answer.content or b""):
                answer.failure(f"{kind} answered {answer.status_code}")

    def _search(self, address: str, headers: dict[str, str], csrf: str) -> None:
        words = random.choice(("Amir Iqbal", "zara khan", "Jakup Nowak", "Sofia Patelson", "lily smit"))
        with self.client.post(
            address,
            {"text": words, "csrfmiddlewaretoken": csrf},
            headers=headers,
            name="search",
            allow_redirects=False,
            catch_response=True,
        ) as sent:
            if sent.status_code != 302:
                sent.failure(f"search answered {sent.status_code}")
                return
        with self.client.get(
            sent.headers["Location"], headers=headers, name="search results", catch_response=True
        ) as answer:
            if answer.status_code != 200 or b"</html>" not in (answer.content or b""):
                answer.failure(f"search results answered {answer.status_code}")
