"""Sign-in, and what admins do with people and API keys. The API, the pages and the commands share it."""
