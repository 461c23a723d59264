"""What probes and Prometheus ask: /healthz, /readyz and /metrics."""
