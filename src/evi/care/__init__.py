"""The Care zone: the web application in which the people round one child work together (Django)."""
