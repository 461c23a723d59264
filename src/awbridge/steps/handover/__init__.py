"""Labels as files, printing them, and hand-over manifests."""
