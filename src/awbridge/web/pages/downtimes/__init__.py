"""The page of downtimes: a week of declared downtimes, and what holds an account now."""
