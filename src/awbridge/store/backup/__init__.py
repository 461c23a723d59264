"""Backups of the database, and what a restore to an older point leaves to be corrected."""
