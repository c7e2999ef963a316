"""The privacy-preserving peer: clkhash codes compared by anonlink, in an environment of its own.

Run inside that environment: `python linkage_clk.py IN.json OUT.json`. IN holds `left` and `right` (lists of
rows of text; `right` null for repeats in one list) and `threshold`; OUT gets [left row, right row, likeness].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anonlink
from clkhash import clk
from clkhash.comparators import NgramComparison
from clkhash.field_formats import BitsPerFeatureStrategy, FieldHashingProperties, MissingValueSpec, StringSpec
from clkhash.schema import Schema

BITS = 1024


def main(source: Path, target: Path) -> None:
    """Encode, compare everyone with everyone, and write what is alike."""
    given = json.loads(source.read_text(encoding="utf-8"))
    schema = Schema([_field(name) for name in given["names"]], BITS)
    sides = [given["left"], given["left"] if given["right"] is None else given["right"]]
    codes = [clk.generate_clks(rows, schema, b"a secret of the benchmark", validate=False) for rows in sides]
    found = anonlink.candidate_generation.find_candidate_pairs(
        codes, anonlink.similarities.dice_coefficient, given["threshold"]
    )
    likeness, _, (left, right) = found
    rows = [
        (int(a), int(b), round(float(c), 6))
        for c, a, b in zip(likeness, left, right, strict=True)
        if given["right"] is not None or a < b
    ]
    target.write_text(json.dumps(rows), encoding="utf-8")


def _field(name: str) -> StringSpec:
    """Pairs of letters, 200 bits for each field, as clkhash advises."""
    return StringSpec(
        name,
        FieldHashingProperties(
            NgramComparison(2), BitsPerFeatureStrategy(200), missing_value=MissingValueSpec("", "")
        ),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
