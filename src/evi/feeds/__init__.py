"""What each agency sends: layouts as data, a validating reader and clear errors."""
