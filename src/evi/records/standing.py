"""What the store says of itself: its newest day, and a name for what it holds."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from evi.workspace import District, EviError

STATE = "store.json"


def reference_day(district: District) -> date:
    """The newest day on which the store learnt anything: the day for which an index is made by default.

    Raises:
        EviError: nothing is loaded yet.
    """
    return date.fromisoformat(read_standing(district)["reference_day"])


def store_state(district: District) -> str:
    """A name for what the store holds now; equal states have equal bytes (see `changes_since`).

    Raises:
        EviError: nothing is loaded yet.
    """
    return str(read_standing(district)["state"])


def read_standing(district: District) -> dict[str, Any]:
    """The store's own account of itself.

    Raises:
        EviError: nothing is loaded yet.
    """
    try:
        return dict(json.loads((district.records / STATE).read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise EviError(
            "no events are loaded yet.",
            where=str(district.records),
            do="Run `evi load`, or `evi run`, first.",
        ) from error
