"""The pages of allocation rules: an editor with a preview of the changes, and a check of one order."""
