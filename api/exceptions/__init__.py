"""Exceptions: an alert's own words → a Sigma filter that hides what is known, tested before it is saved. See README."""
