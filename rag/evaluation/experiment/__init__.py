"""Whole evaluations: what to ask, what came back, what it came to."""
