"""What the index needs to know of each indicator, and the cut-points of its bands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from evi.workspace import EviError

NOT_ENOUGH_KNOWN = "not enough known"

CHILD_SCOPES = ("child", "household")
"""Scopes that count towards a child's own index; school and area indicators describe places."""

DOUBTFUL_LINK = 0.95
"""A feed joined to a child with less than this probability is treated as one that may be another child's."""

LARGE_ADDRESS = 12
"""An address with more people than this is not treated as one family: it may be a hostel, a refuge, a
children's home, or flats that share one property number. A choice of ours, stated wherever it is used."""


@dataclass(frozen=True)
class Bands:
    """How an index becomes a band.

    Attributes:
        names: bands from the lowest index to the highest; one more than there are cut-points.
        cuts: ascending index values; a child whose index is at least `cuts[i]` is above band `i`.
        minimum_share: the least share of the indicators for a child's age that must be assessable.
        provisional: true until real data has set the cut-points.
        method: in a sentence, how the cut-points were set.
    """

    names: tuple[str, ...]
    cuts: tuple[float, ...]
    minimum_share: float
    provisional: bool = True
    method: str = ""

    def __post_init__(self) -> None:
        ascending = all(low < high for low, high in pairwise(self.cuts))
        if len(self.names) != len(self.cuts) + 1 or not ascending or not 0 <= self.minimum_share <= 1:
            raise EviError(
                "the bands don't fit their cut-points.",
                where="bands",
                do="Give ascending cut-points, one name more than cut-points, and a share from 0 to 1.",
            )

    @property
    def all_names(self) -> tuple[str, ...]:
        """The bands in order, then “not enough known”."""
        return (*self.names, NOT_ENOUGH_KNOWN)

    def of(self, n_present: int, n_assessable: int, n_applicable: int) -> str:
        """The band of one child; the SQL in `children.py` says the same."""
        if n_assessable == 0 or n_assessable < self.minimum_share * n_applicable:
            return NOT_ENOUGH_KNOWN
        return self.names[sum(n_present / n_assessable >= cut for cut in self.cuts)]


@dataclass(frozen=True)
class Entry:
    """One indicator, as the index sees it.

    Attributes:
        id, title, domain, scope: as the registry has them.
        age_from, age_to: months of age at which it applies, `[age_from, age_to)`.
        feeds: the feeds that can answer it.
        every_feed: true if all of `feeds` are needed, false if any one of them is enough.
        codes: prefixes or whole codes of the events that it reads.
        digest: a hash of its definition, so that a change of definition shows.
        sensitive: true if what it says about a child needs special care in print.
        who_would_know: the service to ask.
        requires: true if being covered is not enough, and a result or a watch at some age is needed too.
        rate_of, rate_among, rate_at_least, minimum_children: for an indicator of schools or areas, the
            indicator whose share of children it is, "school" or "lsoa", the share in thousandths from which
            it is present, and the fewest children of whom it says anything.
    """

    id: str
    title: str
    domain: str
    scope: str = "child"
    age_from: int = 0
    age_to: int = 216
    feeds: tuple[str, ...] = ()
    every_feed: bool = False
    codes: tuple[str, ...] = ()
    digest: str = ""
    sensitive: bool = False
    who_would_know: str = ""
    requires: bool = False
    rate_of: str | None = None
    rate_among: str = ""
    rate_at_least: int = 0
    minimum_children: int = 0

    def applies_at(self, age_months: int) -> bool:
        """Whether a child of this age can have it."""
        return self.age_from <= age_months < self.age_to


@dataclass(frozen=True)
class Catalogue:
    """The registry as the index sees it: indicators, the titles of domains, and bands."""

    entries: tuple[Entry, ...]
    bands: Bands
    domains: dict[str, str] = field(default_factory=dict)
    digest: str = ""

    @property
    def own(self) -> tuple[Entry, ...]:
        """The indicators that count towards a child's own index, in the registry's order."""
        return tuple(entry for entry in self.entries if entry.scope in CHILD_SCOPES)

    @property
    def of_places(self) -> tuple[Entry, ...]:
        """The indicators of schools and areas, which are derived when asked."""
        return tuple(entry for entry in self.entries if entry.scope not in CHILD_SCOPES)

    @property
    def domain_ids(self) -> tuple[str, ...]:
        """The domains, in the registry's order."""
        return tuple(self.domains) or tuple(dict.fromkeys(entry.domain for entry in self.entries))

    def __getitem__(self, indicator: str) -> Entry:
        for entry in self.entries:
            if entry.id == indicator:
                return entry
        raise KeyError(indicator)

    def title(self, indicator: str) -> str:
        """The plain-English title of an indicator, or its id if it is no longer in the registry."""
        return next((entry.title for entry in self.entries if entry.id == indicator), indicator)

    def domain_title(self, domain: str) -> str:
        """The title of a domain."""
        return self.domains.get(domain, domain.replace("_", " "))

    def applicable(self, age_months: int) -> Iterable[Entry]:
        """The indicators of the child's own index that apply at this age."""
        return (entry for entry in self.own if entry.applies_at(age_months))
