"""What every answer carries against attacks from other sites, and what the build of the sheets leaves out."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from evi.care import assets_build, mail
from evi.care.accounts.models import User
from evi.care.assets_build import build_assets, cleaned_style
from evi.care.limits import limited
from evi.care.logs import QuietFormatter
from evi.workspace import EviError
from tests.care.conftest import World
from tests.care.test_shell_pages import whole


def test_every_answer_is_shut_against_other_sites(as_role: Callable[[str], Client]) -> None:
    client = as_role("senco")
    for path in (reverse("account_login"), reverse("accounts:account"), "/no-such-page/", "/"):
        answer = client.get(path)
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "geolocation=()" in answer["Permissions-Policy"]
        policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.search(r"https?:|\*", answer["Content-Security-Policy"])


def test_pages_of_a_person_are_not_kept_by_anybody(as_role: Callable[[str], Client]) -> None:
    for path in (reverse("accounts:account"), "/"):
        kept = as_role("senco").get(path)["Cache-Control"]
        assert {"no-store", "private"} <= set(kept.split(", ")), path


def test_a_host_that_is_not_ours_gets_nothing(client: Client) -> None:
    assert client.get("/", headers={"host": "elsewhere.example"}).status_code == 400


def test_debugging_is_off_and_the_key_is_not_in_the_code() -> None:
    assert settings.DEBUG is False
    assert len(settings.SECRET_KEY) >= 60
    assert settings.SECRET_KEY not in Path(assets_build.HERE / "settings.py").read_text(encoding="utf-8")


def test_under_tls_cookies_and_addresses_are_locked_to_it() -> None:
    ask = (
        "from evi.care import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, "
        "s.LANGUAGE_COOKIE_SECURE, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.LANGUAGE_COOKIE_NAME, "
        "s.SECURE_HSTS_SECONDS > 10**7, s.SECURE_HSTS_INCLUDE_SUBDOMAINS)"
    )
    said = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "EVI_CARE_TLS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    names = ["__Host-session", "__Host-csrf", "__Host-language"]
    assert said.stdout.split() == ["True", "True", "True", *names, "True", "True"]


def test_the_sheets_call_nobody_and_show_no_mark_of_others() -> None:
    served = build_assets() / "static" / "evi"
    sheets = list(served.glob("evi*.css"))
    assert len(sheets) >= 4
    for path in [*sheets, *served.glob("*.js"), *served.glob("*.svg")]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(
            r"https?://|url\(['\"]?/(?!/)|sourceMappingURL|Frutiger|@font-face|\(Link:", text
        ), path
    assert not [path for path in served.iterdir() if "logo" in path.name and "evi" not in str(path.parent)]
    left, right = (
        (served.parent.parent / "sources" / "evi" / name).read_text() for name in ("evi.css", "evi.rtl.css")
    )
    assert ".nhsuk-back-link" in left and ".nhsuk-back-link" in right
    assert left.count("margin-left") == right.count("margin-right") > 20


def test_a_sheet_that_changed_its_ways_is_refused() -> None:
    with pytest.raises(EviError, match="does not know how to take out"):
        cleaned_style("a{background:url(https://elsewhere.example/x.png)}")
    with pytest.raises(EviError):
        cleaned_style("a{font-family:Frutiger}")
    assert (
        cleaned_style("@font-face{src:url(https://x.example/f)}b{c:url(/assets/images/i.svg)}")
        == "b{c:url(i.svg)}"
    )


def test_without_a_network_the_build_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(EviError) as refused:
        assets_build._fetch(tmp_path / "here")
    assert "EVI_CARE_ASSETS" in str(refused.value)


def test_the_lock_names_every_package_with_its_checksum() -> None:
    lock = json.loads((assets_build.OWN / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert {"node_modules/nhsuk-frontend", "node_modules/rtlcss"} <= set(packages)
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values()), "from whichever registry npm is set to"


def test_the_repository_holds_no_copy_of_the_design_system() -> None:
    names = [path.name for path in assets_build.OWN.rglob("*") if path.is_file()]
    assert not [name for name in names if "nhsuk" in name or name.endswith((".min.css", ".min.js", ".woff2"))]


def test_two_builds_at_once_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and finds it done."""
    built: list[int] = []
    monkeypatch.setattr(assets_build, "folder", lambda: tmp_path / "assets-x")
    monkeypatch.setattr(assets_build, "_fetch", lambda place: place.mkdir() or built.append(1) or place)
    for name in ("_style", "_scripts", "_translations", "_collect"):
        monkeypatch.setattr(assets_build, name, lambda *given: None)
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: assets_build.build_assets(), range(4)))) == 1
    assert built == [1]


@pytest.mark.parametrize("address", ["https://mail.example", "smtp://", "mail.example:25"])
def test_a_mail_server_is_named_rightly_and_its_password_not_shown(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVI_CARE_MAIL", address)
    with pytest.raises(EviError):
        mail.settings()
    monkeypatch.setenv("EVI_CARE_MAIL", "smtps://me:s%40crit@mail.example")
    said = mail.settings()
    assert (said["EMAIL_PORT"], said["EMAIL_USE_SSL"], said["EMAIL_HOST_PASSWORD"]) == (465, True, "s@crit")


def test_what_people_are_called_is_never_markup(as_role: Callable[[str], Client]) -> None:
    client = as_role("senco")
    User.objects.filter(email="senco@example.org").update(name="<script>alert(1)</script>")
    page = client.get(reverse("accounts:account")).content.decode()
    whole(page)
    assert "&lt;script&gt;" in page


def test_the_log_says_where_it_broke_and_never_what_was_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(name: str) -> None:
        try:
            int(name)
        except ValueError as error:
            raise RuntimeError(f"no number: {name}") from error

    handler = logging.StreamHandler(made := io.StringIO())
    handler.setFormatter(QuietFormatter())
    logger = logging.getLogger("evi.test")
    logger.addHandler(handler)
    try:
        breaks("Amir Iqbal")
    except RuntimeError:
        logger.exception("Internal Server Error: /children/x/")
    finally:
        logger.removeHandler(handler)
    said = made.getvalue()
    assert "Amir" not in said
    assert "RuntimeError" in said and "while ValueError" in said and "in breaks" in said


def test_a_costly_page_answers_so_often_and_each_person_for_themselves(
    world: World, rf: RequestFactory
) -> None:
    cache.clear()
    asked = limited("search", per_minute=3)(lambda request: HttpResponse("found"))

    def ask(key: str) -> int:
        request = rf.get("/")
        request.user = world.members[key].user
        request.session = {}  # type: ignore[assignment]
        return asked(request).status_code

    assert [ask("senco") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert ask("health-visitor") == 200
