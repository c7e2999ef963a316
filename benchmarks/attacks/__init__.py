"""Attacks on our own codes, and what each profile costs and gives: `python -m benchmarks.attacks`."""
