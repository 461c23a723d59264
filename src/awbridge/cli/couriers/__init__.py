"""`awbridge couriers`: the mapping of transporters, accounts, downtimes and allocation rules."""
