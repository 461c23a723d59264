"""HTTP: the webhook endpoint, the API under /v1, the pages, health and metrics."""
