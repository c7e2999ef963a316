"""The door in the application: every visit is decided by the agreements and written to the ledger."""
