"""What a volume of parcels takes: rows, bytes, calls, cores, and the stage of growth."""
