"""The customer's page: links of shipments, and what the page shows."""
