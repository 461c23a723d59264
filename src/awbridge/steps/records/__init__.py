"""What several capabilities read or write of a shipment in the same way."""
