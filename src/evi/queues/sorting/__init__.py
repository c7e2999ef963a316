"""A waiting list sorted by what is known of each child, for a person to decide from, audited by group."""
