"""Tables of the customer's page: whose link is whose."""
