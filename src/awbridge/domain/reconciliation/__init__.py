"""Differences between our shipments and ClickPost's records."""
