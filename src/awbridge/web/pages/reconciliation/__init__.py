"""The pages of reconciliations: files and days that are compared, their differences, and what to do about them."""
