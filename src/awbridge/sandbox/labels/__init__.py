"""The label PDFs of the simulated couriers, in the shapes that couriers send."""
