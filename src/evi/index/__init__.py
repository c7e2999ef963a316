"""The eVI itself: child, family, school and place on any day; patterns; change over time; and why."""

from typing import TYPE_CHECKING

from evi.workspace import lazily

if TYPE_CHECKING:
    from evi.index.at import index_at
    from evi.index.bands import estimate_bands
    from evi.index.catalogue import CHILD_SCOPES, NOT_ENOUGH_KNOWN, Bands, Catalogue, Entry
    from evi.index.changes import CAUSES, Changes, diff, find_run
    from evi.index.concentration import Concentration
    from evi.index.cooccurrence import Combination, Pair
    from evi.index.explaining import explain
    from evi.index.explanation import Explanation, NotKnown, PresentNeed
    from evi.index.finding import Patterns, find_patterns, patterns
    from evi.index.order import Order
    from evi.index.panels import Panel, panel, panel_tables, read_panel
    from evi.index.registry import catalogue_of, read_catalogue
    from evi.index.sources import at_folder
else:
    __getattr__ = lazily(__name__, __file__)

__all__ = [
    "CAUSES",
    "CHILD_SCOPES",
    "NOT_ENOUGH_KNOWN",
    "Bands",
    "Catalogue",
    "Changes",
    "Combination",
    "Concentration",
    "Entry",
    "Explanation",
    "NotKnown",
    "Order",
    "Pair",
    "Panel",
    "Patterns",
    "PresentNeed",
    "at_folder",
    "catalogue_of",
    "diff",
    "estimate_bands",
    "explain",
    "find_patterns",
    "find_run",
    "index_at",
    "panel",
    "panel_tables",
    "patterns",
    "read_catalogue",
    "read_panel",
]
