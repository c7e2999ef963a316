"""What may come of a list: rates fitted with their doubt, futures under a scenario, how often they held."""
