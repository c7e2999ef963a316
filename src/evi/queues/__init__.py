"""Waiting lists: measure, read published ones, simulate, forecast, size, sort, and plan the days."""
