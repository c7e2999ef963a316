"""A child leaves the district, and may come back. Services keep what they wrote, and get nothing new.

Who may add to a child's address may note it: the agreements say who that is.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from evi.care.children.models import Child

if TYPE_CHECKING:
    from evi.care.door.visit import Visit


def may_come_back(visit: Visit, child: Child) -> bool:
    """Whether the visitor may note that the child is back: could add to the address, but for the move."""
    decision = visit.decision(child, "contribute", "contact")
    return decision.permitted or decision.why == "moved-out"


def move_out(visit: Visit, child: Child, on: date, to: str = "") -> None:
    """Note that the child has moved out of the district on a day, and perhaps where to.

    Raises:
        Refused: the visit may not add to this child's address.
    """
    with visit.writing(child, "contribute", "contact", note="noted that the child has left the district"):
        _write(visit, child, on, to)


def come_back(visit: Visit, child: Child) -> None:
    """Note that the child lives in the district again, or never left it.

    Raises:
        Refused: the visit may not see this child's address.
    """
    with visit.writing(child, "view", "contact", note="noted that the child lives in the district"):
        _write(visit, child, None, "")


def _write(visit: Visit, child: Child, on: date | None, to: str) -> None:
    child.moved_out_on, child.moved_to = on, to
    child.save(update_fields=["moved_out_on", "moved_to", "updated_at"])
    visit.forget(child)
