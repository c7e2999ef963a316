"""The registry of vulnerabilities as data, and the compiler that turns it into spans in one plan."""

from typing import TYPE_CHECKING

from evi.workspace import lazily

if TYPE_CHECKING:
    from evi.indicators.explaining import Reason, reason
    from evi.indicators.queries import (
        STATES,
        SpanIndex,
        States,
        assessable_sql,
        prevalence_by_month,
        register_views,
        state_at,
    )
    from evi.indicators.reasoning import reasons
    from evi.indicators.registry import DOMAINS, Evidence, Indicator, Needs, Registry, load_registry
    from evi.indicators.snapshot import evaluate_at
    from evi.indicators.sources import Store
    from evi.indicators.spans import SpanFiles, build_spans, registry_of
    from evi.indicators.updates import Changes, refresh_spans, update_spans
else:
    __getattr__ = lazily(__name__, __file__)

__all__ = [
    "DOMAINS",
    "STATES",
    "Changes",
    "Evidence",
    "Indicator",
    "Needs",
    "Reason",
    "Registry",
    "SpanFiles",
    "SpanIndex",
    "States",
    "Store",
    "assessable_sql",
    "build_spans",
    "evaluate_at",
    "load_registry",
    "prevalence_by_month",
    "reason",
    "reasons",
    "refresh_spans",
    "register_views",
    "registry_of",
    "state_at",
    "update_spans",
]
