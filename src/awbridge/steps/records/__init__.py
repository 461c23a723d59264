"""Reads and writes of shipments that several capabilities share."""
