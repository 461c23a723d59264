"""Everything that carries words out of the house: mail, message services, signed webhooks."""
