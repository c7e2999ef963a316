"""What case-finding released about a child to a service that holds the child, and what was done about it."""
