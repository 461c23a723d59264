"""Shipments as push and cancel claim them."""
