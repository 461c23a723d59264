"""A shipment from intake to its end: its states, what may be wanted of it at ClickPost, what needs a person."""
