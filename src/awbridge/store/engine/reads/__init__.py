"""Reads from a replica of the database: which requests do, and the replica itself."""
