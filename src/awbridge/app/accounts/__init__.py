"""Accounts: what the file, the environment and the database say of each, and the settings that this makes."""
