"""The eVI itself: child, family, school and place on any day; patterns; change over time; and why."""
