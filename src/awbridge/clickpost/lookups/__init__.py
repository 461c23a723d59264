"""Questions that change nothing: pincodes, predictions, recommendations, records, accounts, access."""
