"""The HTTP face: the API under /v1, the webhook endpoint beside it, health and metrics."""
