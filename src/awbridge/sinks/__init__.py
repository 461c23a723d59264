"""Where things go that leave the house: object storage, mail."""
