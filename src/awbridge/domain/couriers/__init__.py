"""Which courier takes a parcel, who comes next, how many calls an account may have now, declared downtimes."""
