"""Backups: what is known of one, and what a restore to an older point means."""
