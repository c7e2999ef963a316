"""Models that put a work list in order: held to a higher bar, and not offered unless they beat a rule."""
