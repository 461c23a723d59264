"""The rules of the trade. Pure: no I/O, no clock, no vendor field names."""
