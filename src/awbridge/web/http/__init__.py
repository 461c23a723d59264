"""HTTP/1.1 on the wire: limits of connections, and ordinary webhooks answered where their bytes are read."""
