"""What a process finds out about its database: which server takes writes, what stands before and behind it."""
