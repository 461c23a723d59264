"""The page of the first run: what is set, what was found when it was tried, and what to do."""
