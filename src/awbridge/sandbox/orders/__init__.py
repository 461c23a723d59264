"""The order endpoints: create, fetch, edit and cancel an order, labels, pickups."""
