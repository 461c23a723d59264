"""Labels and hand-over manifests: what an operations team prints before the courier comes."""
