"""Orders in, edits, actions at ClickPost, what a person settles."""
