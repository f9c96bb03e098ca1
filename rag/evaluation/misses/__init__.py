"""Why questions failed: the stage that lost the gold."""
