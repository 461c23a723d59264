"""Where things go that leave the house: object storage, mail, message services, signed webhooks."""
