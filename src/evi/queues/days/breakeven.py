"""When a day at a school costs no more of clinicians' time than the same children would in the clinic."""

from __future__ import annotations

import math

from evi.workspace import EviError

CLINIC_HOURS_A_CHILD = 11.5
"""Mean hours of professional time for one child's autism assessment, in 27 NHS services (488 children,
standard deviation 7.03): Male and others, Frontiers in Rehabilitation Sciences 4 (2023) 1119288."""


def break_even(people: int, hours: float, clinic_hours_a_child: float = CLINIC_HOURS_A_CHILD) -> float:
    """Children a visit must see to cost as many clinician hours a child as the clinic does.

    A visit costs people times hours, however many children it sees; the clinic costs the same for every
    child. So the two are equal at people * hours / clinic_hours_a_child. It compares time alone: it assumes
    that the day completes the assessment as the clinic would, and leaves out travel and rooms.

    >>> round(break_even(people=3, hours=7), 3)
    1.826

    Raises:
        EviError: nobody, or no hours.
    """
    if people < 1 or not hours > 0 or not clinic_hours_a_child > 0:
        raise EviError(
            "a break-even needs people, hours and clinic hours above nought.", do="Give each as more than 0."
        )
    return people * hours / clinic_hours_a_child


def fewest_children(people: int, hours: float, clinic_hours_a_child: float = CLINIC_HOURS_A_CHILD) -> int:
    """The least whole number of children at or over the break-even.

    >>> fewest_children(people=3, hours=7)
    2
    """
    return math.ceil(break_even(people, hours, clinic_hours_a_child) - 1e-9)
