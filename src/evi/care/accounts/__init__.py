"""Who signs in: people, organisations, teams, and the roles that they hold there."""
