"""Windows of updated-order, the shared pace, arrivals of webhooks and their keys."""
