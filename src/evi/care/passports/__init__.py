"""Needs passports: sections, voices, versions, sharing and hand-overs."""
