"""Form controls: what a Django field becomes on the page, and what a template may not leave out."""

from __future__ import annotations

import html
import json
import re
from datetime import date

import pytest
from django import forms
from django.template import loader
from django.utils import translation
from jinja2 import UndefinedError

from evi.care.controls import DayField, control, error_list
from evi.care.jinja import day, direction, moment, paragraphs

HOSTILE = "<script>alert('x')</script>\" onfocus=\"x"


class Sample(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="A name", help_text="As it is <i>said</i>", max_length=20)
    story = forms.CharField(label="What happened", widget=forms.Textarea)
    one = forms.ChoiceField(label="One", choices=[("", "-"), ("a", "A <b>"), ("b", "B")])
    some = forms.MultipleChoiceField(
        label="Some", choices=[("1", "First"), ("2", "Second")], widget=forms.CheckboxSelectMultiple
    )
    way = forms.ChoiceField(label="Way", choices=[("l", "Left"), ("r", "Right")], widget=forms.RadioSelect)
    agreed = forms.BooleanField(label="I agree")
    born = DayField(label="Born")
    secret = forms.CharField(label="Secret", widget=forms.PasswordInput)
    hidden = forms.CharField(widget=forms.HiddenInput)


def drawn(template: str, **context: object) -> str:
    environment = loader.get_template("frame.html").backend.env  # type: ignore[attr-defined]
    head = '{% from "forms.html" import field, fields, errors, button_row, post_button with context %}'
    return environment.from_string(head + template).render(context)


def sent(**changed: object) -> Sample:
    data = {"name": "N", "story": "S", "one": "a", "some": ["2"], "way": "r", "agreed": "on", "secret": "s"}
    return Sample({**data, "hidden": "h", "born_day": "9", "born_month": "3", "born_year": "2020", **changed})


def test_every_kind_of_field_keeps_what_was_sent() -> None:
    form = sent()
    text = drawn("{{ fields(form) }}", form=form)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["born"] == date(2020, 3, 9)
    assert 'value="N"' in text
    assert ">S</textarea>" in text
    assert 'value="2020"' in text
    assert text.count(" checked") == 3
    assert text.count(" selected") == 1
    assert 'type="hidden" name="hidden" value="h"' in text


def test_a_password_never_comes_back() -> None:
    assert "tellnobody" not in drawn("{{ fields(form) }}", form=sent(secret="tellnobody", name=""))


def test_nothing_that_a_person_wrote_is_markup() -> None:
    form = sent(name=HOSTILE, story=HOSTILE, one=HOSTILE, born_year=HOSTILE)
    text = drawn("{{ errors(form) }}{{ fields(form) }}", form=form)
    assert "<script>" not in text
    assert 'onfocus="x' not in text
    assert "A &lt;b&gt;" in text
    assert "<i>said</i>" not in text


def test_each_error_leads_to_its_control() -> None:
    form = sent(name="", born_day="31", born_month="2", way="")
    text = drawn("{{ errors(form) }}{{ fields(form) }}", form=form)
    found = {line["href"]: line["text"] for line in error_list(form)}
    assert found == {
        "#id_name": "Fill in: A name",
        "#id_way": "Fill in: Way",
        "#id_born-day": "Write a real date, like 27 3 2016",
    }
    for address in found:
        assert f'id="{address[1:]}"' in text
        assert f'href="{address}"' in text
    assert 'aria-describedby="id_name-hint id_name-error"' in text


def test_a_form_without_errors_has_no_summary() -> None:
    assert drawn("{{ errors(form) }}", form=Sample()).strip() == ""


@pytest.mark.parametrize(
    "written", [("9", "", "2020"), ("9", "13", "2020"), ("x", "y", "z"), ("٩", "3", "20200")]
)
def test_a_day_that_is_none_is_shown_as_it_was_written(written: tuple[str, str, str]) -> None:
    form = sent(born_day=written[0], born_month=written[1], born_year=written[2])
    assert "born" in form.errors
    items = control(form["born"])["params"]["items"]
    assert tuple(item["value"] for item in items) == written


def test_a_day_field_begins_with_its_date() -> None:
    items = control(Sample(initial={"born": date(2020, 3, 9)})["born"])["params"]["items"]
    assert [item["value"] for item in items] == ["9", "3", "2020"]


@pytest.mark.parametrize(
    "template", ["{{ chidl }}", "{{ child.nmae }}", "{{ child.nmae.first }}", "{{ form.x }}"]
)
def test_a_name_that_is_not_there_stops_the_page(template: str) -> None:
    with pytest.raises(UndefinedError):
        drawn(template, child=object(), form=object())


def test_the_design_systems_own_parameters_may_be_left_out() -> None:
    text = drawn('{{ button_row("Go", cancel="/") }}{{ post_button("/x/", "Stop", inside={"a": "<"}) }}')
    assert 'name="a" value="&lt;"' in text
    assert "undefined" not in text.lower()


def test_dates_and_paragraphs() -> None:
    assert day(date(2026, 2, 3)) == "3 February 2026"
    assert day(date(2026, 2, 3), short=True) == "3 Feb 2026"
    assert day(None) == moment(None) == ""
    start = '<p class="evi-written" dir="auto">'
    assert paragraphs("a\r\nb\n\n<i>c</i>") == f"{start}a<br>b</p>\n{start}&lt;i&gt;c&lt;/i&gt;</p>"
    assert paragraphs(None) == ""
    with translation.override("ur"):
        assert direction() == "rtl"
        assert day(date(2026, 2, 3)) == "3 فروری 2026"
    with translation.override("pl"):
        assert direction() == "ltr"
        assert "2026" in day(date(2026, 2, 3))


def test_htmx_comes_from_this_host_and_runs_nothing_out_of_attributes() -> None:
    text = drawn('{% include "htmx.html" %}')
    assert re.search(r'src="/static/django_htmx/htmx-2\.min\.[0-9a-f]{12}\.js"', text)
    said = json.loads(html.unescape(re.search(r"content='([^']+)'", text).group(1)))  # type: ignore[union-attr]
    assert said == {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
    }
