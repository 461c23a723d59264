"""Shipments -> ClickPost: push, its verdicts, allocation, fallback, cancellation, successors."""
