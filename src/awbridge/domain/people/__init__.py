"""People who sign in, their roles, who acts, and what is audited."""
