"""A simulated day with a verdict from the sandbox's own books: the demo and the drill."""
