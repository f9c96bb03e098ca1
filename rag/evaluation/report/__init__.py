"""The report: one HTML file that needs no script and no network."""
