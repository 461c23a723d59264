"""Shipments, their payloads, waybills and actions."""
