"""The whole interface: importing this module declares every operation, in the order of the document."""

from __future__ import annotations

from evi.care.api import exchanging, plans, reading, writing
from evi.care.api.operations import api, operations

__all__ = ["api", "exchanging", "operations", "plans", "reading", "writing"]
