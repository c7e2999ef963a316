"""What is wrong with a file, in words, without repeating what it holds: it may be another file."""

from __future__ import annotations

from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError, best_match

_TYPES = {
    "object": "a list of named settings",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
}


def first_mistake(schema: jsonschema.Draft202012Validator, given: Any, whole: str) -> str | None:
    """The most telling mistake of a file against its schema, as a sentence; None if there is none.

    Args:
        schema: what the file should be.
        given: what was read.
        whole: what to call the file, such as `the plan`.
    """
    wrong = best_match(schema.iter_errors(given))
    if wrong is None:
        return None
    place = ".".join(str(part) for part in wrong.absolute_path)
    return f"{place or whole} {_words(wrong)}."


def _words(wrong: ValidationError) -> str:
    """What should be there."""
    asked: Any = wrong.validator_value
    if wrong.validator == "required":
        there: Any = wrong.instance
        missing = [name for name in asked if name not in there]
        return f"lacks {', '.join(missing)}"
    if wrong.validator == "additionalProperties":
        return "has a setting that isn't known"
    limits = {
        "minimum": "should be at least",
        "exclusiveMinimum": "should be more than",
        "maximum": "should be at most",
        "minItems": "should have at least",
        "minProperties": "should have at least",
    }
    if wrong.validator in limits:
        return f"{limits[wrong.validator]} {asked:g}"
    if wrong.validator == "type":
        return f"should be {_TYPES.get(asked, asked)}"
    if wrong.validator == "enum":
        return f"should be one of {', '.join(asked)}"
    if wrong.validator == "pattern":
        return f"isn't written as it should be ({asked})"
    return "should not be empty" if wrong.validator == "minLength" else "isn't as it should be"
