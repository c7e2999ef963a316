"""What a change of the rota means for people: counted from the two rotas alone."""

from __future__ import annotations

from dataclasses import dataclass

from evi.queues.days.rota import Rota


@dataclass(frozen=True)
class Disturbance:
    """Two rotas compared.

    Attributes:
        visits_hit: visits that could not stand as they were.
        visits_changed: visits of the old rota that do not stand exactly as they were: those hit, and others.
        children_moved: children with another day or school; children_lost: with no day now.
        children_gained: with a day now who had none.
        diaries_changed: people whose days are not the same.
    """

    visits_hit: int
    visits_changed: int
    children_moved: int
    children_lost: int
    children_gained: int
    diaries_changed: int


def disturbance(old: Rota, new: Rota, hit: int = 0) -> Disturbance:
    """Compare two rotas, of which `hit` visits of the old one could not stand."""
    stand = set(new.visits)
    before, after = old.visit_of, new.visit_of
    moved = [child for child in before if child in after and before[child].visit != after[child].visit]
    diaries = [
        {(person, visit.visit) for visit in rota.visits for person in visit.team} for rota in (old, new)
    ]
    return Disturbance(
        visits_hit=hit,
        visits_changed=sum(visit not in stand for visit in old.visits),
        children_moved=len(moved),
        children_lost=sum(child not in after for child in before),
        children_gained=sum(child not in before for child in after),
        diaries_changed=len({person for person, _visit in diaries[0] ^ diaries[1]}),
    )
