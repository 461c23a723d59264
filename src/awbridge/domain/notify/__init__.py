"""Customer notices and subscriber events: what is sent, when, and why not."""
