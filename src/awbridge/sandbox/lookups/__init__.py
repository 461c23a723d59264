"""The lookup endpoints: accounts, pincodes, serviceability, recommendations, delivery predictions."""
