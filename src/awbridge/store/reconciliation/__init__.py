"""Reconciliations, their differences, and the workbench that finds them."""
