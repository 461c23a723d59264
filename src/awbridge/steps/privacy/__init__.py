"""Old rows go, and one person's data."""
