"""The customer's page: links of shipments, what the page shows, and what customers answer on it."""
