"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from benchmarks import district, linkage, linkage_bad, linkage_draws, linkage_scale, spans
from benchmarks.attacks import __main__ as attacks


def main() -> None:
    """Print every table."""
    print("## Spans and indicators\n", flush=True)
    spans.main()
    print("\n## Linkage\n", flush=True)
    linkage.main()
    print("\n## Linkage by size\n", flush=True)
    linkage_scale.main([])
    print("\n## Registers as bad as they get\n", flush=True)
    linkage_bad.main([])
    print("\n## Draws of links against the truth\n", flush=True)
    linkage_draws.main([])
    print("\n## A whole district\n", flush=True)
    district.main()
    print("\n## Attacks on codes, by profile\n", flush=True)
    attacks.main()


if __name__ == "__main__":
    main()
