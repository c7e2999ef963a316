"""Schemathesis calls every operation with what its document allows and with what it forbids: no 5xx.

`EVI_API_EXAMPLES` sets how many calls of each kind an operation gets (the lean run of the test command: 3).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from evi.care.api import tokens
from evi.care.wsgi import application
from tests.care.conftest import World
from tests.care.test_api import make_plan

EXAMPLES = int(os.environ.get("EVI_API_EXAMPLES", "3"))
ROLES = ("senco", "administrator")


@pytest.fixture
def secrets(world: World) -> list[str]:
    """Tokens of two roles, which between them may do everything."""
    visit, last = world.visit("administrator"), timezone.localdate() + timedelta(days=30)
    return [tokens.make_token(visit, "Hostile", role, last, 1_000_000)[1] for role in ROLES]


def operations() -> Iterator[Any]:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    for result in schema.get_all_operations():
        yield result.ok()


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"]
)
def test_no_call_breaks_the_interface(world: World, secrets: list[str], mode: GenerationMode) -> None:
    action = make_plan(world)
    real = {
        "child": st.sampled_from([child.public_id for child in world.children.values()]),
        "outcome": st.just(action.outcome.public_id),
        "action": st.just(action.public_id),
        "section": st.sampled_from(["works", "health", "nonsense"]),
        "kind": st.sampled_from(["education", "police"]),
    }
    seen: dict[str, set[int]] = {}
    for operation in operations():
        names = [parameter.name for parameter in operation.path_parameters]

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=operation.as_strategy(generation_mode=mode),
            ids=st.fixed_dictionaries({name: real[name] for name in names if name in real}),
            found=st.integers(0, 3),
            secret=st.sampled_from(secrets),
        )
        def call(case: Any, ids: dict[str, str], found: int, secret: str) -> None:
            if found:  # three times of four about a child that there is
                case.path_parameters = {**(case.path_parameters or {}), **ids}
            response = case.call(headers={"Authorization": f"Bearer {secret}"})
            assert response.status_code < 500, (case.operation.label, response.status_code)
            seen.setdefault(case.operation.label, set()).add(response.status_code)

        call()
    assert len(seen) == 22
    if mode == GenerationMode.POSITIVE:
        assert any(200 in codes for codes in seen.values())
    if EXAMPLES >= 50:
        print({label: sorted(codes) for label, codes in seen.items()})  # noqa: T201
