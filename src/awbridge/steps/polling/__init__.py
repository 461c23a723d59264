"""Polling for what webhooks missed: updated-order, track-order, and the alarm for silent webhooks."""
