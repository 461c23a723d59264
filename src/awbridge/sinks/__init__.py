"""Outbound channels: object storage, mail, message services and signed webhooks."""
