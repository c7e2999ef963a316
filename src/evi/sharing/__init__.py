"""The only door between zones: agreements that decide, the ledger, blockages and release."""
