"""Everything that is true of a synthetic district, put together in order, and each agency's register of
people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from evi.synthetic.calendar import Ints
from evi.synthetic.draws import Generator, stream
from evi.synthetic.geography import Geography
from evi.synthetic.homes import Homes, make_homes
from evi.synthetic.identifiers import nhs_numbers
from evi.synthetic.names import NamePool, load_names
from evi.synthetic.needs import Needs, make_needs
from evi.synthetic.population import Communities, Families, People, Population, make_population
from evi.synthetic.recording import Register
from evi.synthetic.schools import Schools, make_schools


@dataclass
class World:
    """The district as it is. `registers` holds each agency's books once they are opened."""

    seed: int
    place: Geography
    pool: NamePool
    population: Population
    homes: Homes
    needs: Needs
    schools: Schools
    nhs: Ints
    registers: dict[str, Register] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def people(self) -> People:
        """Everyone."""
        return self.population.people

    @property
    def families(self) -> Families:
        """Families with children."""
        return self.population.families

    @property
    def communities(self) -> Communities:
        """The communities' rules."""
        return self.population.communities

    @property
    def family(self) -> Ints:
        """Each child's family."""
        return self.people.family[: self.people.children]

    def rng(self, purpose: str) -> Generator:
        """The random stream for one purpose."""
        return stream(self.seed, purpose)

    def open_register(self, feed: str, persons: Ints, **options: Any) -> Register:
        """Open an agency's books for these people (sorted, unique true ids)."""
        register = Register(
            feed,
            persons,
            seed=self.seed,
            people=self.people,
            homes=self.homes,
            pool=self.pool,
            communities=self.communities,
            nhs=self.nhs,
            upn=self.schools.upn,
            **options,
        )
        self.registers[feed] = register
        return register


def make_world(people: int, seed: int, place: Geography) -> World:
    """Make a district of about this many residents: people, homes, needs and schools."""
    pool = load_names()
    population = make_population(people, seed, place, pool)
    homes = make_homes(population, seed, place)
    needs = make_needs(population, seed)
    everyone = population.people
    rng = stream(seed, "identifiers")
    nhs = nhs_numbers(rng.permutation(everyone.count))
    severe = needs.child["learning_disability"].has | needs.child["physical_disability"].has
    special = severe & (rng.random(severe.size) < 0.32)
    schools = make_schools(everyone, homes, place, seed, special)
    return World(seed, place, pool, population, homes, needs, schools, np.asarray(nhs))


def text_ids(prefix: str, numbers: Ints) -> pl.Series:
    """Ids such as record numbers: a prefix and a number."""
    return pl.Series("id", [prefix]).new_from_index(0, numbers.size) + pl.Series(numbers).cast(pl.String)
