"""What each agency sends: layouts as data, a validating reader and clear errors."""

from evi.feeds.layout import (
    ROW_DATES,
    Coverage,
    EventMap,
    Field,
    Layout,
    Period,
    PersonMap,
    Refusal,
    Relation,
    Rule,
    XmlShape,
    common_sql,
)
from evi.feeds.loading import layout_schema, load_layouts

__all__ = [
    "ROW_DATES",
    "Coverage",
    "EventMap",
    "Field",
    "Layout",
    "Period",
    "PersonMap",
    "Refusal",
    "Relation",
    "Rule",
    "XmlShape",
    "common_sql",
    "layout_schema",
    "load_layouts",
]
