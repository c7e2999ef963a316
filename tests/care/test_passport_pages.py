"""The passport's pages as people meet them: what is shown, what is refused, two browsers at once, queries."""

from __future__ import annotations

import contextlib
import re
import sys
import zlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evi.care.children.models import Tie
from evi.care.door import ledger
from evi.care.passports.contributions import contribute
from evi.care.passports.models import Passport, ProfileView, Revision, Share
from evi.care.passports.paper import blocks
from evi.care.passports.profiling import answer


def address(world, name, *more, child="amir"):
    return reverse(f"passports:{name}", args=[world.children[child].public_id, *more])


@pytest.fixture
def written(world):
    """Amir's passport with a word in every section and several voices."""
    for section in ("about-me", "strengths", "communication", "learning", "health", "works", "hopes"):
        contribute(
            world.visit("class-teacher"), world.children["amir"], section, "practitioner", f"Of {section}"
        )
    contribute(
        world.visit("senco"),
        world.children["amir"],
        "works",
        "child",
        "Trains",
        pictures=["quiet", "hug"],
        taken_down=True,
    )
    contribute(world.visit("parent"), world.children["amir"], "home", "parent", "Gran lives with us")
    return world


def test_a_passport_is_begun_and_read(world, as_role):
    teacher = as_role("class-teacher")
    page = teacher.get(address(world, "passport")).content.decode()
    assert "Begin the passport" in page
    done = teacher.post(address(world, "begin"), follow=True)
    assert "The passport has begun" in done.content.decode()
    assert Passport.objects.get().begun_by == world.members["class-teacher"].user


def test_the_page_shows_words_pictures_and_whose_they_are(written, as_role):
    page = as_role("senco").get(address(written, "passport")).content.decode()
    for words in ("Of learning", "Gran lives with us", "Trains", "A hug", "Tom Reed", "Fact"):
        assert words in page
    assert "In Amir's words" in page
    assert "What you can&#39;t see" not in page


def test_sections_that_may_not_be_seen_are_named_with_the_reason_once(written, as_role):
    written.tie("amir", "on-caseload", "maternity")
    page = as_role("midwife").get(address(written, "passport")).content.decode()
    assert "Of health" in page
    assert "Of learning" not in page
    told = page[page.index('id="hidden"') :]
    assert "Learning" in told
    assert told.count("<p><strong>") == 1


@pytest.mark.parametrize("who", ["other-senco", "police-officer", "administrator", "other-parent"])
def test_others_are_refused(written, as_role, who):
    client = as_role(who)
    for name, more in (("passport", ()), ("print", ()), ("pdf", ()), ("profile", ()), ("packs", ())):
        answered = client.get(address(written, name, *more))
        assert answered.status_code == 403
        assert "Of learning" not in answered.content.decode()


def test_two_browsers_at_once(written, as_role):
    teacher, senco = as_role("class-teacher"), as_role("senco")
    url = address(written, "write", "learning", "practitioner", "fact")
    forms = [client.get(url).context for client in (teacher, senco)]
    assert forms == [None, None] or forms
    first = {"base": 1, "seen": 9, "text": "Of learning, and maps"}
    assert teacher.post(url, first).status_code == 302
    late = senco.post(url, {"base": 1, "seen": 9, "text": "Of learning well"})
    page = late.content.decode()
    assert late.status_code == 409
    assert "Somebody else wrote here first" in page
    assert "and maps" in page
    assert "well" in page
    assert 'name="base" value="2"' in page
    assert senco.post(url, {"base": 2, "seen": 10, "text": "Of learning well, and maps"}).status_code == 302
    assert list(Revision.objects.filter(contribution__section="learning").order_by("number"))[-1].number == 3


def test_the_second_of_two_services_is_told_who_else_wrote(written, as_role):
    contribute(written.visit("health-visitor"), written.children["amir"], "health", "practitioner", "Asthma")
    done = as_role("senco").post(
        address(written, "write", "health", "practitioner", "opinion"),
        {"base": 0, "seen": 9, "text": "I think he tires"},
        follow=True,
    )
    assert "this section was changed by Hana Vale" in done.content.decode()


def test_a_child_answers_with_pictures_and_without_javascript(written, as_role):
    url = address(written, "write", "learning", "child")
    page = as_role("class-teacher").get(url).content.decode()
    assert page.count('type="radio"') == 4
    assert page.count('class="passport-card__label"') == 15
    data = {"base": 0, "seen": 9, "text": "", "face": "face-ok", "pictures": ["show", "quiet"]}
    refused = as_role("class-teacher").post(url, data)
    assert refused.status_code == 422
    assert "Say that these are their words" in refused.content.decode()
    done = as_role("class-teacher").post(url, data | {"taken_down": "on"})
    assert done.status_code == 302
    assert Revision.objects.get(contribution__section="learning", contribution__voice="child").pictures == [
        "face-ok",
        "show",
        "quiet",
    ]


@pytest.mark.parametrize(
    ("section", "voice", "nature"),
    [("nonsense", "practitioner", "fact"), ("home", "nobody", ""), ("home", "practitioner", "gossip")],
)
def test_an_unknown_place_is_no_page(written, as_role, section, voice, nature):
    more = [section, voice, nature] if nature else [section, voice]
    assert as_role("senco").get(address(written, "write", *more)).status_code == 404


def test_a_parent_does_not_write_as_a_practitioner(written, as_role):
    url = address(written, "write", "home", "practitioner", "fact")
    assert as_role("parent").get(url).status_code == 404
    assert as_role("parent").post(url, {"base": 0, "seen": 0, "text": "x"}).status_code == 404


def test_hostile_words_are_words(written, as_role):
    text = "<script>alert(1)</script><img src=x onerror=alert(1)> 5 < 6 & \u202eabc 🦖"
    url = address(written, "write", "learning", "practitioner", "opinion")
    as_role("senco").post(url, {"base": 0, "seen": 9, "text": text})
    page = as_role("senco").get(address(written, "passport")).content.decode()
    assert "onerror" not in page
    assert "alert(1)" not in page
    assert "5 &lt; 6 &amp; abc 🦖" in page


def test_versions_are_listed_compared_and_put_back(written, as_role):
    url = address(written, "write", "works", "practitioner", "fact")
    senco = as_role("senco")
    senco.post(url, {"base": 1, "seen": 9, "text": "A timer"})
    page = senco.get(address(written, "versions")).content.decode()
    assert "Version 10" in page
    changes = senco.get(address(written, "changes"), {"from": 9, "to": 10}).content.decode()
    assert "taken out:" in changes
    assert "put in:" in changes
    done = senco.post(address(written, "put-back"), {"version": 9, "base": 10}, follow=True).content.decode()
    assert "Of works" in done
    assert "A timer" not in done
    for bad in ({"from": "x", "to": "y"}, {"from": 1, "to": 99}, {}, {"to": "9" * 30}, {"to": "9" * 5000}):
        assert senco.get(address(written, "changes"), bad).status_code == 404
    assert senco.post(address(written, "put-back"), {"version": "x"}).status_code == 400
    nobody = senco.get(address(written, "changes", child="cy"), {"from": 0, "to": 0})
    assert nobody.status_code == 200
    assert "Nothing that you can see is different" in nobody.content.decode()


def test_the_changes_of_a_hidden_section_are_hidden(written, as_role):
    written.tie("amir", "on-caseload", "maternity")
    page = as_role("midwife").get(address(written, "changes"), {"from": 0, "to": 9}).content.decode()
    assert "Of health" in page
    assert "Of learning" not in page


def test_sharing_with_a_person_opens_what_was_named_and_ends(written, as_role):
    parent, other = as_role("parent"), as_role("social-worker")
    assert other.get(address(written, "passport")).status_code == 403
    until = timezone.localdate() + timedelta(days=5)
    data = {
        "items": ["passport.home", "passport.hopes"],
        "email": "social-worker@example.org",
        "last_day_day": until.day,
        "last_day_month": until.month,
        "last_day_year": until.year,
        "why": "So that they know",
    }
    url = address(written, "share") + "?with=social-care"
    done = parent.post(url, data, follow=True)
    assert "It is shared" in done.content.decode()
    page = other.get(address(written, "passport")).content.decode()
    assert "Gran lives with us" in page
    assert "Of learning" not in page
    assert "Sol Wright" in as_role("parent").get(address(written, "shares")).content.decode()
    parent.post(address(written, "end-share", Share.objects.get().public_id))
    assert other.get(address(written, "passport")).status_code == 403
    assert Tie.objects.get(kind="shared-with").until == timezone.localdate()


def test_a_share_form_says_what_is_wrong(written, as_role):
    url = address(written, "share") + "?with=social-care"
    page = as_role("parent").post(url, {"items": ["passport.home"], "email": "nobody@example.org"})
    assert page.status_code == 422
    assert as_role("class-teacher").get(address(written, "share")).status_code == 403


def test_the_profile_page_shows_views_side_by_side(written, as_role):
    amir = written.children["amir"]
    answer(
        written.visit("class-teacher"),
        amir,
        "teacher",
        {f"language.{k}": 0 for k in ("follows", "says", "tells")},
    )
    answer(
        written.visit("parent"), amir, "parent", {f"language.{k}": 3 for k in ("follows", "says", "tells")}
    )
    page = as_role("senco").get(address(written, "profile")).content.decode()
    assert "Seen differently" in page
    assert "Not known" in page
    assert "Special Educational Needs in Mainstream Schools" in page
    assert "<svg" in page
    form = as_role("parent").get(address(written, "answer", "parent")).content.decode()
    assert form.count("<legend") >= 32
    assert as_role("parent").get(address(written, "answer", "teacher")).status_code == 404
    sent = as_role("parent").post(address(written, "answer", "parent"), {"feelings.names": "2"})
    assert sent.status_code == 302
    assert ProfileView.objects.count() == 3
    assert as_role("parent").post(address(written, "answer", "parent"), {}).status_code == 422
    wrong = as_role("parent").post(address(written, "answer", "parent"), {"feelings.names": "9"})
    assert wrong.status_code == 422


@pytest.mark.parametrize("name", ["passport", "versions", "profile", "shares", "packs", "print", "easy-read"])
def test_pages_ask_few_questions_of_the_database(written, as_role, name):
    client = as_role("senco")
    client.get(address(written, name))
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address(written, name)).status_code == 200
    asked = [each["sql"] for each in captured.captured_queries if "SAVEPOINT" not in each["sql"]]
    assert len(asked) <= (12 if name in ("print", "easy-read") else 10), asked


def test_paper_is_an_export_in_the_ledger(written, as_role):
    page = as_role("senco").get(address(written, "print")).content.decode()
    assert "Gran lives with us" in page
    (entry,) = [each for each in ledger.entries() if each.action == "export"]
    assert "passport.home" in entry.permitted


def test_a_closed_section_explains_itself_and_can_be_raised(written, as_role):
    written.tie("amir", "on-caseload", "maternity")
    refused = as_role("midwife").get(address(written, "section", "learning"))
    assert refused.status_code == 403
    assert "learning in the passport" in refused.content.decode()
    assert as_role("midwife").get(address(written, "section", "health")).url.endswith("#section-health")
    assert as_role("midwife").get(address(written, "section", "nonsense")).status_code == 404


def test_the_pdf_is_tagged_and_on_two_pages(written, as_role):
    pytest.importorskip("weasyprint")
    for number in range(6):
        contribute(
            written.visit("class-teacher"),
            written.children["amir"],
            ("sensory", "home", "works", "hopes", "learning", "health")[number],
            "practitioner",
            "Long words about what was seen. " * 12 + "\n\nاردو میں بھی",
            nature="opinion",
        )
    answered = as_role("senco").get(address(written, "pdf"))
    assert (answered.status_code, answered["Content-Type"]) == (200, "application/pdf")
    assert answered.content.startswith(b"%PDF")
    assert b"/StructTreeRoot" in unpacked(answered.content)
    assert pages(answered.content) <= 2
    assert pages(as_role("senco").get(address(written, "easy-pdf")).content) > 2


def unpacked(pdf):
    """A PDF with its compressed parts opened."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = []
    for part in parts:
        with contextlib.suppress(zlib.error):
            opened.append(zlib.decompress(part))
    return pdf + b"".join(opened)


def pages(pdf):
    """How many pages a PDF says that it has."""
    return len(re.findall(rb"/Type ?/Page\b", unpacked(pdf)))


def test_without_pango_the_print_view_is_offered(written, as_role, monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    done = as_role("senco").get(address(written, "pdf"), follow=True)
    assert "Pango is not installed" in done.content.decode()
    assert "Print this page from your browser" in done.content.decode()


def test_a_pdf_fetches_nothing(written, as_role):
    pytest.importorskip("weasyprint")
    from evi.care.passports.paper import _fetch_nothing

    with pytest.raises(ValueError, match="no address"):
        _fetch_nothing("http://169.254.169.254/")


@pytest.mark.parametrize(
    ("text", "way"), [("اردو", "rtl"), ("12 שלום", "rtl"), ("Hi اردو", "ltr"), ("1!", "ltr")]
)
def test_each_paragraph_has_its_direction(text, way):
    assert blocks(text) == [(way, [text])]
