"""Answers, refusals and citations, scored without a judge."""
