"""Assessment days: which team visits which school on which day, and whom it sees."""
