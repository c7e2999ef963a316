"""What a waiting list is and was: clocks as data, journeys, three waits, and for whom it is longer."""
