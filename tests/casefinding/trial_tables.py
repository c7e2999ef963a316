"""Protocols of made-up trials, to be bent by tests."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from evi.casefinding.trials.protocol import Outcome, Protocol, make_protocol

EXAMPLES = files("evi.casefinding.trials") / "examples"


def table(design: str = "parallel") -> dict[str, Any]:
    """The example's table, a new one each time."""
    return yaml.safe_load((EXAMPLES / f"{design}.yaml").read_text(encoding="utf-8"))


def trial(design: str = "parallel", *, sizes: list[int] | None = None, **changed: Any) -> Protocol:
    """A protocol with some parts changed; `sizes` makes as many schools of these sizes."""
    made = table(design)
    if sizes is not None:
        made["clusters"] = [
            {"id": f"S{number:02}", "size": size, "deprivation": (7 * number) % 50}
            for number, size in enumerate(sizes)
        ]
    made.update(changed)
    return make_protocol(made)


def outcome(kind: str = "share", **changed: Any) -> Outcome:
    """An outcome; `changed` are its fields."""
    usual = {"share": (0.2, 0.0, 0.1), "days": (90.0, 50.0, 15.0), "count": (2.0, 0.0, 0.5)}[kind]
    fields = {
        "id": "it", "title": "it", "primary": True, "kind": kind, "since": ("EDU/EYFSP/*",),
        "to": ("EDU/SEN/SUPPORT",),
        "not_before": (), "within_days": 365, "better": "more", "worthwhile": usual[2], "base": usual[0],
        "sd": usual[1], "icc": 0.05, "cac": 0.8, "source": "made up",
    }  # fmt: skip
    return Outcome(**{**fields, **changed})
