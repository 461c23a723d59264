"""A day of ours against ClickPost's report, and what is done about differences."""
