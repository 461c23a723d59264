"""The pages of labels and hand-over manifests."""
