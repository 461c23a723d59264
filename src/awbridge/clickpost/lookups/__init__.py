"""Calls about an account rather than an order: pincodes, predictions, recommendations, records, access."""
