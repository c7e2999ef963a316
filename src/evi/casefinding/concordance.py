"""How well services agree on who has a recorded condition: the recording-quality report.

Two services are compared among the children whom both know on the day (see the rule's `places`). Agreement
beyond chance is Cohen's kappa, `(p_o - p_e) / (1 - p_e)`; it says little where hardly anybody has the
condition, so counts stand beside it: of the children whom one of the two has recorded, the share whom both
have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import combinations

from evi.casefinding.counted import make_places
from evi.casefinding.known import Known
from evi.casefinding.rules import Rule
from evi.workspace import District, EviError, quote


@dataclass(frozen=True)
class Agreement:
    """What two services have recorded of the children whom both know."""

    first: str
    second: str
    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def children(self) -> int:
        """Children whom both services know."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def share_both(self) -> float | None:
        """Of the children whom one of the two has recorded, the share whom both have; None without any."""
        any_of = self.both + self.first_only + self.second_only
        return self.both / any_of if any_of else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; None where chance alone would agree on everybody.

        >>> round(Agreement("a", "b", 20, 5, 10, 15).kappa, 2)
        0.4
        """
        n = self.children
        if not n:
            return None
        first, second = (self.both + self.first_only) / n, (self.both + self.second_only) / n
        chance = first * second + (1 - first) * (1 - second)
        return None if chance == 1 else ((self.both + self.neither) / n - chance) / (1 - chance)


def concordance(district: District, rule: Rule, day: date) -> tuple[Agreement, ...]:
    """How each two places of a rule of kind `places` agree, as known on a day.

    Raises:
        EviError: the rule is of another kind, or nothing is loaded.
    """
    if rule.kind != "places":
        raise EviError(
            "it does not compare what services have recorded.",
            where=f"rule {rule.id}",
            do="Name a rule of kind places, such as recording-autism.",
            exit_code=2,
        )
    titles = {place["id"]: place["title"] for place in rule.score["places"]}
    with Known(district, day, rule.codes) as known:
        known.children(rule.age_months)
        make_places(known, rule)
        return tuple(_agreement(known, titles, *pair) for pair in combinations(titles, 2))


def _agreement(known: Known, titles: dict[str, str], first: str, second: str) -> Agreement:
    counted = dict.fromkeys(((True, True), (True, False), (False, True), (False, False)), 0)
    rows = known.con.execute(
        f"""SELECT a.held, b.held, count(*) FROM place_of a JOIN place_of b USING (subject_id)
        WHERE a.id = {quote(first)} AND b.id = {quote(second)} GROUP BY ALL"""
    ).fetchall()
    counted |= {(bool(a), bool(b)): int(count) for a, b, count in rows}
    return Agreement(
        titles[first],
        titles[second],
        counted[True, True],
        counted[True, False],
        counted[False, True],
        counted[False, False],
    )
