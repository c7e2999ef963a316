"""Form fields as the design system draws them: from Django's bound field to the parameters of a macro."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.forms import BaseForm
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

_KINDS: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.HiddenInput, "hidden"),
    (forms.PasswordInput, "password"),
    (forms.Textarea, "textarea"),
    (forms.CheckboxSelectMultiple, "checkboxes"),
    (forms.RadioSelect, "radios"),
    (forms.Select, "select"),
    (forms.CheckboxInput, "checkbox"),
    (forms.FileInput, "file"),
)


class DayWidget(forms.MultiWidget):
    """A date as three boxes: day, month, year."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        parts: dict[str, forms.Widget | type[forms.Widget]] = {
            part: forms.TextInput() for part in ("day", "month", "year")
        }
        super().__init__(parts, attrs)

    def decompress(self, value: Any) -> list[Any]:
        """The three parts."""
        return [value.day, value.month, value.year] if isinstance(value, date) else [None, None, None]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """`2026-02-03`, or whatever was written in the boxes so that it can be refused as it was written."""
        day, month, year = ("".join(str(part or "").split()) for part in self._parts(data, files, name))
        if not (day or month or year):
            return ""
        return f"{year}-{month.zfill(2)}-{day.zfill(2)}"

    def _parts(self, data: Any, files: Any, name: str) -> list[Any]:
        found: list[Any] = super().value_from_datadict(data, files, name)
        return found

    def written(self, bound: BoundField) -> list[Any]:
        """What stands in the boxes: what was sent, else the value that the form began with."""
        if bound.form.is_bound:
            return self._parts(bound.form.data, bound.form.files, bound.html_name)
        return self.decompress(bound.value())


class DayField(forms.DateField):
    """A date that a person writes as day, month and year."""

    widget = DayWidget

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["%Y-%m-%d"])
        super().__init__(**kwargs)
        self.error_messages["invalid"] = _("Write a real date, like 27 3 2016")


def control(bound: BoundField, **options: Any) -> dict[str, Any]:
    """`kind` (the macro to use) and `params` (what to give it) of a bound field.

    `options` go over what the field itself says (`rows`, `width`, `classes`, `inline`); `legend` True makes
    the question the page's heading.
    """
    widget = bound.field.widget
    kind = "date" if isinstance(widget, DayWidget) else _kind(widget)
    heading = options.pop("heading", False)
    question: dict[str, Any] = {"text": bound.label}
    question |= {"isPageHeading": True, "size": "l"} if heading else {}
    params: dict[str, Any] = {"name": bound.html_name, "id": bound.id_for_label or bound.auto_id}
    hint = str(bound.help_text or "")  # a lazy text becomes what it is, markup or not
    if hint:
        params["hint"] = {"html": hint} if hasattr(hint, "__html__") else {"text": hint}
    if bound.errors:
        params["errorMessage"] = {"text": _said(bound.form, bound.name)[0], "visuallyHiddenText": _("Error")}
    params |= _SHAPES.get(kind, _shape_of_text)(bound, widget, question)
    return {"kind": kind, "params": params | options}


def error_list(form: BaseForm) -> list[dict[str, str]]:
    """Every error of a form with the address of the control that it belongs to."""
    found: list[dict[str, str]] = []
    for name in form.errors:
        for text in _said(form, name):
            line = {"text": text}
            if name in form.fields:
                line["href"] = f"#{_first_control(form[name])}"
            found.append(line)
    return found


def _said(form: BaseForm, name: str) -> list[str]:
    """The errors of a field; one that is empty and must not be says which it is."""
    found: list[str] = []
    for error in form.errors.as_data()[name]:
        plain = forms.Field.default_error_messages["required"] == error.message
        if error.code == "required" and plain and name in form.fields:
            found.append(_("Fill in: %(field)s") % {"field": form[name].label})
        else:
            found.extend(str(message) for message in error.messages)
    return found


def _kind(widget: forms.Widget) -> str:
    return next((kind for base, kind in _KINDS if isinstance(widget, base)), "input")


def _first_control(bound: BoundField) -> str:
    if isinstance(bound.field.widget, DayWidget):
        return f"{bound.auto_id}-day"
    return bound.auto_id or bound.html_name


def _shape_of_text(bound: BoundField, widget: forms.Widget, question: dict[str, Any]) -> dict[str, Any]:
    kind = getattr(widget, "input_type", "text")
    kept = {name: value for name, value in widget.attrs.items() if name not in ("class", "placeholder")}
    shape: dict[str, Any] = {"label": question, "type": kind}
    for name in ("autocomplete", "inputmode", "autocapitalize", "rows", "spellcheck"):
        if name in kept:
            shape[name] = kept.pop(name)
    if kind not in ("password", "file"):
        value = bound.value()
        shape["value"] = "" if value is None else str(bound.field.widget.format_value(value) or "")
    limit = getattr(bound.field, "max_length", None)
    if limit and kind not in ("password", "file"):
        kept["maxlength"] = limit
    if getattr(widget, "input_type", "") == "text" and "dir" not in kept:
        kept["dir"] = "auto"
    kept.pop("cols", None)
    shape["attributes"] = {name: str(value) for name, value in kept.items()}
    return shape


def _shape_of_textarea(bound: BoundField, widget: forms.Widget, question: dict[str, Any]) -> dict[str, Any]:
    shape = _shape_of_text(bound, widget, question)
    shape.pop("type")
    shape["attributes"]["dir"] = "auto"
    return shape


def _shape_of_choices(bound: BoundField, widget: Any, question: dict[str, Any]) -> dict[str, Any]:
    chosen = {str(value) for value in _several(bound.value())}
    items = [
        {"value": str(value), "text": str(text), "checked": str(value) in chosen}
        for value, text in _flat(widget.choices)
        if str(value) != "" or isinstance(widget, forms.RadioSelect)
    ]
    question.setdefault("size", "s")
    return {
        "fieldset": {"legend": question},
        "items": items,
        "idPrefix": bound.auto_id,
        "id": bound.auto_id + "-all",
    }


def _shape_of_select(bound: BoundField, widget: Any, question: dict[str, Any]) -> dict[str, Any]:
    chosen = {str(value) for value in _several(bound.value())}
    items = [
        {"value": str(value), "text": str(text), "selected": str(value) in chosen}
        for value, text in _flat(widget.choices)
    ]
    kept = {name: str(value) for name, value in widget.attrs.items() if name != "class"}
    return {"label": question, "items": items, "attributes": kept}


def _shape_of_checkbox(bound: BoundField, widget: Any, question: dict[str, Any]) -> dict[str, Any]:
    item = {"value": "on", "text": question["text"], "checked": bool(bound.value())}
    return {"items": [item], "idPrefix": bound.auto_id, "id": bound.auto_id + "-all"}


def _shape_of_date(bound: BoundField, widget: DayWidget, question: dict[str, Any]) -> dict[str, Any]:
    names = {"day": _("Day"), "month": _("Month"), "year": _("Year")}
    items = [
        {
            "name": f"{bound.html_name}_{part}",
            "id": f"{bound.auto_id}-{part}",
            "label": names[part],
            "value": "" if value is None else str(value),
            "width": 4 if part == "year" else 2,
            "error": bool(bound.errors),
        }
        for part, value in zip(names, widget.written(bound), strict=True)
    ]
    question.setdefault("size", "s")
    return {"fieldset": {"legend": question}, "items": items, "id": bound.auto_id}


def _several(value: Any) -> Iterable[Any]:
    if value is None:
        return []
    return value if isinstance(value, list | tuple | set) else [value]


def _flat(choices: Iterable[Any]) -> list[tuple[Any, Any]]:
    made: list[tuple[Any, Any]] = []
    for value, text in choices:
        made.extend(text if isinstance(text, list | tuple) else [(value, text)])
    return made


_SHAPES: dict[str, Any] = {
    "textarea": _shape_of_textarea,
    "checkboxes": _shape_of_choices,
    "radios": _shape_of_choices,
    "select": _shape_of_select,
    "checkbox": _shape_of_checkbox,
    "date": _shape_of_date,
}
