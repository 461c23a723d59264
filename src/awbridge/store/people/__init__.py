"""People, their sessions, API keys, and the audit log."""
