"""The JSON Schema of orders, made from the models and from the tables of their limits and rules."""
