"""The customer's page: its links, what a shop's customer sees of a parcel, and in which words."""
