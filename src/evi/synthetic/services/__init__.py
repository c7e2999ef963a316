"""What each service writes down about the district's people, in the layouts that agencies deliver."""
