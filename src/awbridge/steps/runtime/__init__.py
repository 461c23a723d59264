"""What carries every step: the loop, the clock, leases, the pace, schedules, the schema watch."""
