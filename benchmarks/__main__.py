"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from benchmarks import district, spans


def main() -> None:
    """Print every table."""
    print("## Spans and indicators\n", flush=True)
    spans.main()
    print("\n## A whole district\n", flush=True)
    district.main()


if __name__ == "__main__":
    main()
