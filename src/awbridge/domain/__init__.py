"""What a shipment is and how it moves. Pure: no I/O, no clock, no vendor's words."""
