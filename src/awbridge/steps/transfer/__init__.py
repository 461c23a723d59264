"""An account's data as a whole: created, exported to a file, imported from one, dropped."""
