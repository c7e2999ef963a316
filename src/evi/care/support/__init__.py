"""Support plans: needs, outcomes, actions, reviews; support never waits for a diagnosis."""
