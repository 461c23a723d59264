"""The reference pages: `python -m tools.reference` writes what the code says of itself under each page's own text."""
