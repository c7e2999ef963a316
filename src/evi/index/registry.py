"""The district's registry, as the index sees it."""

from __future__ import annotations

from evi.index.catalogue import Catalogue
from evi.workspace import District


def read_catalogue(district: District) -> Catalogue:
    """Load the registry that eVI ships and the district's own, and keep what the index needs."""
    from evi.indicators import load_registry

    raise NotImplementedError(load_registry)
