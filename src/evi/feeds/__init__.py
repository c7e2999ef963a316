"""What each agency sends: layouts as data, a validating reader and clear errors."""

from evi.feeds.checking import CheckReport, FileCheck, check, extract_files, repeated_files
from evi.feeds.detection import Delivery, delivery_of, detect
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
from evi.feeds.reading import Reading, read_extract
from evi.feeds.rejects import REJECT_COLUMNS

__all__ = [
    "REJECT_COLUMNS",
    "ROW_DATES",
    "CheckReport",
    "Coverage",
    "Delivery",
    "EventMap",
    "Field",
    "FileCheck",
    "Layout",
    "Period",
    "PersonMap",
    "Reading",
    "Refusal",
    "Relation",
    "Rule",
    "XmlShape",
    "check",
    "common_sql",
    "delivery_of",
    "detect",
    "extract_files",
    "layout_schema",
    "load_layouts",
    "read_extract",
    "repeated_files",
]
