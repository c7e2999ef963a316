"""Forms and sessions under attack: other sites, extra fields, wrong files, kept sessions, guessed words."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa import signals as steps
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.test import Client, RequestFactory
from django.urls import reverse

from evi.care.accounts import inviting, passwords, signing
from evi.care.accounts.models import Membership, User
from evi.care.circles.models import Message
from evi.care.exchange.reading import MAX_BYTES
from evi.care.home import home
from evi.care.limits import COPIES
from evi.care.logs import QuietFormatter
from evi.care.serving import Server
from evi.care.uploads import BoundedUploadHandler
from tests.care import everything
from tests.care.conftest import World
from tests.care.endpoints import arguments_of, endpoints, served
from tests.care.test_accounts_signing import PASSWORD, is_in, try_password
from tests.care.test_shell_pages import signed_in


def test_every_form_of_another_site_is_refused(world: World, as_role: Callable[[str], Client]) -> None:
    samples = everything.make(world)
    client = Client(enforce_csrf_checks=True)
    client.cookies = as_role("senco").cookies
    walked, wrong = 0, []
    for each in endpoints():
        if each.method != "GET" and not each.name.startswith(("api:v1:", "api:nothing")):
            answer = client.generic(each.method, reverse(each.name, kwargs=arguments_of(each, samples)))
            walked += 1
            if answer.status_code != 403 or b"This form was not sent" not in answer.content:
                wrong.append(f"{each.method} {each.name}: {answer.status_code}")
    for each in served():
        if each.name.startswith(("account_", "mfa_", "socialaccount_")) and "<" not in each.route:
            answer = client.post("/" + each.route)
            walked += 1
            if answer.status_code not in (403, 405):
                wrong.append(f"POST {each.name}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert walked > 70


def test_a_session_opens_nothing_of_the_programs_interface(as_role: Callable[[str], Client]) -> None:
    """It needs no token of a form, so it must not take a browser's session."""
    assert as_role("senco").get("/api/v1/children").status_code == 401


def test_no_form_writes_fields_that_it_does_not_show() -> None:
    made = [form for form in _below(forms.ModelForm) if form.__module__.startswith("evi.care.")]
    assert {form.__name__: list(form.base_fields) for form in made} == {"TeamForm": ["name"]}


def _below(kind: type) -> list[Any]:
    return [each for one in kind.__subclasses__() for each in (one, *_below(one))]


def test_extra_fields_change_nothing(world: World, as_role: Callable[[str], Client]) -> None:
    more = {
        "is_superuser": "on",
        "organisation": "lake-school",
        "by": "1",
        "child": "x",
        "public_id": "x",
    }
    _made, token = inviting.invite(
        world.organisations["hill-school"],
        world.members["administrator"].user,
        {"email": "n@example.org", "role": "class-teacher"},
    )
    sent = {"name": "Nora", "password": PASSWORD, "again": PASSWORD, "role": "administrator", **more}
    assert Client().post(reverse("accounts:join", args=[token]), sent).status_code == 302
    user = User.objects.get(email="n@example.org")
    assert not user.is_superuser and user.public_id != "x"
    held = Membership.objects.get(user=user)
    assert (held.role, held.organisation.code) == ("class-teacher", "hill-school")
    everything.make(world)
    amir, senco = world.children["amir"], as_role("senco")
    before = set(Message.objects.values_list("pk", flat=True))
    written = {"kind": "update", "subject": "S", "text": "T", "for": "everyone", "whom": "everyone", **more}
    senco.post(reverse("circles:new-message", args=[amir.public_id]), written)
    made = Message.objects.exclude(pk__in=before).get()
    assert (made.child, made.by) == (amir, world.members["senco"]) and made.public_id != "x"


def test_another_role_is_another_session_and_leaving_clears_the_browser(world: World) -> None:
    client = signed_in(world)
    before = client.cookies["session"].value
    answer = client.post(reverse("accounts:acting-as"), {"role": world.members["senco"].pk})
    assert answer.status_code == 302 and client.cookies["session"].value != before
    kept = Client()
    kept.cookies["session"] = before
    assert not is_in(kept)
    assert client.post(reverse("account_logout")).headers["Clear-Site-Data"] == '"cache", "storage"'


def test_a_closed_account_is_out_at_its_next_page(world: World) -> None:
    client = signed_in(world)
    User.objects.filter(pk=world.members["senco"].user.pk).update(is_active=False)
    assert not is_in(client)


def test_messages_are_not_kept_in_the_browser(world: World) -> None:
    client = signed_in(world)
    client.post(reverse("accounts:language"), {"language": "en-gb"})
    assert set(client.cookies) <= {"session", "csrf", "language"}


@pytest.mark.parametrize(
    "target", ["/account/\r\nX-Injected: 1", "/account/%0d%0aX-Injected:1", "javascript:alert(1)"]
)
def test_nothing_is_put_into_the_headers(world: World, target: str) -> None:
    client = signed_in(world)
    for answer in (
        client.post(reverse("accounts:language"), {"language": "pl", "next": target}),
        try_password(Client(), world.members["senco"].user.email, PASSWORD, next=target),
    ):
        assert "X-Injected" not in answer.headers
        assert not re.search(r"[\r\n]|javascript:", answer.headers.get("Location", ""))


def test_whose_word_counts_on_the_readers_address(rf: RequestFactory, settings: Any) -> None:
    told = {"X-Forwarded-For": "6.6.6.6, 10.0.0.1", "X-Forwarded-Host": "elsewhere.example"}
    request = rf.get("/", headers=told)
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0
    assert signing.client_address(request) == "127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert signing.client_address(request) == "10.0.0.1"
    assert request.get_host() == "testserver"


def test_copies_of_records_are_not_taken_by_the_hundred(
    world: World, as_role: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evi.care.limits.time.time", lambda: 1_800_000_000)
    address = reverse("exchange:exchange", args=[world.children["amir"].public_id])
    client = as_role("senco")
    assert [client.get(address).status_code for _ in range(COPIES + 1)] == [200] * COPIES + [429]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan.json", b"\x89PNG\r\n\x1a\n" + b"\0" * 64),
        ("plan.json", b"PK\x03\x04" + b"\0" * 64),
        ("plan.json", b"%PDF-1.7\n"),
        ("../../etc/passwd", b"<script>alert(1)</script>"),
        ("plan.json", b" " * (MAX_BYTES + 4096)),
    ],
    ids=["picture", "archive", "paper", "a path as its name", "too big"],
)
def test_a_file_is_judged_by_what_is_in_it(
    world: World, as_role: Callable[[str], Client], name: str, content: bytes
) -> None:
    address = reverse("exchange:bring-in", args=[world.children["amir"].public_id])
    file = SimpleUploadedFile(name, content, content_type="application/json")
    answer = as_role("senco").post(address, {"file": file})
    assert answer.status_code == 422
    assert b"passwd" not in answer.content and b"<script>alert" not in answer.content
    if len(content) > MAX_BYTES:
        assert b"too big" in answer.content


def test_of_a_big_file_no_more_is_kept_than_is_read(settings: Any) -> None:
    assert settings.FILE_UPLOAD_HANDLERS == ["evi.care.uploads.BoundedUploadHandler"]
    handler: FileUploadHandler = BoundedUploadHandler()
    handler.new_file("file", "x.json", "application/json", None, None)
    part, came = b"x" * 65_536, 0
    while came < 5 * MAX_BYTES:
        assert handler.receive_data_chunk(part, came) is None
        came += len(part)
    file = handler.file_complete(came)
    assert file is not None and file.size == came and len(file.read()) == MAX_BYTES


@pytest.mark.parametrize(
    "password", ["Hill-Primary-2026!", "evi-children-school", "senco-senco-99", "health visitor 1"]
)
def test_words_that_everybody_here_knows_are_no_password(world: World, password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, world.members["midwife"].user)
    validate_password("hill of seven lanterns", world.members["midwife"].user)


def test_a_password_from_a_break_in_is_refused_where_there_is_a_list(world: World, tmp_path: Path) -> None:
    known = [f"a known password {number}" for number in range(400)]
    lines = sorted(hashlib.sha1(each.encode()).hexdigest().upper() + ":7" for each in known)
    place = home() / passwords.KNOWN
    place.write_text("\r\n".join(lines) + "\r\n", encoding="ascii")
    try:
        for each in known[::7]:
            with pytest.raises(ValidationError):
                passwords.KnownPasswordValidator().validate(each)
        for number in range(100):
            passwords.KnownPasswordValidator().validate(f"an unknown one {number}")
    finally:
        place.unlink()
    passwords.KnownPasswordValidator().validate(known[0])


def test_signing_in_is_in_the_log_and_no_name_is(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="evi.security")
    user = world.members["senco"].user
    client = signed_in(world)
    try_password(Client(), user.email, "a wrong password")
    client.post(reverse("account_logout"))
    said = [record.getMessage() for record in caplog.records if record.name == "evi.security"]
    assert [line.split(":")[0] for line in said] == ["signed in", "not let in", "signed out"]
    assert user.public_id in said[0] and user.email not in caplog.text and user.name not in caplog.text


def test_nobody_writes_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    forged = "x\r\n2026-01-01 ERROR evi: all is well\x1b[2K\u2028y"
    record = logging.LogRecord("evi", logging.ERROR, __file__, 1, "asked for %s", (forged,), None)
    line = QuietFormatter().format(record)
    assert len(line.splitlines()) == 1 and "\x1b" not in line and r"\r\n" in line
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 ERROR evi: ", line)


def test_the_web_server_keeps_no_list_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gunicorn writes a line for each request only if it is told where to; `evi serve` does not."""
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str]) -> None:
            started.append(command)

        def poll(self) -> int:
            return 0

    monkeypatch.setattr("evi.care.serving.check_port", lambda *_given: None)
    monkeypatch.setattr("evi.care.serving.subprocess.Popen", Process)
    with pytest.raises(Exception, match="stopped as it was started"):
        Server("127.0.0.1", 8_765, 1).start()
    from gunicorn.config import Config

    assert "warning" in started[0] and not re.search("access|capture", " ".join(started[0]))
    assert Config().settings["accesslog"].get() is None


@pytest.mark.parametrize("signal", ["authenticator_added", "authenticator_removed", "authenticator_reset"])
def test_a_changed_second_step_ends_sessions_elsewhere(
    world: World, as_role: Callable[[str], Client], rf: RequestFactory, signal: str
) -> None:
    here, elsewhere, other = signed_in(world), Client(), as_role("midwife")
    user = world.members["senco"].user
    assert try_password(elsewhere, user.email, PASSWORD).status_code == 302
    assert is_in(elsewhere) and is_in(other)
    request = rf.post("/")
    request.session = here.session
    getattr(steps, signal).send(sender=Authenticator, request=request, user=user, authenticator=None)
    assert is_in(here) and is_in(other) and not is_in(elsewhere)


def test_an_ended_role_ends_the_sessions(world: World, as_role: Callable[[str], Client]) -> None:
    teacher, held = as_role("class-teacher"), world.members["class-teacher"]
    address = reverse("accounts:person", args=[held.user.public_id])
    assert as_role("administrator").post(address, {"end": str(held.pk)}).status_code == 302
    assert not is_in(teacher)


def test_a_password_is_taken_as_it_was_typed(world: World) -> None:
    said = {"email": "n@example.org", "role": "class-teacher"}
    hill, boss = world.organisations["hill-school"], world.members["administrator"].user
    typed = "  Three Odd words\u00a0 " + "x" * 100 + " "
    _made, token = inviting.invite(hill, boss, said)
    sent = {"name": "Nora", "password": typed, "again": typed}
    assert Client().post(reverse("accounts:join", args=[token]), sent).status_code == 302
    assert User.objects.get(email="n@example.org").check_password(typed)
    assert not is_in_with(typed.strip()) and is_in_with(typed)


def is_in_with(password: str) -> bool:
    client = Client()
    try_password(client, "n@example.org", password)
    return is_in(client)
