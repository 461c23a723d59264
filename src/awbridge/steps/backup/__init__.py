"""Backups: made, verified, retained, restored; and what follows a restore to an older point."""
