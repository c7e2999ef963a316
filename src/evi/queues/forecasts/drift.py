"""How far a service's rates wander: learned where histories are long, for use where they are short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import resources
from math import log, sqrt
from typing import Literal

import numpy as np
import yaml

from evi.queues.forecasts.rates import Floats
from evi.queues.measuring.series import Period
from evi.workspace import EviError

MONTHS_A_PERIOD: Mapping[Period, float] = {"month": 1.0, "week": 12 * 7 / 365.25}
"""Length of a period in months."""
Known = Literal["nothing", "referrals", "contacts", "flows"]
"""What a forecast is told of the future: nothing, referrals, contacts, or both of these (flows)."""
KNOWN: tuple[Known, ...] = ("nothing", "referrals", "contacts", "flows")


@dataclass(frozen=True)
class Drift:
    """How the rates of a waiting list wander, in steps of one month.

    Attributes:
        referrals, starts: standard deviation of a month's step of the log rate.
        removals: the same for the share of the list that is taken off, relative to that share.
        settle: share of a gap between what comes and what goes that is still there a month later; 1 means
            that a list keeps growing as it did, 0 that it stays as it is.
        tails: degrees of freedom of Student's t, from which steps are drawn (few: rare big steps).
        widen: for what is known, {months ahead: factor} by which intervals are stretched about their middle
            (on a log scale) so that they held on other places.
        trust: share of the change in the share within the limit that the model gives which is believed.
        stray: how far that share strays beyond it, as a standard deviation of its log odds a month.
        source: where all of this was learned.
    """

    referrals: float = 0.05
    starts: float = 0.05
    removals: float = 0.1
    settle: float = 0.7
    tails: float = 4.0
    widen: Mapping[Known, Mapping[int, float]] = field(default_factory=dict)
    trust: float = 0.4
    stray: float = 0.6
    source: str = ""

    def __post_init__(self) -> None:
        fine = (
            min(self.referrals, self.starts, self.removals) >= 0
            and 0 <= self.settle <= 1
            and 0 <= self.trust <= 1
            and self.stray >= 0
            and self.tails > 2
        )
        if not fine:
            raise EviError(
                "a scale is below 0, or a share outside 0 to 1.",
                where="drift",
                do="Learn it anew with evi queue backtest.",
            )

    def per(self, period: Period) -> Drift:
        """The same drift in steps of a week or a month."""
        months = MONTHS_A_PERIOD[period]
        root = sqrt(months)
        return replace(
            self,
            referrals=self.referrals * root,
            starts=self.starts * root,
            removals=self.removals * root,
            settle=self.settle**months,
        )

    def stretch(self, known: Known, months: Floats) -> Floats:
        """Factor by which to widen the interval at each horizon (months ahead), between those learned."""
        factors = self.widen.get(known)
        if not factors:
            return np.ones(len(months))
        at = sorted(factors)
        return np.asarray(
            np.exp(np.interp(np.log(months), [log(m) for m in at], [log(factors[m]) for m in at]))
        )

    def to_yaml(self) -> str:
        """As the text of a file that `Drift.from_yaml` reads."""
        plain = {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}
        plain["widen"] = {
            known: {int(m): round(float(f), 3) for m, f in by.items()} for known, by in self.widen.items()
        }
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)

    @classmethod
    def from_yaml(cls, text: str, where: str = "drift") -> Drift:
        """Read what `to_yaml` wrote.

        Raises:
            EviError: it isn't such a file.
        """
        try:
            raw = yaml.safe_load(text)
            return cls(**raw)
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise EviError(
                "isn't a file of drift.", where=where, do="Make one with evi queue backtest."
            ) from error


@cache
def learned_drift() -> Drift:
    """The drift that comes with eVI, learned from every board of the published Scottish figures."""
    name = "drift.yaml"
    return Drift.from_yaml(
        resources.files("evi.queues.forecasts").joinpath(name).read_text("utf-8"), where=name
    )
