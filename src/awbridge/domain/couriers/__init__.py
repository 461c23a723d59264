"""Courier allocation, fallback, the account throttle and declared downtimes."""
