"""Routes about shipments: intake, lists and exports, actions, look-up."""
