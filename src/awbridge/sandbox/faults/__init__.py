"""Fault injection: which call fails, and what a failed call looks like over HTTP."""
