"""The event store: one dated fact about one subject, MEDS-shaped Parquet queried with DuckDB."""

from typing import TYPE_CHECKING

from evi.workspace import lazily

if TYPE_CHECKING:
    from evi.records.changes import Changes, changes_since
    from evi.records.loading import load
    from evi.records.queries import open_records, trace
    from evi.records.shapes import code_id, family
    from evi.records.shards import shard_files
    from evi.records.standing import reference_day, store_state
else:
    __getattr__ = lazily(__name__, __file__)

__all__ = [
    "Changes",
    "changes_since",
    "code_id",
    "family",
    "load",
    "open_records",
    "reference_day",
    "shard_files",
    "store_state",
    "trace",
]
