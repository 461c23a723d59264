"""Outgoing webhooks: registration, bodies, and sending with retries and faults."""
