"""The event store: one dated fact about one subject, MEDS-shaped Parquet queried with DuckDB."""

from evi.records.changes import Changes, changes_since
from evi.records.loading import load
from evi.records.queries import open_records, reference_day, store_state, trace
from evi.records.shapes import code_id, family

__all__ = [
    "Changes",
    "changes_since",
    "code_id",
    "family",
    "load",
    "open_records",
    "reference_day",
    "store_state",
    "trace",
]
