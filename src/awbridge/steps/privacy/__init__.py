"""Retention of old rows, and erasure of one person's data."""
