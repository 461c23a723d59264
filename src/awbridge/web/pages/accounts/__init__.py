"""The pages on which admins of the home manage the accounts beside it."""
