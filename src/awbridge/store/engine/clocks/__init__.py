"""The time that all processes on one database share, and what happens to stored times when it goes back."""
