"""The pages of tracking deliveries."""
