"""Where personal data stand, what is old enough to go, erasures."""
