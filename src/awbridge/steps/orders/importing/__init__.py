"""Orders and waybills from files: a table is read row by row, and stored in batches."""
