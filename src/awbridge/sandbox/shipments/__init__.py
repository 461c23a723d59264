"""The simulated shipments: their data, their journeys, and the registry that holds them."""
