"""What happens to the district's children: attainment, recognition, support, absence and social care."""

from __future__ import annotations

from dataclasses import dataclass

from evi.synthetic.absence import Absence, sessions
from evi.synthetic.attainment import Attainment, attain
from evi.synthetic.care import Cases, make_cases
from evi.synthetic.recognition import Recognition, recognise
from evi.synthetic.support import Support, support
from evi.synthetic.world import World


@dataclass(frozen=True)
class Life:
    """The outcomes that services then write down, each in its own way."""

    known: Recognition
    results: Attainment
    support: Support
    absence: Absence
    cases: Cases


def live(world: World) -> Life:
    """Let the history happen to the children of a district."""
    known = recognise(world.population, world.needs, world.seed)
    results = attain(world.population, world.needs, world.seed)
    return Life(
        known=known,
        results=results,
        support=support(world.people, world.needs, known, results, world.schools, world.seed),
        absence=sessions(world.schools, world.needs, world.seed),
        cases=make_cases(world.population, world.needs, world.seed),
    )
