"""Who may do what: roles by path, API keys, sessions, and the guards that check them."""
