"""The HTML pages for operators, which work without JavaScript."""
