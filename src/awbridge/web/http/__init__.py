"""The HTTP/1.1 server: connection limits, and a fast path for ordinary webhooks."""
