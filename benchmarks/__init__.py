"""Benchmarks: timings and memory as tables, each beside a peer or a target."""
