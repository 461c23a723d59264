"""The image's health check: `serve` answers at AWBRIDGE_PORT, `work` at AWBRIDGE_METRICS_PORT. Exits 1 if neither."""

import os
import sys
from urllib.request import urlopen

problems: list[str] = []
for port in (os.environ.get("AWBRIDGE_PORT", "8000"), os.environ.get("AWBRIDGE_METRICS_PORT", "9464")):
    try:
        urlopen(f"http://127.0.0.1:{port}/healthz", timeout=3).close()
        sys.exit(0)
    except OSError as error:  # nobody listens, no answer in time, or 503 with the names of the steps that hang
        problems.append(f"port {port}: {error}")
sys.exit("; ".join(problems))
