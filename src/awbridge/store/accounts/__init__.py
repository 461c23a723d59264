"""Accounts of this installation: which of them have work that is due."""
