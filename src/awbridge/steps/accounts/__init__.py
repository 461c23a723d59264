"""Working for many accounts in one process: which of them are awake."""
