"""Measures, significance, answers and their proof, diagnosis, test sets and tuning."""
