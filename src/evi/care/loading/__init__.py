"""What fills Care: each service's own records, and what the Insight zone releases to it."""
