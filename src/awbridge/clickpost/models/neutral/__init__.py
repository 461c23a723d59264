"""One shipment in neutral terms, and its conversion to the forms of ClickPost."""
