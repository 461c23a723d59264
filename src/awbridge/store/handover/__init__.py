"""Tables of labels, print runs and hand-over manifests."""
