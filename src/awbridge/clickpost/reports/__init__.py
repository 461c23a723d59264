"""ClickPost's reports: their columns, words and rows."""
