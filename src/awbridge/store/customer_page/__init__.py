"""Tables of the customer's page: whose link is whose, and what customers answer."""
