"""The agency's own address list: from a UPRN or postcode to a small area, and from an address to its UPRN."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evi.encoding import normalise
from evi.encoding.columns import Column
from evi.encoding.columns import compute as pc
from evi.encoding.identifiers import property_numbers


class Gazetteer:
    """`reference/addresses.parquet` in memory; where the district has none, every answer is null.

    Args:
        path: a Parquet file with `uprn`, `postcode`, `lsoa` and `address_line`.
    """

    def __init__(self, path: Path) -> None:
        self._areas: Column = pa.array([], pa.string())
        self._row_of_uprn: dict[str, int] = {}
        self._area_of_postcode: dict[str, str] = {}
        self._uprn_of_address: dict[str, str | None] = {}
        self._postcodes: dict[str, str | None] = {}
        self._lines: dict[str, str | None] = {}
        if path.is_file():
            self._read(path)

    @property
    def known(self) -> bool:
        """Whether there is an address list."""
        return bool(self._row_of_uprn)

    def _read(self, path: Path) -> None:
        table = pq.read_table(path, columns=["uprn", "postcode", "lsoa", "address_line"])
        uprns = table["uprn"].cast(pa.string()).combine_chunks().to_pylist()
        for row, uprn in enumerate(uprns):
            if uprn is not None:
                self._row_of_uprn.setdefault(uprn, row)
        self._areas = table["lsoa"].cast(pa.string()).combine_chunks()
        counts: dict[str, dict[str, int]] = {}
        rows = zip(
            uprns,
            table["postcode"].to_pylist(),
            self._areas.to_pylist(),
            table["address_line"].to_pylist(),
            strict=True,
        )
        for uprn, code, area, line in rows:
            plain = self._plain_postcode(code)
            if plain is None:
                continue
            if area is not None:
                tally = counts.setdefault(plain, {})
                tally[area] = tally.get(area, 0) + 1
            if line:
                key = f"{self._plain_line(line)}|{plain}"
                self._uprn_of_address[key] = None if key in self._uprn_of_address else uprn
        self._area_of_postcode = {
            code: min(tally, key=lambda area: (-tally[area], area)) for code, tally in counts.items()
        }

    def _plain_postcode(self, text: str | None) -> str | None:
        if text is None:
            return None
        if text not in self._postcodes:
            self._postcodes[text] = normalise.postcode(text)
        return self._postcodes[text]

    def _plain_line(self, text: str) -> str | None:
        if text not in self._lines:
            self._lines[text] = normalise.address(text)
        return self._lines[text]

    def uprns(self, uprns: Column | None, lines: Column | None, postcodes: Column | None) -> Column | None:
        """UPRNs as delivered or, where there are none, of the one address with that line and postcode."""
        plain = property_numbers(uprns) if uprns is not None else None
        if lines is None or postcodes is None or not self._uprn_of_address:
            return plain
        pairs = pc.binary_join_element_wise(lines, postcodes, "\x1f").dictionary_encode()
        found: list[str | None] = []
        for pair in pairs.dictionary.to_pylist():
            line, code = pair.split("\x1f", 1)
            found.append(self._uprn_of_address.get(f"{self._plain_line(line)}|{self._plain_postcode(code)}"))
        looked_up = pa.array(found, pa.string()).take(pairs.indices)
        return looked_up if plain is None else pc.coalesce(plain, looked_up)

    def areas(self, uprns: Column | None, postcodes: Column | None, rows: int) -> Column:
        """The LSOA of each row: of its UPRN, else the one that most of its postcode's addresses are in."""
        areas: Column = pa.nulls(rows, pa.string())
        if uprns is not None and self._row_of_uprn:
            coded = uprns.dictionary_encode()
            found = pa.array(
                [self._row_of_uprn.get(uprn) for uprn in coded.dictionary.to_pylist()], pa.int64()
            )
            areas = self._areas.take(found.take(coded.indices))
        if postcodes is not None and self._area_of_postcode:
            coded = postcodes.dictionary_encode()
            named = [
                self._area_of_postcode.get(self._plain_postcode(c) or "")
                for c in coded.dictionary.to_pylist()
            ]
            areas = pc.coalesce(areas, pa.array(named, pa.string()).take(coded.indices))
        return areas
