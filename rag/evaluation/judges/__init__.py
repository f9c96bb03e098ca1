"""Scores by a language model: yes/no judges, and Ragas."""
