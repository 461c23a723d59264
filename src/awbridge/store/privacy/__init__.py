"""Where personal data is stored, retention, and erasures."""
