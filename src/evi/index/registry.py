"""The district's registry, as the index sees it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from evi.index.catalogue import Bands, Catalogue, Entry
from evi.indicators import DOMAINS, Indicator, Registry, load_registry
from evi.indicators.expressions import Rate
from evi.indicators.registry import FOLDER
from evi.workspace import District, EviError

BANDS_FILE = "bands.yaml"


def read_catalogue(district: District) -> Catalogue:
    """Load the registry that eVI ships and the district's own, and keep what the index needs.

    A district's own `bands.yaml`, in any of its registry folders, wins over the shipped one.

    Raises:
        EviError: a file of the registry can't be read as what it should be.
    """
    return catalogue_of(district_registry(district), _bands(district))


def district_registry(district: District) -> Registry:
    """The shipped registry with the district's own indicators."""
    folders = tuple(district.root / folder for folder in district.config.registry)
    files = [path for folder in (FOLDER, *folders) for path in sorted(folder.glob("*"))]
    return _registry(folders, tuple((str(path), path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=4)
def _registry(folders: tuple[Path, ...], _state: tuple[tuple[str, int], ...]) -> Registry:
    """The registry of these folders; read again only when a file in them has changed."""
    return load_registry(folders)


def catalogue_of(registry: Registry, bands: Bands) -> Catalogue:
    """What the index needs of a registry, with these bands."""
    return Catalogue(tuple(_entry(i) for i in registry), bands, dict(DOMAINS), registry.digest)


def _entry(indicator: Indicator) -> Entry:
    expression = indicator.expression
    rate = expression if isinstance(expression, Rate) else None
    return Entry(
        id=indicator.id,
        title=indicator.title,
        domain=indicator.domain,
        scope=indicator.scope,
        age_from=indicator.age_months[0],
        age_to=indicator.age_months[1],
        feeds=indicator.needs.feeds,
        every_feed=indicator.needs.every,
        codes=indicator.codes,
        digest=indicator.digest,
        sensitive=indicator.sensitive,
        who_would_know=indicator.who_would_know,
        requires=bool(indicator.needs.requires or indicator.needs.watched_at_months),
        rate_of=rate.indicator if rate else None,
        rate_among=rate.among if rate else "",
        rate_at_least=rate.at_least if rate else 0,
        minimum_children=rate.minimum_children if rate else 0,
    )


def _bands(district: District) -> Bands:
    folders = [district.root / name for name in reversed(district.config.registry)]
    for folder in (*folders, FOLDER):
        if (folder / BANDS_FILE).is_file():
            return read_bands(folder / BANDS_FILE)
    raise EviError("the registry has no bands.", where=str(FOLDER), do=f"Add {BANDS_FILE} to its folder.")


def read_bands(path: Path) -> Bands:
    """Read the bands of a registry folder.

    Raises:
        EviError: the file isn't what docs/the-index.md says it should be.
    """
    try:
        table: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        listed = table["bands"]
        return Bands(
            names=tuple(str(band["name"]) for band in listed),
            cuts=tuple(float(band["from"]) for band in listed[1:]),
            minimum_share=float(table["minimum_share"]),
            provisional=bool(table["provisional"]),
            method=str(table["method"]),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise EviError(
            f"it can't be read as bands ({type(error).__name__}: {error}).",
            where=str(path),
            do="It needs bands (each with a name and the index it starts from), minimum_share, provisional "
            "and method.",
        ) from error
