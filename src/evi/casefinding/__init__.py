"""Who may have a need that nobody has recognised, how good each rule is, and for whom it is worse."""
