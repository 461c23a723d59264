"""Deliveries in, applied, rebuilt and replayed."""
