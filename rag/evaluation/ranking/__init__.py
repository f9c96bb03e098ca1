"""Rankings: judgements, runs, measures, and when a difference counts."""
