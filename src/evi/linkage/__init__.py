"""The hub side: which records are the same person, which people share a home, and how sure that is."""

from evi.linkage.gate import check as check_gate
from evi.linkage.learned import forget_learned
from evi.linkage.spine import THRESHOLD, link
from evi.linkage.tables import LinkedTables, link_tables

__all__ = ["THRESHOLD", "LinkedTables", "check_gate", "forget_learned", "link", "link_tables"]
