"""`awbridge doctor`: what is wrong, and the table of ClickPost's guidelines."""
