"""What webhooks missed: updated-order, track-order, and the watch over both."""
