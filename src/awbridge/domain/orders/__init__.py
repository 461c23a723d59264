"""Shipments: registration states, outcomes, actions, cancellation, and what needs a person."""
