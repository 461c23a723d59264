"""Courier accounts, their state, allocation rules, downtimes."""
