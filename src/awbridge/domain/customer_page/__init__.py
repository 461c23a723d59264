"""The customer's page: its links, what a shop's customer sees of a parcel and may answer, and in which words."""
