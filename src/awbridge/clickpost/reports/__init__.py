"""ClickPost's reports: their columns, vocabulary and rows."""
