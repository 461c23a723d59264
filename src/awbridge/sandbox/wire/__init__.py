"""How ClickPost speaks: HTTP calls and responses, the JSON envelope, its codes and its timestamp formats."""
