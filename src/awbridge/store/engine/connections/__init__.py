"""The connections to a PostgreSQL server: who gets one and when, which one, and what runs on it."""
